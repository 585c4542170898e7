"""A survey's page: the progress of a running one, the frozen result of a closed one."""

from typing import Any
from uuid import UUID

from flask import Response, current_app, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock
from trustivide.core.clock import day_of
from trustivide.core.db import db
from trustivide.surveys import history, queries, results
from trustivide.surveys.catalogue import OVERALL, Instrument, score_labels
from trustivide.surveys.following_up import follow_up
from trustivide.surveys.labels import item_labels
from trustivide.surveys.models import ResultShare
from trustivide.surveys.queries import Listed
from trustivide.surveys.results import Mark, Wave
from trustivide.surveys.suggesting import ran, suggestions
from trustivide.surveys.views.base import bp, survey
from trustivide.surveys.views.running import under_way
from trustivide.surveys.views.words import enumerated, evaluated_in_words
from trustivide.teams.agreed_form import AgreedForm
from trustivide.web.access import found, member
from trustivide.web.fragments import page
from trustivide.web.locale import day, language
from trustivide.web.used import used

COMMENTS_AT_ONCE = 100


@bp.get("/<uuid:survey_id>")
@member("surveys.manage")
def show(survey_id: UUID) -> ResponseReturnValue:
    """A running survey's progress, or a closed one's frozen result."""
    listed = survey(survey_id)
    if listed.survey.closed_at is None:
        return under_way(listed, fragment="survey")
    used("surveys.results")
    return result_page(listed, fragment="survey")


def result_page(
    listed: Listed, *, fragment: str | None = None, status: int = 200, form: Any = None
) -> Response:
    """The result for leaders, with what can be done beside it."""
    waves = history.waves(db.session(), listed.survey)
    beside = follow_up(db.session(), listed.survey.id)
    return page(
        "surveys/results.html",
        fragment=fragment,
        status=status,
        beside=beside,
        link=link_of(beside.share) if beside.share else None,
        form=form or AgreedForm(formdata=None),
        next=suggestions(db.session(), listed, waves[-1].figures, language(), day_of(clock.now())),
        **reading(listed, waves, beside.share),
    )


def link_of(share: ResultShare) -> str:
    """The whole address under which a result is shared."""
    path = url_for("shared.result", token=share.token)
    return f"{current_app.config['SETTINGS'].public_url}{path}"


def reading(listed: Listed, waves: list[Wave], share: ResultShare | None) -> dict[str, Any]:
    """What the result says, for leaders and for readers of the link alike."""
    wave = waves[-1]
    figures, instrument = wave.figures, wave.instrument
    before = results.before(waves)
    shown: dict[str, Any] = {}
    if wave.published:
        followed, marks = results.followed(wave), _marks(listed, waves)
        shown = {
            "rows": labelled(instrument, figures["dimensions"]),
            "dimensions_out": results.dimensions_standing_out(figures, instrument.points),
            "items_out": results.items_standing_out(instrument, figures),
            "changes": [results.change(before, wave, key) for key in followed] if before else [],
            "trends": {key: results.trend(waves, key) for key in followed},
            "marks": marks,
            "ran_since": _since(before, marks),
        }
    return {
        "listed": listed,
        "survey": listed.survey,
        "team": listed.team,
        "instrument": instrument,
        "figures": figures,
        "waves": waves,
        "before": before,
        "names": names_of(instrument),
        "comments_shown": None if request.args.get("comments") == "all" else COMMENTS_AT_ONCE,
        "labels_of": {item.key: item_labels(item, language()) for item in instrument.items},
        "score_labels": score_labels(instrument.agreement, language()),
        "say": results,
        "evaluated": evaluated_in_words(listed.survey),
        "shared_on": share.shared_on if share else None,
        **shown,
    }


def _marks(listed: Listed, waves: list[Wave]) -> list[Mark]:
    """The workshops between the surveys: none of a later time, whoever reads and whenever."""
    first, last = waves[0].closed_on, waves[-1].closed_on
    if first == last:
        return []
    return results.marks(waves, ran(db.session(), listed.team.id, first, last, language()))


def _since(before: Wave | None, marks: list[Mark]) -> str:
    """The workshops since the survey that is compared with, with their days."""
    if before is None:
        return ""
    since = [mark for mark in marks if mark.day >= before.closed_on]
    return enumerated(
        [_("”%(title)s” (%(day)s)", title=mark.title, day=day(mark.day)) for mark in since]
    )


def names_of(instrument: Instrument) -> dict[str, str]:
    """What the overall figure, each dimension and each item is called."""
    locale = language()
    return {
        OVERALL: _("I stort"),
        **{item.key: item.text.in_(locale) for item in instrument.items},
        **{dimension.key: dimension.name.in_(locale) for dimension in instrument.dimensions},
    }


def labelled(instrument: Instrument, rows: Any) -> list[dict[str, Any]]:
    """Figures of a snapshot with the names that the chart shows."""
    names = names_of(instrument)
    return [{**row, "label": names[row["key"]]} for row in rows]


@bp.get("/rounds/<uuid:round_id>/results")
@member("surveys.manage")
def round_results(round_id: UUID) -> ResponseReturnValue:
    """The teams of a round side by side, by name, and all of them together."""
    round_ = found(history.round_of(db.session(), g.actor, round_id))
    teams = history.side_by_side(db.session(), round_)
    instrument = queries.instrument_of(round_)
    keys = [OVERALL, *(d.key for d in instrument.dimensions)] if instrument.dimensions else []
    return page(
        "surveys/results_round.html",
        round=round_,
        instrument=instrument,
        teams=teams,
        names=names_of(instrument),
        charts_of=[(key, _rows_of(teams, key), _pooled(instrument, teams, key)) for key in keys],
    )


def _rows_of(teams: Any, key: str) -> list[dict[str, Any]]:
    rows = ((result.team.name, result.row(key)) for result in teams)
    return [{**row, "label": name} for name, row in rows if row]


def _pooled(instrument: Instrument, teams: Any, key: str) -> dict[str, Any] | None:
    rows = [row for result in teams if (row := result.row(key))]
    whole = results.pooled(rows, instrument.points)
    return whole and {**whole, "label": _("Alla teamen tillsammans")}
