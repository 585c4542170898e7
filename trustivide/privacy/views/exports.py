"""Downloading everything: asked for, made by the worker, fetched by its owner alone."""

from uuid import UUID

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.privacy import export, queries
from trustivide.privacy.views.base import bp, centre, person, verify_first, visitor
from trustivide.web.access import found, public, subject
from trustivide.web.files import attachment
from trustivide.web.fragments import go


@bp.route("/export", methods=["GET", "POST"])
@subject
def exports() -> ResponseReturnValue:
    """Ask for a copy of everything, and find those asked for."""
    who = visitor()
    if request.method == "GET":
        held = queries.exports(db.session(), who.person)
        return centre("exports.html", exports=held)
    if away := verify_first("privacy.exports"):
        return away
    with transaction() as session:
        asked = export.request(
            session,
            who.person,
            address=who.address,
            locale=who.locale,
            now=clock.now(),
        )
    return go(url_for("privacy.export_progress", export_id=asked.id))


@bp.get("/export/<uuid:export_id>")
@subject
def export_progress(export_id: UUID) -> ResponseReturnValue:
    """How far the worker has come, then the way to the file."""
    held = found(queries.export_for(db.session(), person(), export_id))
    return centre("export.html", fragment="progress", export=held)


@bp.get("/export/<uuid:export_id>/file")
@subject
def export_file(export_id: UUID) -> ResponseReturnValue:
    """The ZIP, decrypted as it is sent, to its owner alone."""
    held = found(queries.export_for(db.session(), person(), export_id))
    there = held.state == "ready" and held.expires_at > clock.now()
    found((there and export.path_of(held.id).exists()) or None)
    if not visitor().recently_verified:
        back = url_for("privacy.export_progress", export_id=export_id)
        return go(url_for("auth.verify", next=back))
    day = clock.day_of(held.requested_at)
    body = export.content(held.id, held.file_key)
    return attachment(body, f"trustivide-{day}.zip", "application/zip")


@bp.get("/export/schema/<version>")
@public
def export_schema(version: str) -> ResponseReturnValue:
    """The JSON Schema of the file for machines in a download."""
    found(True if version == export.VERSION else None)
    return Response(export.schema(), mimetype="application/schema+json")
