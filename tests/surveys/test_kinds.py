"""A questionnaire with every kind of item, from the question to the result."""

import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from tests.factories import customer
from tests.surveys.stories import actor_of, team_of, tokens
from tests.surveys.test_answering import code_on, hidden, open_link
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.surveys import catalogue, closing, launching, queries
from trustivide.surveys.models import Survey
from trustivide.teams import queries as teams

ONBOARDING = """
key = "onboarding"
version = 1
layout = "page"
title = { sv = "Så var starten", en = "How the start went" }
intro = { sv = "Om dina första veckor.", en = "About your first weeks." }
[[dimensions]]
key = "welcome"
name = { sv = "Välkomnande", en = "Welcome" }
description = { sv = "Att känna sig väntad", en = "To feel expected" }
[[sections]]
key = "start"
title = { sv = "Starten", en = "The start" }
text = { sv = "Tänk på de tre första veckorna.", en = "Think of the first three weeks." }
[[sections.items]]
key = "expected"
kind = "agreement7"
dimension = "welcome"
text = { sv = "Teamet var förberett på att jag kom.", en = "The team was prepared for me." }
[[sections.items]]
key = "recommend"
kind = "scale10"
text = { sv = "Hur bra var starten?", en = "How good was the start?" }
low = { sv = "Mycket dålig", en = "Very bad" }
high = { sv = "Mycket bra", en = "Very good" }
[[sections.items]]
key = "guide"
kind = "single"
required = false
text = { sv = "Vem visade dig runt?", en = "Who showed you round?" }
options = [
  { key = "lead", label = { sv = "Min chef", en = "My manager" } },
  { key = "peer", label = { sv = "En kollega", en = "A colleague" } },
]
[[sections.items]]
key = "helped"
kind = "multiple"
text = { sv = "Vad hjälpte dig?", en = "What helped you?" }
help = { sv = "Tänk på de första dagarna.", en = "Think of the first days." }
options = [
  { key = "buddy", label = { sv = "En fadder", en = "A buddy" } },
  { key = "plan", label = { sv = "En plan", en = "A plan" } },
  { key = "lunch", label = { sv = "Luncherna", en = "The lunches" } },
]
[[sections.items]]
key = "more"
kind = "text"
required = true
text = { sv = "Vad saknade du?", en = "What did you miss?" }
"""
FIRST = {"expected": "6", "recommend": "8", "helped": ["", "buddy", "lunch"], "more": "Tid"}


@pytest.fixture
def survey(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Survey:
    """A survey of Alice's team of ten that asks all of this."""
    folder = tmp_path / "instruments"
    shutil.copytree(catalogue.INSTRUMENTS, folder)
    (folder / "onboarding-1.toml").write_text(ONBOARDING, encoding="utf-8")
    monkeypatch.setattr(catalogue, "INSTRUMENTS", folder)
    alice = customer()
    team = team_of(alice, 10)
    with transaction() as session:
        return launching.launch(
            session,
            actor_of(alice),
            team,
            teams.members(session, team),
            catalogue.latest("onboarding"),
            message="Hej",
            closes_at=clock.now() + timedelta(days=7),
            locale="sv",
            now=clock.now(),
        )


def question(page: str, key: str) -> str:
    """The fieldset of one item."""
    return page.split(f'id="{key}"', 1)[1].split("</fieldset>", 1)[0]


def words(review: str) -> str:
    """The answers that a page lists, as text."""
    listed = " ".join(re.findall(r"<dd>(.*?)</dd>", review, re.S))
    return " ".join(re.sub(r"<[^>]+>", " ", listed).split())


def test_every_kind_is_asked_looked_over_and_corrected(app: Flask, survey: Survey) -> None:
    links = iter(tokens(survey).values())
    dora = app.test_client()
    start = open_link(dora, next(links))
    page = dora.get(f"{start}/1").text
    assert "Tänk på de tre första veckorna." in page
    assert question(page, "expected").count('type="radio"') == 8, "seven points and can't say"
    scale = question(page, "recommend")
    assert scale.count('type="radio"') == 12, "eleven points and can't say"
    assert "0: Mycket dålig" in scale
    assert "Mycket bra" in scale.rsplit("visually-hidden", 1)[1], "heard at the last point"
    assert "(frivilligt)" in question(page, "guide")
    assert "(frivilligt)" not in question(page, "helped")
    assert question(page, "helped").count('type="checkbox"') == 4
    assert 'aria-describedby="helped-help helped-how"' in page

    # Refused beside its field, and what was chosen is kept.
    both = dora.post(f"{start}/1", data=FIRST | {"helped": ["", "buddy", "x"], "more": ""})
    assert both.status_code == 422
    asked = question(both.text, "helped")
    assert "Välj antingen svar eller ”Kan inte svara”, inte både och." in asked
    assert asked.count(" checked") == 2
    assert 'id="more-error"' in both.text

    assert dora.post(f"{start}/1", data=FIRST).status_code == 303
    assert words(dora.get(f"{start}/review").text) == (
        "Instämmer 8 av 10 Inget svar En fadder Luncherna Tid"
    )
    # Unticked again: nothing of it stays in the draft.
    dora.post(f"{start}/draft", data={"helped": [""]})
    assert question(dora.get(f"{start}/1").text, "helped").count(" checked") == 0
    dora.post(f"{start}/1", data=FIRST | {"guide": "peer", "helped": ["", "plan"]})
    review = dora.get(f"{start}/review").text
    assert words(review) == "Instämmer 8 av 10 En kollega En plan Tid"
    code = code_on(dora.post(f"{start}/review", data=hidden(review)).text)

    elsewhere = app.test_client()
    elsewhere.post("/s/receipt", data={"code": code})
    mine = elsewhere.get("/s/receipt/answers").text
    assert question(mine, "helped").count(" checked") == 1
    corrected = FIRST | {"helped": ["", "lunch", "plan"], "recommend": "x"}
    assert elsewhere.post("/s/receipt/answers", data=corrected).status_code == 303

    for token in links:
        client = app.test_client()
        start = open_link(client, token)
        client.post(f"{start}/1", data=FIRST)
        client.post(f"{start}/review", data=hidden(client.get(f"{start}/review").text))
    with transaction() as session:
        closing.close(session, session.get_one(Survey, survey.id), clock.now())
    figures = queries.snapshot_of(db.session(), db.session.get_one(Survey, survey.id))
    assert figures is not None
    recommend, guide, helped = figures["items"]
    assert (recommend["n"], recommend["missing"], recommend["mean"]) == (9, 1, 8.0)
    assert guide["reason"] == "too_few"
    assert [option["count"] for option in helped["options"]] == [9, 1, 10]
    assert figures["overall"]["mean"] == 6.0
    closed = words(elsewhere.get("/s/receipt/answers").text)
    assert "Instämmer Kan inte svara Inget svar En plan Luncherna Tid" in closed
