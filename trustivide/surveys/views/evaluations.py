"""The offer to ask a team how a workshop was: what it means, taking it up, saying no."""

from uuid import UUID

from flask import Response, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import force_locale
from flask_babel import gettext as _

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.surveys import evaluations
from trustivide.surveys.evaluations import Offered
from trustivide.surveys.forms.evaluations import EvaluationForm
from trustivide.surveys.overlap import conflicts
from trustivide.surveys.views.base import bp
from trustivide.surveys.views.words import conflict_in_words
from trustivide.web.access import found, member
from trustivide.web.fragments import go, page, tell
from trustivide.web.locale import day, language
from trustivide.workshops import queries as workshops


def _offered(session_id: UUID) -> Offered:
    offered: Offered = found(evaluations.get(db.session(), g.actor, session_id))
    return offered


@bp.route("/evaluations/<uuid:session_id>", methods=["GET", "POST"])
@member("surveys.manage")
def evaluation(session_id: UUID) -> ResponseReturnValue:
    """Say what is asked and of whom, and ask it; once asked, on to the survey."""
    offered = _offered(session_id)
    if sent := offered.evaluation.survey_id:
        return go(url_for("surveys.show", survey_id=sent))
    form = EvaluationForm(data=_usual(offered))
    if not form.validate_on_submit():
        return _page(offered, form, 422 if form.is_submitted() else 200)
    try:
        with transaction() as session:
            survey = evaluations.send(
                session, g.actor, offered, form.message.data, form.locale.data, clock.now()
            )
            target = url_for("surveys.show", survey_id=survey.id)
    except evaluations.AlreadySent:
        return go(url_for("surveys.evaluation", session_id=session_id))
    except Refused:
        return _page(offered, form, 422)  # it says why
    tell(_("Frågorna är på väg till teamet."))
    return go(target)


def _usual(offered: Offered) -> dict[str, str]:
    """What the mail says until somebody words it otherwise, in the invitation's language."""
    locale = offered.held.locale
    with force_locale(locale):
        message = _(
            "Hej. Den %(day)s hade vi workshopen ”%(title)s”. Svara gärna på tre korta "
            "påståenden om hur den var, så att nästa blir bättre.",
            title=workshops.title(db.session(), offered.held, locale),
            day=day(offered.held.run_on or offered.held.starts_at),
        )
    return {"message": message, "locale": locale}


def _page(offered: Offered, form: EvaluationForm, status: int) -> Response:
    session, now = db.session(), clock.now()
    ahead = evaluations.prospect(session, g.actor, offered, now)
    planned = {offered.team.id: ahead.reach.digests}
    standing = conflicts(session, g.actor.organisation_id, planned, ahead.k, now)
    return page(
        "surveys/evaluation.html",
        status=status,
        offered=offered,
        title=workshops.title(session, offered.held, language()),
        instrument=evaluations.instrument(),
        ahead=ahead,
        reminded_after=evaluations.REMINDED_AFTER,
        conflicts=[conflict_in_words(conflict) for conflict in standing],
        form=form,
    )


@bp.post("/evaluations/<uuid:session_id>/refusal")
@member("surveys.manage")
def evaluation_refusal(session_id: UUID) -> ResponseReturnValue:
    """Don't ask, or take that back."""
    offered, declined = _offered(session_id), request.form.get("refused") == "1"
    with transaction() as session:
        evaluations.decline(session, offered, clock.now(), declined=declined)
    if declined:
        tell(_("Ingen fråga skickas. Du kan ångra dig här."))
    return go(url_for("surveys.evaluation", session_id=session_id))
