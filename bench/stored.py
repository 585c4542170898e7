"""Surveys as large as a bench needs them, written without going through the pages."""

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any
from uuid import uuid4

from sqlalchemy import insert

from trustivide.core import clock
from trustivide.core.clock import day_of
from trustivide.core.crypto import address_digest
from trustivide.core.db import transaction
from trustivide.organisations.models import Organisation
from trustivide.surveys import anonymity
from trustivide.surveys.catalogue import Answer, Instrument, latest
from trustivide.surveys.models import AnswerSet, Invitation, Survey
from trustivide.teams.models import Team

INSTRUMENT = "tillit-i-team"
AT_ONCE = 5_000
COMMENTS = 20


def survey(organisation: Organisation, invited: int) -> Survey:
    """An open survey of a team of its own; nobody's invitation is there yet."""
    instrument, now = latest(INSTRUMENT), clock.now()
    with transaction() as session:
        team = Team(organisation_id=organisation.id, name="Redaktionen", created_on=day_of(now))
        session.add(team)
        session.flush()
        made = Survey(
            team_id=team.id,
            instrument=instrument.key,
            instrument_version=instrument.version,
            instrument_hash=instrument.fingerprint,
            locale="sv",
            message="Hej, vi vill veta hur vi har det.",
            k=5,
            invited=invited,
            link_key=anonymity.new_link_key(),
            opened_at=now,
            closes_at=now + timedelta(days=14),
        )
        session.add(made)
    return made


def invite(asked: Survey, number: int) -> list[str]:
    """So many invitations; the tokens of their links."""
    tokens, rows, survey_id = [], [], asked.id
    assert asked.link_key is not None
    for n in range(number):
        invitation_id = uuid4()
        token = anonymity.token_of(asked.link_key, invitation_id)
        email = f"dora{n}@exempel.test"
        tokens.append(token)
        rows.append(
            {
                "id": invitation_id,
                "survey_id": survey_id,
                "email": email,
                "email_digest": address_digest(email),
                "lookup": anonymity.lookup_of(token),
            }
        )
    _write(Invitation, iter(rows))
    return tokens


def answer(asked: Survey, number: int) -> None:
    """So many answer sets, whose invitations nobody needs."""
    instrument, random, survey_id = latest(INSTRUMENT), Random(number), asked.id
    _write(
        AnswerSet,
        (
            {
                "id": uuid4(),
                "survey_id": survey_id,
                "slot": random.randbytes(32),
                "receipt": random.randbytes(32),
                "answers": _answers(instrument, random, n),
                "restricted": False,
            }
            for n in range(number)
        ),
    )


def _answers(instrument: Instrument, random: Random, n: int) -> dict[str, Answer]:
    """The first twenty write a comment: a page that shows more of them is longer."""
    given: dict[str, Answer] = {
        item.key: random.choice((1, 2, 3, 4, 4, 5, 5, None))
        for item in instrument.items
        if item.kind == "agreement5"
    }
    if n < COMMENTS:
        given |= {
            item.key: f"Vi hinner prata för sällan ({n})."
            for item in instrument.items
            if item.kind == "text"
        }
    return given


def _write(model: Any, rows: Iterator[dict[str, Any]]) -> None:
    while True:
        part = [row for row, _ in zip(rows, range(AT_ONCE), strict=False)]
        if part:
            with transaction() as session:
                session.connection().execute(insert(model.__table__), part)
        if len(part) < AT_ONCE:
            return
