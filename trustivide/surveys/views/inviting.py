"""Inviting somebody to a survey that is under way, ending an invitation, mailing it again."""

from uuid import UUID

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.surveys import inviting
from trustivide.surveys.models import Invitation
from trustivide.surveys.overlap import Overlaps
from trustivide.surveys.queries import Listed
from trustivide.surveys.views.base import bp, survey
from trustivide.surveys.views.words import conflict_in_words
from trustivide.web.access import found, member
from trustivide.web.fragments import go, page, tell


def _invited(survey_id: UUID, invited_id: UUID) -> tuple[Listed, Invitation]:
    """The actor's survey and its invitation; 404 where either isn't."""
    listed = survey(survey_id)
    return listed, found(inviting.find(db.session(), listed.survey, invited_id))


def _too_late() -> None:
    tell(_("Enkäten är stängd. Inbjudningarna går inte att ändra längre."), "attention")


@bp.post("/<uuid:survey_id>/invitations")
@member("surveys.manage")
def invite(survey_id: UUID) -> ResponseReturnValue:
    """Invite one of those who joined the team since, or all of them."""
    listed = survey(survey_id)
    chosen = set(request.form.getlist("member", type=UUID))
    everybody = "everybody" in request.form
    try:
        with transaction() as session:
            number = inviting.invite_later(
                session, listed.survey, None if everybody else chosen, clock.now()
            )
        tell(ngettext("%(num)d person är inbjuden.", "%(num)d personer är inbjudna.", number))
    except Overlaps as refused:
        why = conflict_in_words(refused.conflicts[0])
        tell(_("Ingen är inbjuden.") + " " + why, "attention")
    except Refused:
        _too_late()
    return go(url_for("surveys.show", survey_id=survey_id))


@bp.post("/<uuid:survey_id>/invitations/<uuid:invited_id>/mails")
@member("surveys.manage")
def send_again(survey_id: UUID, invited_id: UUID) -> ResponseReturnValue:
    """Mail the same link again, where the mail before did not arrive."""
    listed, invitation = _invited(survey_id, invited_id)
    try:
        with transaction() as session:
            inviting.send_again(session, listed.survey, invitation, clock.now())
        tell(_("Inbjudan skickas igen, med samma länk."))
    except Refused:
        tell(_("Mejlet är redan på väg, eller framme."), "attention")
    return go(url_for("surveys.show", survey_id=survey_id))


@bp.route("/<uuid:survey_id>/invitations/<uuid:invited_id>/removal", methods=["GET", "POST"])
@member("surveys.manage")
def remove_invitation(survey_id: UUID, invited_id: UUID) -> ResponseReturnValue:
    """End an invitation, after saying what that does and what it can't do."""
    listed, invitation = _invited(survey_id, invited_id)
    conflict = None
    if request.method == "POST":
        try:
            with transaction() as session:
                inviting.remove(session, listed.survey, invitation, clock.now())
            tell(_("Inbjudan är borttagen och länken gäller inte längre."))
            return go(url_for("surveys.show", survey_id=survey_id))
        except Overlaps as refused:
            conflict = conflict_in_words(refused.conflicts[0])
        except Refused:
            _too_late()
            return go(url_for("surveys.show", survey_id=survey_id))
    return page(
        "surveys/remove_invitation.html",
        status=422 if conflict else 200,
        listed=listed,
        survey=listed.survey,
        invitation=invitation,
        conflict=conflict,
    )
