"""Files that somebody saves, and files that somebody hands in."""

from io import BytesIO
from typing import Any

from flask import Request, Response


def attachment(body: Any, name: str, mimetype: str = "application/json") -> Response:
    """A file to save (RFC 6266), kept by no cache."""
    response = Response(body, mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


class InMemory(Request):
    """A request whose files are read in memory, where Werkzeug would lay large ones on the disk.

    They hold people's addresses; the limit on the body is a limit on memory too.
    """

    def _get_file_stream(self, *_: Any, **__: Any) -> BytesIO:
        return BytesIO()
