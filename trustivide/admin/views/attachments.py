"""Files that go with workshops, in the office: added, looked at, removed."""

from pathlib import Path
from uuid import UUID

from flask import current_app, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.admin.forms import AttachmentForm
from trustivide.admin.views.base import bp, page
from trustivide.admin.views.catalogue import past_of, show_workshop, title_of
from trustivide.core import clock, documents, tables
from trustivide.core.db import db, transaction
from trustivide.core.tables import Unreadable
from trustivide.web.access import found, staff, takes
from trustivide.web.files import stored
from trustivide.web.fragments import go, tell
from trustivide.workshops import attachments
from trustivide.workshops.versions import History


@bp.post("/catalogue/<slug>/attachments")
@staff("catalogue.manage")
@takes(attachments.LARGEST_BODY)
def attach(slug: str) -> ResponseReturnValue:
    """Add a file, once its content is what its name says."""
    past, form = past_of(slug), AttachmentForm()
    if not form.validate_on_submit():
        return show_workshop(past, status=422, upload=form)
    name, content = form.file.data.filename or "", form.file.data.read(documents.LARGEST + 1)
    try:
        # Before the transaction: looking through a file may take a second, and a lock must not.
        kind = documents.kind_of(content, name)
        _add(past, form, name, kind, content)
    except Unreadable as refused:
        form.file.errors = [_refusal(refused)]
    except attachments.Known:
        form.file.errors = [_("Filen finns redan här.")]
    except attachments.TooMany:
        form.file.errors = [
            _("Högst %(most)d filer får plats. Ta bort en först.", most=attachments.MOST)
        ]
    else:
        tell(_("Filen är tillagd."))
        return go(url_for("admin.workshop", slug=slug))
    return show_workshop(past_of(slug), status=422, upload=form)


def _add(past: History, form: AttachmentForm, name: str, kind: str, content: bytes) -> None:
    with transaction() as session:
        attachments.add(
            session,
            _folder(),
            past.workshop.id,
            g.actor.user.id,
            name,
            kind,
            content,
            form.language.data,
            clock.now(),
        )


def _folder() -> Path:
    return attachments.folder_in(current_app.config["SETTINGS"].instance)


def _refusal(refused: Unreadable) -> str:
    """Why a file isn't taken, and what to do about it."""
    return {
        tables.EMPTY: _("Filen är tom. Välj en annan."),
        tables.TOO_LARGE: _("Filen är för stor. Den får vara högst 20 MB."),
        tables.LOCKED: _("Filen är låst med lösenord. Spara den utan lösenord."),
        tables.BROKEN: _("Filen går inte att läsa. Öppna den, spara den på nytt och försök igen."),
        documents.NO_DOCUMENT: _(
            "Filen är varken PDF, DOCX eller PPTX. Spara den som något av dem."
        ),
        documents.OLD_OFFICE: _("Filen är i ett äldre format. Spara den som DOCX, PPTX eller PDF."),
        documents.MISNAMED: _(
            "Filen är en %(kind)s men heter något annat. Byt namn på den, eller välj rätt fil.",
            kind=refused.place,
        ),
        documents.BOMB: _(
            "Filen är mycket större inuti än den ser ut. Spara den på nytt, eller som PDF."
        ),
        documents.ACTIVE: _(
            "Filen har makron, skript eller program i sig. Spara den utan, till exempel som PDF."
        ),
        documents.EMBEDDED: _(
            "Filen har andra filer i sig. Ta bort dem och lägg till dem var för sig."
        ),
        documents.FOREIGN: _(
            "Filen hämtar bilder eller mallar från annat håll. Bädda in dem, eller spara som PDF."
        ),
    }[refused.reason]


@bp.get("/catalogue/<slug>/attachments/<uuid:attachment_id>")
@staff("catalogue.manage")
def attachment_file(slug: str, attachment_id: UUID) -> ResponseReturnValue:
    """A file to save, also of a workshop that nobody can find."""
    past = past_of(slug)
    file = found(attachments.get(db.session(), past.workshop.id, attachment_id))
    return stored(
        attachments.path_of(_folder(), file.id), file.name, documents.MIMETYPES[file.kind]
    )


@bp.route("/catalogue/<slug>/attachments/<uuid:attachment_id>/removal", methods=["GET", "POST"])
@staff("catalogue.manage")
def remove_attachment(slug: str, attachment_id: UUID) -> ResponseReturnValue:
    """Remove a file, after reading what that does."""
    past = past_of(slug)
    file = found(attachments.get(db.session(), past.workshop.id, attachment_id))
    if request.method == "GET":
        return page("remove_attachment.html", past=past, title=title_of(past), file=file)
    with transaction() as session:
        attachments.remove(session, past.workshop.id, attachment_id)
    attachments.clear(_folder(), [attachment_id])
    tell(_("Filen är borttagen."))
    return go(url_for("admin.workshop", slug=slug))
