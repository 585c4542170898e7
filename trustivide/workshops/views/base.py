"""The pages of workshops: the blueprint, and what their modules share."""

import re
from io import BytesIO
from pathlib import Path

from flask import Blueprint, Response, current_app, send_file

from trustivide.workshops.cards import WorkshopCard
from trustivide.workshops.guide_files import guide_file

bp = Blueprint("workshops", __name__, url_prefix="/workshops")


def pdf_of(card: WorkshopCard, document: str, title: str) -> Response:
    """The guide or the handout of ``card`` to save, made now if nobody asked for it before."""
    file = guide_file(current_app.config["SETTINGS"].instance / "guides", card, document)
    return to_save(file, f"{title}.pdf", "application/pdf")


def to_save(content: Path | bytes, name: str, mimetype: str) -> Response:
    """A file with a readable name, without what no file system likes in names."""
    stem, ending = name.rsplit(".", 1)
    clean = " ".join(re.sub(r"[^\w\s-]", "", stem).split())
    response = send_file(
        BytesIO(content) if isinstance(content, bytes) else content,
        mimetype=mimetype,
        as_attachment=True,
        download_name=f"{clean}.{ending}",
    )
    response.headers["Cache-Control"] = "no-store"
    return response
