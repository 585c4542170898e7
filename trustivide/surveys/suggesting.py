"""What the rules of :mod:`trustivide.workshops.suggestions` are told about a team's result."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from trustivide.surveys.catalogue import Instrument
from trustivide.surveys.queries import Listed
from trustivide.surveys.results import Figure, dimensions_standing_out
from trustivide.workshops import queries as workshops
from trustivide.workshops.suggestions import Part, Published, Ran, Statement, Suggestions, suggest


def suggestions(
    session: Session, listed: Listed, figures: Mapping[str, Any], locale: str, today: date
) -> Suggestions | None:
    """What the team could do next, in words in ``locale``; ``None`` where nothing fits."""
    result = published(listed.instrument, figures)
    if len(result.parts) < 2:
        return None
    cards = workshops.catalogue(session, locale)
    before = ran(session, listed.team.id, date.min, today, locale)
    return suggest(cards, result, before, today, locale)


def ran(session: Session, team_id: UUID, since: date, until: date, locale: str) -> list[Ran]:
    """The workshops that the team ran from ``since`` to ``until``, both included, in order."""
    meetings = workshops.held(session, team_id, since, until)
    titles = workshops.titles(session, meetings, locale)
    return [
        Ran(one.workshop, title, one.run_on)
        for one, title in zip(meetings, titles, strict=True)
        if one.run_on is not None
    ]


def published(instrument: Instrument, figures: Mapping[str, Any]) -> Published:
    """What suggestions may know of a snapshot: only what a result shows."""
    if not figures["published"]:
        return Published((), instrument.points, figures["invited"])
    names = {dimension.key: dimension.name for dimension in instrument.dimensions}
    low = dimensions_standing_out(figures, instrument.points).gaps
    parts = (
        Part(
            row["key"],
            names[row["key"]],
            row["mean"],
            tuple(_statement(instrument, item) for item in row["items"] if item["published"]),
            stands_out=row["key"] in low,
        )
        for row in figures["dimensions"]
        if row["published"]
    )
    return Published(tuple(parts), instrument.points, figures["invited"])


def _statement(instrument: Instrument, row: Figure) -> Statement:
    # Neither its mean nor its score: those stand on no page, and would say more than bands do.
    item, counts = instrument.by_key[row["key"]], row["distribution"]["counts"]
    if item.reversed:
        counts = counts[::-1]
    places = sum(place * count for place, count in enumerate(counts))
    return Statement(item.text, places / (row["n"] * (len(counts) - 1)), item.reversed)
