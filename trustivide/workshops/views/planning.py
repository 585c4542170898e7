"""Planning a workshop for a team, and changing or cancelling what is planned."""

from typing import Any
from uuid import UUID

from flask import Response, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError

from trustivide.auth import queries as accounts
from trustivide.core import clock
from trustivide.core.crypto import normalise_address
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.teams import queries as teams
from trustivide.teams.models import Team
from trustivide.web.access import found, member
from trustivide.web.fragments import go, page, tell
from trustivide.web.limits import tries_of
from trustivide.web.locale import language
from trustivide.workshops import queries, session_queries, sessions
from trustivide.workshops.session_forms import OTHER, ChangeForm, PlanForm
from trustivide.workshops.sessions import Facilitator
from trustivide.workshops.views.base import bp, meeting_of, too_late


def _chosen_team() -> Team | None:
    team_id = request.args.get("team_id", type=UUID)
    if team_id is None:
        return None
    team: Team = found(teams.for_actor(db.session(), g.actor).get(team_id))
    return team


def _offer(form: PlanForm, team: Team) -> None:
    user = found(accounts.by_id(db.session(), g.actor.user_id))
    form.offer(Facilitator(user.name, user.email), teams.members(db.session(), team))


def _said_twice(form: PlanForm, team: Team, slug: str) -> bool:
    """Whether it is planned then already, as after going back to the form; the form says so."""
    if not session_queries.is_planned_then(
        db.session(), team, slug, form.starts_at, form.session_id
    ):
        return False
    form.time.errors = [_("Teamet har redan den här workshopen planerad då. Välj en annan tid.")]
    return True


def _outsider() -> str:
    """The address of a leader who was typed in: nobody is mailed for ever by somebody's changes."""
    is_typed = request.form.get("facilitator") == OTHER
    return normalise_address(request.form.get("facilitator_email", "")) if is_typed else ""


@bp.route("/<slug>/planning", methods=["GET", "POST"])
@member("teams.manage")
@tries_of(_outsider, always=False)
def planning(slug: str) -> ResponseReturnValue:
    """Choose the team, then when, where and with whom; pressing twice plans once."""
    card = found(queries.get(db.session(), slug, language()))
    team = _chosen_team()
    if team is None:
        known = teams.for_actor(db.session(), g.actor).all()
        return page("workshops/session_team.html", card=card, teams=known)
    form = PlanForm(**({} if request.form else {"locale": language()}))
    _offer(form, team)
    members = len(teams.members(db.session(), team))
    if members and form.validate_on_submit() and not _said_twice(form, team, slug):
        try:
            with transaction() as session:
                what, now = form.plan(card), clock.now()
                made = sessions.plan(session, g.actor, team, form.session_id, what, now)
                is_as_typed = sessions.written(made) == what
            if is_as_typed:
                tell(_("Workshopen är planerad, och inbjudan är på väg."))
            else:
                tell(_("Workshopen var redan planerad. Det du skrev nu är inte sparat."), "info")
        except (IntegrityError, Refused):
            # Pressed twice at once: the other press has planned it. Or the id is a stranger's.
            db.session.rollback()
        return go(url_for("workshops.session", session_id=form.session_id))
    status = 422 if form.is_submitted() else 200
    return page(
        "workshops/session_planning.html",
        fragment="planning",
        status=status,
        card=card,
        team=team,
        members=members,
        form=form,
    )


@bp.route("/sessions/<uuid:session_id>/planning", methods=["GET", "POST"])
@member("teams.manage")
@tries_of(_outsider, always=False)
def session_planning(session_id: UUID) -> ResponseReturnValue:
    """Change what is planned; everybody is told."""
    listed = meeting_of(session_id)
    if listed.meeting.state != "planned":
        return too_late(session_id)
    form = ChangeForm()
    _offer(form, listed.team)
    form.offer_workshops(listed.card, queries.catalogue(db.session(), language()))
    if form.validate_on_submit():
        try:
            with transaction() as session:
                changed = sessions.change(session, session_id, form.plan(form.chosen), clock.now())
        except Refused:
            return too_late(session_id)
        tell(_("Ändringen är sparad, och mejlet om den är på väg.") if changed else _unchanged())
        return go(url_for("workshops.session", session_id=session_id))
    if not form.is_submitted():
        form.show(listed)
    return _change_page(listed, form, 422 if form.is_submitted() else 200)


def _unchanged() -> str:
    return _("Inget är ändrat, så inget mejl skickas.")


def _change_page(listed: Any, form: ChangeForm, status: int) -> Response:
    return page(
        "workshops/session_change.html",
        fragment="planning",
        status=status,
        listed=listed,
        form=form,
        withdrawn=session_queries.is_withdrawn(db.session(), listed.meeting),
    )


@bp.route("/sessions/<uuid:session_id>/cancellation", methods=["GET", "POST"])
@member("teams.manage")
def session_cancellation(session_id: UUID) -> ResponseReturnValue:
    """Cancel what is planned, after saying who is told."""
    listed = meeting_of(session_id)
    if listed.meeting.state != "planned":
        return too_late(session_id)
    is_over = listed.is_unmarked(clock.now())
    if request.method == "POST":
        try:
            with transaction() as session:
                sessions.cancel(session, session_id, clock.now())
        except Refused:
            return too_late(session_id)
        tell(_("Workshopen är inställd."))
        return go(url_for("workshops.session", session_id=session_id))
    return page("workshops/session_cancellation.html", listed=listed, is_over=is_over)


@bp.post("/sessions/<uuid:session_id>/invitations")
@member("teams.manage")
def session_invitations(session_id: UUID) -> ResponseReturnValue:
    """Mail the invitation again, at most once a day."""
    meeting_of(session_id)
    try:
        with transaction() as session:
            sessions.invite_again(session, session_id, clock.now())
        tell(_("Inbjudan är på väg igen."))
    except Refused:
        tell(_("Teamet har redan fått mejl om workshopen i dag. Försök igen i morgon."), "info")
    return go(url_for("workshops.session", session_id=session_id))
