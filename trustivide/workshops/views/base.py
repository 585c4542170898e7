"""The pages of workshops: the blueprint, and what their modules share."""

import re
from io import BytesIO
from pathlib import Path
from uuid import UUID

from flask import Blueprint, Response, current_app, g, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core.db import db
from trustivide.web.access import found
from trustivide.web.fragments import go, tell
from trustivide.web.locale import language
from trustivide.workshops import session_queries
from trustivide.workshops.cards import WorkshopCard
from trustivide.workshops.guide_files import guide_file
from trustivide.workshops.session_queries import Listed

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


def meeting_of(session_id: UUID) -> Listed:
    """A team's workshop for the actor; a stranger's is a 404."""
    reader = session_queries.for_actor(db.session(), g.actor)
    listed: Listed = found(reader.get(session_id, language()))
    return listed


def too_late(session_id: UUID) -> ResponseReturnValue:
    """Back to a team's workshop that was run or cancelled meanwhile."""
    tell(_("Workshopen är redan genomförd eller inställd."), "info")
    return go(url_for("workshops.session", session_id=session_id))
