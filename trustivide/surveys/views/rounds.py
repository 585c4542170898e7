"""What was sent and what is planned: the list of it, a round's page, and changing or ending it."""

from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.surveys import evaluations, rhythms, round_queries, rounds
from trustivide.surveys.forms.sending import written
from trustivide.surveys.round_queries import Listed
from trustivide.surveys.views.base import bp
from trustivide.surveys.views.sending import form_page, round_form
from trustivide.web.access import found, member
from trustivide.web.fragments import go, page, tell
from trustivide.web.locale import language
from trustivide.workshops import queries as workshops


def _round(round_id: UUID) -> Listed:
    listed: Listed = found(round_queries.for_actor(db.session(), g.actor).get(round_id))
    return listed


@bp.get("/")
@member("surveys.manage")
def index() -> ResponseReturnValue:
    """All that the organisation sends: planned, running, and closed."""
    session, locale = db.session(), language()
    listed = round_queries.for_actor(session, g.actor).all()
    offers = evaluations.offers(session, g.actor, clock.now())
    asked = evaluations.evaluated(session, [s for one in listed for s in one.surveys])
    return page(
        "surveys/index.html",
        offers=[(offered, workshops.title(session, offered.held, locale)) for offered in offers],
        evaluated={key: workshops.title(session, held, locale) for key, held in asked.items()},
        planned=[one for one in reversed(listed) if one.state == "planned"],
        running=[one for one in listed if one.state == "running"],
        ended=[one for one in listed if one.state in ("closed", "called_off")],
    )


@bp.get("/rounds/<uuid:round_id>", endpoint="round")
@member("surveys.manage")
def show_round(round_id: UUID) -> ResponseReturnValue:
    """A round with its teams, and when it comes again."""
    listed = _round(round_id)
    rhythm = listed.rhythm
    return page(
        "surveys/round.html",
        listed=listed,
        round=listed.round,
        next_on=round_queries.next_on(db.session(), rhythm) if rhythm else None,
    )


@bp.get("/rounds/<uuid:round_id>/plan", endpoint="plan")
@member("surveys.manage")
def change_plan(round_id: UUID) -> ResponseReturnValue:
    """Change a planned round; looking it over and saving are those of a new one."""
    listed = _round(round_id)
    if listed.state != "planned":
        tell(_("Utskicket är redan skickat eller inställt."), "attention")
        return go(url_for("surveys.round", round_id=round_id))
    return form_page(round_form(data=written(listed)))


@bp.route("/rounds/<uuid:round_id>/cancellation", methods=["GET", "POST"])
@member("surveys.manage")
def cancellation(round_id: UUID) -> ResponseReturnValue:
    """Call off a planned round, after saying what that means."""
    listed = _round(round_id)
    if request.method == "POST":
        assert listed.round is not None
        try:
            with transaction() as session:
                rounds.call_off(session, listed.round, clock.now())
            tell(_("Utskicket är inställt. Ingen får något mejl."))
        except Refused:
            tell(_("Utskicket har redan skickats och går inte att ställa in."), "attention")
        return go(url_for("surveys.round", round_id=round_id))
    return page("surveys/cancellation.html", listed=listed)


@bp.route("/rhythms/<uuid:rhythm_id>/ending", methods=["GET", "POST"])
@member("surveys.manage")
def ending(rhythm_id: UUID) -> ResponseReturnValue:
    """Let a survey come no more, after saying what that means."""
    rhythm = found(round_queries.for_actor(db.session(), g.actor).rhythm(rhythm_id))
    if request.method == "POST":
        with transaction() as session:
            rhythms.end(session, rhythm, clock.now())
        tell(_("Enkäten upprepas inte längre."))
        return go(url_for("surveys.index"))
    return page(
        "surveys/ending.html",
        rhythm=rhythm,
        next_on=round_queries.next_on(db.session(), rhythm),
    )
