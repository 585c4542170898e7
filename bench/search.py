"""How well and how fast workshops are found: ``python -m bench.search``.

Written queries (``tests/workshops/queries.toml``) say which of our own workshops
ought to be among the first five. Then a catalogue of 2,000 is searched with the
same queries, with and without filters, and as one types them: the time that the
server's processor takes from request to answer, filters' counts and cards included.
"""

import argparse
import random
import re
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from flask.testing import FlaskClient
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from bench.places import Places, application, places
from bench.privacy import ADDRESS, PASSWORD, customer
from bench.surveys import percentile
from bench.table import Figure, at_least, at_most, measured, report
from trustivide.core.db import db, transaction
from trustivide.workshops import finding
from trustivide.workshops.cards import LANGUAGES, AgendaStep, WorkshopCard, as_data, library
from trustivide.workshops.models import Workshop, WorkshopVersion

WRITTEN = Path(__file__).parent.parent / "tests" / "workshops" / "queries.toml"
WORKSHOPS = 2_000
WORDS = 20_000
"""Invented ones, so that the index is as large as that of so many real texts would be."""
RECALL = 0.9
LIMIT = 50.0
"""Milliseconds of processor time that 95 of a hundred searches must not exceed."""
FILTERS = (
    "",
    "&dimension=care&dimension=openness&longest=90&place=remote",
    "&people=8&difficulty=2&exposure=2&sort=title",
)
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


def written() -> list[tuple[str, str, list[str]]]:
    """Language, words, and the workshops that ought to be found, of each query."""
    by_language: dict[str, dict[str, list[str]]] = tomllib.loads(WRITTEN.read_text("utf-8"))
    return [
        (language, query, wanted)
        for language, queries in by_language.items()
        for query, wanted in queries.items()
    ]


def recalls(session: Session) -> dict[str, list[float]]:
    """By language, for each query what part of the wanted is among the first five shown."""
    found: dict[str, list[float]] = {language: [] for language in LANGUAGES}
    for language, query, wanted in written():
        shown = finding.find(session, query, language)
        hits = {card.slug for card in [*shown.cards, *shown.near][:5]} & set(wanted)
        found[language].append(len(hits) / len(wanted))
    return found


# A large catalogue


def invent(count: int) -> None:
    """Publish so many workshops, put together from sentences of ours and from invented words."""
    dice = random.Random(2026)
    invented = [
        "".join(dice.choices("abdefgiklmnoprstuvåäö", k=dice.randint(4, 12))) for _ in range(WORDS)
    ]
    sources = library()
    today = date(2026, 11, 26)
    for start in range(0, count, 200):
        rows = []
        with transaction() as session:
            for n in range(start, min(count, start + 200)):
                workshop = Workshop(slug=f"invented-{n}", state="published", number=1, revision=1)
                session.add(workshop)
                session.flush()
                pattern = dice.choice(sources)
                cards = {
                    language: as_data(_mixed(card, n, dice, invented))
                    for language, card in pattern.cards.items()
                }
                rows.append(
                    {
                        "workshop_id": workshop.id,
                        "number": 1,
                        "origin": "staff",
                        "swedish": "",
                        "english": "",
                        "cards": cards,
                        "fingerprint": str(n),
                        "written_on": today,
                        "published_on": today,
                    }
                )
            session.execute(insert(WorkshopVersion), rows)


def _mixed(
    card: WorkshopCard, n: int, dice: random.Random, invented: Sequence[str]
) -> WorkshopCard:
    """A card of the same build whose words are partly others."""

    def other(text: str) -> str:
        # As in real texts, few words are common and most are rare.
        return re.sub(
            r"\w{4,}",
            lambda m: (
                invented[int(len(invented) * dice.random() ** 4)] if dice.random() < 0.4 else m[0]
            ),
            text,
        )

    def step(one: AgendaStep) -> AgendaStep:
        return replace(one, title=other(one.title), instruction=other(one.instruction))

    return replace(
        card,
        slug=f"invented-{n}",
        title=f"{other(card.title)} {n}",
        summary=other(card.summary),
        when=other(card.when),
        goal=other(card.goal),
        output=other(card.output),
        body=other(card.body),
        dimensions=tuple(dice.sample(card.dimensions, len(card.dimensions))),
        agenda=tuple(map(step, card.agenda)),
    )


# What is measured


@dataclass
class Taken:
    """Milliseconds of answers: of the processor, and by the clock, which others slow down too."""

    processor: list[float] = field(default_factory=list)
    clock: list[float] = field(default_factory=list)


def _ask(client: FlaskClient, path: str, headers: dict[str, str], taken: Taken) -> None:
    db.session.remove()
    began, at = time.perf_counter(), time.process_time()
    answer = client.get(path, headers=headers)
    taken.processor.append(1000 * (time.process_time() - at))
    taken.clock.append(1000 * (time.perf_counter() - began))
    assert answer.status_code == 200, answer.text


def speed(client: FlaskClient) -> Iterator[Figure]:
    """Server times of searches in a large catalogue."""
    typed, pressed, begun, everything = Taken(), Taken(), Taken(), Taken()
    for language, query, _ in written():
        for filters in FILTERS:
            _ask(client, f"/workshops/?q={query}&language={language}{filters}", HTMX, typed)
        _ask(client, f"/workshops/?q={query}", {}, pressed)
        for letters in (1, 2, 3):
            _ask(client, f"/workshops/?q={query[:letters]}", HTMX, begun)
    for number in range(1, 20):
        _ask(client, f"/workshops/?page={number}", {}, everything)
    for name, taken in (
        ("search with filters and counts", typed),
        ("search, the whole page", pressed),
        ("search, the first letters", begun),
        ("no search, every workshop", everything),
    ):
        yield measured(f"{name}: p50 of {len(taken.clock)}", percentile(taken.processor, 50), "ms")
        yield at_most(f"{name}: p95", percentile(taken.processor, 95), "ms", LIMIT)
        yield measured(f"{name}: p95 by the clock", percentile(taken.clock, 95), "ms")


def figures(where: Places, count: int) -> Iterator[Figure]:
    """Every figure of the bench, as it is measured."""
    with application(where.fresh()):
        for language, found in recalls(db.session()).items():
            name = f"recall at 5 of {len(found)} written queries, {language}"
            yield at_least(name, sum(found) / len(found), "", RECALL)
    with application(where.fresh()) as app:
        invent(count)
        held = db.session.scalar(select(func.count()).where(Workshop.state == "published")) or 0
        yield measured("workshops in the catalogue", held, "")
        customer(ADDRESS, "556016-0680")
        client = app.test_client()
        client.post("/auth/login", data={"email": ADDRESS, "password": PASSWORD})
        yield measured("the first search: reads and indexes all", _first(client), "ms")
        yield from speed(client)
        with transaction() as session:
            one = update(Workshop).where(Workshop.slug == "invented-7")
            session.execute(one.values(state="withdrawn", revision=Workshop.revision + 1))
        yield measured("the first search after a change", _first(client), "ms")


def _first(client: FlaskClient) -> float:
    taken = Taken()
    _ask(client, "/workshops/?q=tillit", HTMX, taken)
    return taken.processor[0]


def main() -> None:
    """Measure, print the table, and exit 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.search", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200 workshops only")
    parser.add_argument(
        "--postgresql", action="store_true", help="TEST_DATABASE_URL, or a server from a wheel"
    )
    given = parser.parse_args()
    with places(postgresql=given.postgresql) as where:
        name = "search-postgresql" if given.postgresql else "search"
        held = report(name, figures(where, WORKSHOPS // 10 if given.quick else WORKSHOPS))
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()
