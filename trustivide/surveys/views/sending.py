"""Choosing whom to ask what and when, looking it over, and sending it."""

from typing import Any

from flask import Response, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.surveys import queries, round_queries, rounds, trying
from trustivide.surveys.answering.base import options
from trustivide.surveys.forms.sending import RoundForm
from trustivide.surveys.models import EVERY, Round
from trustivide.surveys.overlap import Overlaps, conflicts
from trustivide.surveys.views.base import bp
from trustivide.surveys.views.words import conflict_in_words
from trustivide.teams import queries as teams
from trustivide.web.access import found, member
from trustivide.web.fragments import go, page, tell
from trustivide.web.limits import tries_of
from trustivide.web.locale import language


def round_form(**filled: Any) -> RoundForm:
    """The form with the actor's teams and questionnaires to choose from."""
    form = RoundForm(**filled)
    form.offer(
        teams.for_actor(db.session(), g.actor).all(),
        round_queries.offers(db.session(), g.actor.organisation_id),
    )
    return form


def form_page(form: RoundForm, status: int = 200) -> Response:
    """The form to fill in, or to mend."""
    return page(
        "surveys/new.html", fragment="launch", status=status, form=form, is_change=_changes(form)
    )


def _changes(form: RoundForm) -> bool:
    """Whether the form is about a round that is planned already."""
    listed = round_queries.for_actor(db.session(), g.actor).get(form.round_id)
    return listed is not None and listed.state == "planned"


@bp.get("/new")
@member("surveys.manage")
def new() -> ResponseReturnValue:
    """Choose teams, questionnaire, message and days; links may have chosen some already."""
    form = round_form()
    form.teams.data = request.args.getlist("team_id") or form.teams.data
    form.instrument.data = request.args.get("instrument") or form.instrument.data
    return form_page(form)


@bp.post("/preview")
@member("surveys.manage")
def preview() -> ResponseReturnValue:
    """Show who is asked and what they get, before anything is sent."""
    form = round_form()
    valid = form.validate_on_submit()
    if not valid or request.form.get("step") == "edit":
        return form_page(form, 200 if valid else 422)
    return preview_page(form)


def preview_page(form: RoundForm) -> Response:
    """What a valid form would send, to look over."""
    session, plan = db.session(), form.plan
    reached = round_queries.reach(session, g.actor, form.round_id, plan.team_ids)
    k = queries.minimum_answers(session, g.actor)
    digests = {one.team.id: one.digests for one in reached}
    standing = conflicts(session, g.actor.organisation_id, digests, k, plan.opens_at)
    return page(
        "surveys/preview.html",
        form=form,
        reached=reached,
        k=k,
        conflicts=[conflict_in_words(conflict) for conflict in standing],
        instrument=plan.instrument,
        every=EVERY.get(plan.every_months or 0),
        next_on=plan.next_on,
        is_change=_changes(form),
    )


def _tester() -> str:
    return str(g.actor.user_id)


@bp.post("/test-mails")
@member("surveys.manage")
@tries_of(_tester)
def test_mails() -> ResponseReturnValue:
    """Mail the leader what the people would get, and stay where one was."""
    form = round_form()
    if not form.validate_on_submit():
        return form_page(form, 422)
    plan = form.plan
    path = url_for("surveys.questions", key=plan.instrument.key)
    with transaction() as session:
        address = trying.send_test(session, g.actor, plan, path, clock.now())
    tell(_("Ett testmejl är på väg till %(address)s.", address=address))
    return preview_page(form)


@bp.get("/questions/<key>")
@member("surveys.manage")
def questions(key: str) -> ResponseReturnValue:
    """What a questionnaire asks, as those who answer it see it; nothing is kept."""
    offers = round_queries.offers(db.session(), g.actor.organisation_id)
    offer = found(next((offer for offer in offers if offer.instrument.key == key), None))
    return page(
        "surveys/questions.html",
        instrument=offer.instrument,
        **options(offer.instrument, language()),
    )


@bp.post("/")
@member("surveys.manage")
def launch() -> ResponseReturnValue:
    """Send the survey, or plan it; doing so twice with one preview does it once."""
    form = round_form()
    if not form.validate_on_submit():
        return form_page(form, 422)
    round_id = form.round_id
    try:
        with transaction() as session:
            made = rounds.put(session, g.actor, round_id, form.plan, clock.now())
            target = _way_to(made)
        tell(_("Utskicket är planerat.") if form.is_later else _("Enkäten är på väg."))
        return go(target)
    except IntegrityError:
        # Pressed twice at once: the other press has sent it. Or the id is a stranger's.
        db.session.rollback()
    except rounds.AlreadySent:
        tell(_("Utskicket är redan skickat eller inställt. Ingenting skickades igen."), "info")
    except Refused as refused:
        form.teams.errors = _why(refused)
        return form_page(form, 422)
    listed = round_queries.for_actor(db.session(), g.actor).get(round_id)
    if listed is None or listed.round is None:
        return go(url_for("surveys.round", round_id=round_id))
    return go(_way_to(listed.round))


def _why(refused: Refused) -> list[str]:
    """Why nothing was sent, beside the teams that were chosen."""
    if isinstance(refused, Overlaps):
        return [conflict_in_words(conflict) for conflict in refused.conflicts]
    if isinstance(refused, rounds.NobodyToAsk):
        return [_("Ingen i det du valt kan få enkäten. Välj ett annat team.")]
    return [_("Frågeformuläret har ändrats sedan du såg det. Förhandsgranska igen.")]


def _way_to(made: Round) -> str:
    """To the survey of a round that is no more than that, else to the round."""
    listed = found(round_queries.for_actor(db.session(), g.actor).get(made.id))
    if len(listed.asked) == 1 and listed.surveys and listed.rhythm is None:
        return url_for("surveys.show", survey_id=listed.surveys[0].id)
    return url_for("surveys.round", round_id=made.id)
