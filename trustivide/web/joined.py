"""One stylesheet and one script for pages that must load fast on a poor phone.

Each is several files of ``static/`` joined, so that nothing is written twice. Their
address carries a stamp of the parts, so a browser may keep them for a year.
"""

from pathlib import Path

from flask import Blueprint, Response, current_app
from flask.typing import ResponseReturnValue

from trustivide.web.access import public

bp = Blueprint("joined", __name__)

STYLE, SCRIPT = "answering.css", "answering.js"
PARTS = {
    STYLE: tuple(
        f"css/{sheet}.css" for sheet in ("tokens", "base", "layout", "controls", "utilities")
    ),
    SCRIPT: ("js/app.js", "js/survey.js"),
}
"""What is joined, in order, by the name under ``/static/``."""
YEAR = 365 * 24 * 3600


def stamp(folder: Path, name: str) -> str:
    """Changes whenever the file ``name`` below ``folder``, or a part of it, does."""
    parts = PARTS.get(name, (name,))
    return f"{max((folder / part).stat().st_mtime_ns for part in parts):x}"


def _join(name: str, mimetype: str) -> Response:
    folder = Path(str(current_app.static_folder))
    content = b"".join((folder / part).read_bytes() for part in PARTS[name])
    response = Response(content, mimetype=mimetype)
    response.cache_control.public = True
    response.cache_control.max_age = YEAR
    response.cache_control.immutable = True
    return response


@bp.get(f"/static/{STYLE}")
@public
def style() -> ResponseReturnValue:
    """All rules that the pages of answering use."""
    return _join(STYLE, "text/css")


@bp.get(f"/static/{SCRIPT}")
@public
def script() -> ResponseReturnValue:
    """The comforts of the pages of answering."""
    return _join(SCRIPT, "text/javascript")
