"""Files that somebody saves."""

from typing import Any

from flask import Response


def attachment(body: Any, name: str, mimetype: str = "application/json") -> Response:
    """A file to save (RFC 6266), kept by no cache."""
    response = Response(body, mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response
