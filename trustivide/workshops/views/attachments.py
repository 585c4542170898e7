"""The files that go with a workshop. A GET never writes."""

from uuid import UUID

from flask import current_app, g
from flask.typing import ResponseReturnValue

from trustivide.core.db import db
from trustivide.core.documents import MIMETYPES
from trustivide.web.access import found, member
from trustivide.web.files import stored
from trustivide.workshops import attachments
from trustivide.workshops.views.base import bp


@bp.get("/<slug>/attachments/<uuid:attachment_id>")
@member("workshops.use")
def attachment(slug: str, attachment_id: UUID) -> ResponseReturnValue:
    """A file to save."""
    readable = attachments.readable(db.session(), slug, g.actor.organisation_id)
    file = found(next((each for each in readable if each.id == attachment_id), None))
    folder = attachments.folder_in(current_app.config["SETTINGS"].instance)
    return stored(attachments.path_of(folder, file.id), file.name, MIMETYPES[file.kind])
