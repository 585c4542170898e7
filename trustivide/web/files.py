"""Files that somebody saves, and files that somebody hands in."""

from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Request, Response, send_file
from werkzeug.exceptions import NotFound


def attachment(body: Any, name: str, mimetype: str = "application/json") -> Response:
    """A file to save (RFC 6266), kept by no cache."""
    response = Response(body, mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def stored(path: Path, name: str, mimetype: str) -> Response:
    """A file of ours to save, under ``name`` in ASCII and in full (RFC 6266, RFC 8187).

    404 where there is none.
    """
    if not path.is_file():
        raise NotFound
    response = send_file(path, mimetype=mimetype, as_attachment=True, download_name=name)
    response.headers["Cache-Control"] = "no-store"
    return response


class InMemory(Request):
    """A request whose files are read in memory, where Werkzeug would lay large ones on the disk.

    They hold people's addresses; the limit on the body is a limit on memory too.
    """

    def _get_file_stream(self, *_: Any, **__: Any) -> BytesIO:
        return BytesIO()
