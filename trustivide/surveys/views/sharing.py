"""What leaders add to a result: the link for the team, a comment of their own, agreed actions."""

from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.surveys import following_up
from trustivide.surveys.forms.results import NoteForm
from trustivide.surveys.models import AgreedAction
from trustivide.surveys.queries import Listed
from trustivide.surveys.views.base import bp, survey
from trustivide.surveys.views.results import result_page
from trustivide.teams.agreed import mark, remove
from trustivide.teams.agreed_form import AgreedForm
from trustivide.web.access import found, member
from trustivide.web.fragments import go, page, tell, wants_fragment


def _closed(survey_id: UUID) -> Listed:
    """The survey, if it has closed: a running one has no result to say anything about."""
    listed = survey(survey_id)
    found(listed.survey.closed_at)
    return listed


def _agreed(listed: Listed, action_id: UUID) -> AgreedAction:
    action: AgreedAction = found(following_up.agreed(db.session(), listed.survey, action_id))
    return action


def _back(survey_id: UUID, part: str) -> ResponseReturnValue:
    return go(url_for("surveys.show", survey_id=survey_id, _anchor=part))


@bp.post("/<uuid:survey_id>/share")
@member("surveys.manage")
def share(survey_id: UUID) -> ResponseReturnValue:
    """Make a link with which the team reads the result; pressing twice makes one."""
    listed = _closed(survey_id)
    try:
        with transaction() as session:
            following_up.share(session, g.actor, listed.survey, clock.now())
        tell(_("Länken är klar. Kopiera den och ge den till teamet."))
    except Refused:
        tell(_("Det finns inget resultat att dela."), "attention")
    return _back(survey_id, "share")


@bp.route("/<uuid:survey_id>/share/removal", methods=["GET", "POST"])
@member("surveys.manage")
def stop_sharing(survey_id: UUID) -> ResponseReturnValue:
    """End the link, after saying what that means."""
    listed = _closed(survey_id)
    if request.method == "POST":
        with transaction() as session:
            following_up.stop_sharing(session, listed.survey)
        tell(_("Länken gäller inte längre."))
        return _back(survey_id, "share")
    shared = following_up.share_of(db.session(), survey_id)
    return page("surveys/results_stop_sharing.html", listed=listed, shared=shared)


@bp.route("/<uuid:survey_id>/note", methods=["GET", "POST"])
@member("surveys.manage")
def note(survey_id: UUID) -> ResponseReturnValue:
    """Write, change or empty the comment above the figures."""
    listed = _closed(survey_id)
    form = NoteForm(obj=following_up.note_of(db.session(), survey_id))
    if form.validate_on_submit():
        with transaction() as session:
            following_up.write_note(
                session, g.actor, listed.survey, form.text.data or "", clock.now()
            )
        tell(_("Kommentaren är sparad.") if form.text.data else _("Kommentaren är borttagen."))
        return _back(survey_id, "note")
    status = 422 if form.is_submitted() else 200
    return page(
        "surveys/results_note.html", fragment="note", status=status, listed=listed, form=form
    )


def _shown(listed: Listed) -> ResponseReturnValue:
    """The list again: the part of the page for htmx, else the page."""
    if wants_fragment():
        return result_page(listed, fragment="agreed")
    return _back(listed.survey.id, "agreed")


@bp.post("/<uuid:survey_id>/agreed")
@member("surveys.manage")
def agree(survey_id: UUID) -> ResponseReturnValue:
    """Note something that the team agreed to do."""
    listed, form = _closed(survey_id), AgreedForm()
    if not form.validate_on_submit():
        return result_page(listed, fragment="agreed", status=422, form=form)
    try:
        with transaction() as session:
            following_up.agree(
                session, g.actor, listed.survey, form.what.data, form.due_on.data, clock.now()
            )
        tell(_("Överenskommelsen är uppskriven."))
    except Refused:
        form.what.errors = [_("Här står redan femtio. Ta bort någon först.")]
        return result_page(listed, fragment="agreed", status=422, form=form)
    return _shown(listed)


@bp.route("/<uuid:survey_id>/agreed/<uuid:action_id>", methods=["GET", "POST"])
@member("surveys.manage")
def edit_agreed(survey_id: UUID, action_id: UUID) -> ResponseReturnValue:
    """Word it otherwise, or move the day."""
    listed = _closed(survey_id)
    action = _agreed(listed, action_id)
    form = AgreedForm(obj=action)
    if form.validate_on_submit():
        with transaction() as session:
            following_up.edit(session, action, form.what.data, form.due_on.data)
        tell(_("Ändringen är sparad."))
        return _back(survey_id, "agreed")
    status = 422 if form.is_submitted() else 200
    return page(
        "surveys/results_agreed.html",
        fragment="edit_agreed",
        status=status,
        listed=listed,
        action=action,
        form=form,
    )


@bp.post("/<uuid:survey_id>/agreed/<uuid:action_id>/done")
@member("surveys.manage")
def agreed_done(survey_id: UUID, action_id: UUID) -> ResponseReturnValue:
    """Say that it is done, or not done after all."""
    listed = _closed(survey_id)
    action, done = _agreed(listed, action_id), request.form.get("done") == "1"
    with transaction() as session:
        mark(session, action, clock.now(), done=done)
    tell(_("Markerad som gjord.") if done else _("Markerad som inte gjord."))
    return _shown(listed)


@bp.route("/<uuid:survey_id>/agreed/<uuid:action_id>/removal", methods=["GET", "POST"])
@member("surveys.manage")
def agreed_removal(survey_id: UUID, action_id: UUID) -> ResponseReturnValue:
    """Take it away, after asking."""
    listed = _closed(survey_id)
    action = _agreed(listed, action_id)
    if request.method == "POST":
        with transaction() as session:
            remove(session, action)
        tell(_("Överenskommelsen är borttagen."))
        return _back(survey_id, "agreed")
    return page("surveys/results_agreed_removal.html", listed=listed, action=action)
