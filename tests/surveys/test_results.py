"""What a result says: the numbers of the snapshot, and no more in words than they carry."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from babel.dates import format_date
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, select, text

from tests.conftest import both_databases
from tests.factories import colleague, customer, sign_in
from tests.surveys.stories import actor_of, launch, ran, team_of, tokens
from tests.surveys.tables import tables
from tests.surveys.test_snapshot import SMALL, compute, everyone
from trustivide.auth.models import User
from trustivide.core import clock
from trustivide.core.clock import day_of
from trustivide.core.db import db, transaction
from trustivide.core.text import Text, in_alphabet
from trustivide.surveys import actions, anonymity, closing, history, report, results, statistics
from trustivide.surveys.catalogue import Answer, Instrument, latest, read
from trustivide.surveys.models import AgreedAction, ResultShare, Round, RoundTeam, Snapshot, Survey
from trustivide.surveys.queries import Listed
from trustivide.surveys.results import Wave
from trustivide.surveys.suggesting import suggestions
from trustivide.teams.models import Team
from trustivide.workshops.suggestions import Ran

Browsers = Callable[[], FlaskClient]
TEAM = latest("tillit-i-team")
Moods = Mapping[str, float]
LOW: Moods = {"competence": 4.2, "care": 2.6, "integrity": 3.4, "openness": 2.4, "reliability": 3.2}
BETTER: Moods = LOW | {"care": 3.8}


def answer_sets(people: int, moods: Moods, seed: int) -> list[dict[str, Answer]]:
    """Answers around a team's moods, each person with a temper of their own."""
    random = Random(seed)
    found = []
    for _ in range(people):
        temper, answers = random.gauss(0, 0.4), {}
        for item in TEAM.items:
            if item.kind == "text":
                answers[item.key] = f"Kommentar {random.random()}"
                continue
            felt = moods.get(item.dimension or "", 3.5) + temper + random.gauss(0, 0.6)
            point = min(5, max(1, round(felt)))
            answers[item.key] = 6 - point if item.reversed else point
        found.append(answers)
    return found


def closed(
    owner: User,
    team: Team,
    answers: Sequence[Mapping[str, Answer]],
    ago: int = 0,
) -> Survey:
    """A survey of the team that closed so many days ago, with these answers."""
    with time_machine.travel(clock.now() - timedelta(days=ago), tick=False):
        survey = launch(owner, team)
        for token, one in zip(tokens(survey).values(), answers, strict=False):
            actions.submit(survey.id, token, anonymity.new_receipt_code(), dict(one))
        with transaction() as session:
            closing.close(session, session.get_one(Survey, survey.id), clock.now())
    return db.session.get_one(Survey, survey.id)


def figures_of(survey: Survey) -> dict[str, Any]:
    found: dict[str, Any] = db.session.get_one(Snapshot, survey.id).figures
    return found


def two(value: float) -> str:
    return f"{value:.2f}".replace(".", ",")


@pytest.fixture
def alice(app: Flask, client: FlaskClient) -> User:
    owner = customer()
    sign_in(client)
    return owner


# The page


def test_the_page_says_what_the_snapshot_says(client: FlaskClient, alice: User) -> None:
    """Every number in the tables beside the charts, for a fixed set of answers."""
    team = team_of(alice, 16)
    first = closed(alice, team, answer_sets(14, LOW, 1), ago=200)
    closed(alice, team, answer_sets(4, LOW, 2), ago=100)
    survey = closed(alice, team, answer_sets(13, BETTER, 3))
    before, now = figures_of(first), figures_of(survey)
    page = client.get(f"/surveys/{survey.id}").text
    shown = tables(page)

    names = {d.key: d.name.sv for d in TEAM.dimensions}
    assert shown["Medelvärde och osäkerhet per del"] == [
        [names[row["key"]], two(row["mean"]), _interval(row), "13"] for row in now["dimensions"]
    ]
    rows = [("Hur ni fördelar er i stort", now["overall"])]
    rows += [(f"Hur ni fördelar er: {names[row['key']]}", row) for row in now["dimensions"]]
    rows += [(TEAM.by_key[row["key"]].text.sv, row) for row in results.item_rows(now)]
    for title, row in rows:
        counts = [int(cells[1]) for cells in shown[title]]
        assert counts == row["distribution"]["counts"], title
    for key, mean in [("overall", now["overall"]["mean"]), *_means(now)]:
        assert shown[names.get(key, "I stort")][-1][1] == two(mean)

    # The survey between the two had too few answers: a gap in the trend, and no comparison.
    trend = shown["I stort"]
    assert [cells[1:] for cells in trend] == [
        [two(before["overall"]["mean"]), _interval(before["overall"]), "14"],
        ["Visas inte, eftersom för få har svarat."],
        [two(now["overall"]["mean"]), _interval(now["overall"]), "13"],
    ]
    assert "Linjen är bruten" in page
    changes = {cells[0]: cells[1:] for cells in shown["Förändring, på skalan 1–5"]}
    assert list(changes) == ["I stort", *names.values()]
    for key, verdict in [("care", "Högre"), ("competence", "Ingen säker förändring")]:
        was, became = (_by_key(figures["dimensions"])[key] for figures in (before, now))
        low, high = statistics.difference_interval(_three(was), _three(became))
        said = changes[names[key]]
        assert said[:3] == [verdict, two(was["mean"]), two(became["mean"])]
        assert said[3].replace("−", "-").replace("+", "") == (
            f"{two(became['mean'] - was['mean'])} ({two(low)} till {two(high)})"
        )

    # The report says the same, and so does what a link shows.
    waves = history.waves(db.session(), survey)
    paper = report.contents(Listed(survey, team), now, "sv", report.Beside(waves=waves))
    parts = {part["heading"]: part for part in paper["parts"]}
    printed = parts["Sedan förra gången"]["table"]["rows"]
    assert printed == shown["Förändring, på skalan 1–5"]
    on_paper = [line[1:] for line in parts["Över tid: I stort"]["table"]["rows"]]
    assert on_paper == [trend[0][1:], ["Visas inte"], trend[2][1:]]
    for alone in (waves[:1], waves[:2]):
        said = report.contents(Listed(first, team), before, "sv", report.Beside(waves=alone))
        assert not {"Sedan förra gången", "Över tid: I stort"} & {
            part["heading"] for part in said["parts"]
        }

    # In words: participation, agreement never as a number alone, and what stands out.
    assert "av 16 inbjudna har svarat" in page
    words = results.agreement_in_words(now["overall"]["agreement"]).sv
    assert f"{words} (r*wg {two(now['overall']['agreement'])})." in page
    out = results.dimensions_standing_out(now, 5)
    assert out.gaps == ("openness",)
    assert re.search(r"Delar att stärka</h3>\s*<ul>\s*<li><strong>Öppenhet</strong>", page)
    texts = now["comments"][0]["texts"]
    assert len(texts) == 13
    assert all(comment in page for comment in texts)
    # The earlier survey's page knows nothing of the later one.
    earlier = client.get(f"/surveys/{first.id}").text
    assert "Sedan förra gången" not in earlier
    assert "Över tid" not in earlier


def _interval(row: Mapping[str, Any]) -> str:
    cut = "*" if row["interval"]["clipped"] and row["key"] != "overall" else ""
    return f"{two(row['interval']['low'])}–{two(row['interval']['high'])}{cut}"


def _by_key(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in rows}


def _means(figures: Mapping[str, Any]) -> list[tuple[str, float]]:
    return [(row["key"], row["mean"]) for row in figures["dimensions"]]


def _three(row: Mapping[str, Any]) -> tuple[float, float, int]:
    return row["mean"], row["sd"], row["n"]


def test_few_answers_are_told_kindly_and_alike_ones_rank_nothing(
    client: FlaskClient, alice: User
) -> None:
    team = team_of(alice, 8)
    few = closed(alice, team, answer_sets(4, LOW, 1), ago=50)
    page = client.get(f"/surveys/{few.id}").text
    assert "Inget resultat visas, eftersom färre än 5 har svarat." in page
    assert "av 8 inbjudna har svarat" in page
    assert '<svg class="chart-svg"' not in page
    assert "Det finns inget resultat att dela." in page
    client.post(f"/surveys/{few.id}/share")
    assert db.session.scalar(select(ResultShare).where(ResultShare.survey_id == few.id)) is None

    alike = closed(alice, team, answer_sets(8, dict.fromkeys(LOW, 3.5), 5))
    page = client.get(f"/surveys/{alike.id}").text
    assert "Inget sticker säkert ut." in page
    assert "Enskilda påståenden jämförs när minst tio har svarat." in page
    assert "Alla har svarat, så det gäller hela teamet." in page
    # Nothing to compare with: the survey before has no result.
    assert "Sedan förra gången" not in page
    assert "Visas inte, eftersom för få har svarat." in tables(page)["I stort"][0]
    english = client.get(f"/surveys/{alike.id}", headers={"Accept-Language": "en"})
    assert english.status_code == 200


@both_databases
def test_the_page_costs_the_same_whatever_the_number_of_answers(
    client: FlaskClient, alice: User
) -> None:
    def cost(people: int) -> int:
        team = team_of(alice, people, name=f"Team {people}", prefix=f"p{people}-")
        survey = closed(alice, team, answer_sets(people, LOW, 1))
        seen: list[str] = []
        listen = lambda *args: seen.append(args[2])  # noqa: E731
        client.get(f"/surveys/{survey.id}")  # the first reader fetches the catalogue for all
        db.session.rollback()
        event.listen(db.engine, "before_cursor_execute", listen)
        assert client.get(f"/surveys/{survey.id}").status_code == 200
        event.remove(db.engine, "before_cursor_execute", listen)
        assert not [statement for statement in seen if "answer_set" in statement]
        return len(seen)

    assert cost(40) == cost(6)


# Shared by link, with what the leader adds


@both_databases
def test_bob_shares_the_result_says_something_and_notes_what_was_agreed(
    app: Flask, client: FlaskClient, browser_of: Browsers, alice: User
) -> None:
    bob, dora = browser_of(), browser_of()
    sign_in(bob, colleague(alice, "leader").email)
    team = team_of(alice, 7)
    closed(alice, team, answer_sets(6, LOW, 1), ago=90)
    survey = closed(alice, team, answer_sets(7, BETTER, 2))
    here = f"/surveys/{survey.id}"

    bob.post(f"{here}/share")
    bob.post(f"{here}/share")
    secret = db.session.scalars(select(ResultShare.token)).one()
    stored = db.session.scalar(text("SELECT token FROM result_share"))
    assert secret.encode() not in bytes(stored)
    assert len(secret) >= 160 / 6
    link = f"/r/{secret}"
    assert f"{app.config['SETTINGS'].public_url}{link}" in bob.get(here).text

    long = "å" * 4001
    answer = bob.post(f"{here}/note", data={"text": long})
    assert answer.status_code == 422
    assert long in answer.text
    bob.post(f"{here}/note", data={"text": "Tack för svaren.\nVi ses <i>på måndag</i>."})
    for bad in ({"what": " "}, {"what": "Vi pratar", "due_on": "3026-01-01"}, {"what": "x" * 501}):
        answer = bob.post(f"{here}/agreed", data=bad)
        assert answer.status_code == 422, bad
        assert "Något behöver rättas" in answer.text
    assert "Vi pratar" in bob.post(f"{here}/agreed", data={"what": "Vi pratar", "due_on": "x"}).text
    due = (clock.now() + timedelta(days=20)).date()
    bob.post(f"{here}/agreed", data={"what": "Vi börjar mötet med en runda", "due_on": str(due)})
    bob.post(f"{here}/agreed", data={"what": "Vi luftar fikarummet"})
    round_, air = sorted(
        db.session.scalars(select(AgreedAction)).all(), key=lambda action: action.due_on is None
    )
    bob.post(f"{here}/agreed/{air.id}/done", data={"done": "1"})
    bob.post(f"{here}/agreed/{round_.id}", data={"what": "Vi börjar med en runda", "due_on": ""})

    read_by = dora.get(link)
    assert read_by.status_code == 200
    assert read_by.headers["Cache-Control"] == "no-store"
    assert read_by.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert read_by.headers["Referrer-Policy"] == "strict-origin"
    assert 'content="noindex' in read_by.text
    assert "Vi ses &lt;i&gt;på måndag&lt;/i&gt;." in read_by.text
    assert "Vi börjar med en runda" in read_by.text
    assert "Gjort " in read_by.text
    read = read_by.text.replace(f'value="{link}"', "").replace(f'href="{link}/report.pdf"', "")
    for own in ("/surveys/" + str(survey.id), "https://", "Ta bort", secret):
        assert own not in read, own
    assert tables(read_by.text) == tables(bob.get(here).text)
    assert dora.post(link).status_code == 405

    assert "Behåll den" in bob.get(f"{here}/agreed/{air.id}/removal").text
    bob.post(f"{here}/agreed/{air.id}/removal")
    bob.post(f"{here}/agreed/{round_.id}/done", data={"done": "1"})
    bob.post(f"{here}/agreed/{round_.id}/done", data={"done": "0"})
    bob.post(f"{here}/note", data={"text": "  "})
    emptied = dora.get(link).text
    assert "Vi luftar" not in emptied
    assert "Gjort " not in emptied
    assert "Från den som leder teamet" not in emptied

    # Charlie, who has Bob's ids, and a member find nothing; nor does a mixture of two surveys.
    charlie, member = browser_of(), browser_of()
    customer("Charlie Carlsson", "charlie@annan.test", organisation="Annan AB")
    sign_in(charlie, "charlie@annan.test")
    sign_in(member, colleague(alice, "member", "Mia", "mia@exempel.test").email)
    running = launch(alice, team)
    for path in ("", "/note", "/share/removal", f"/agreed/{round_.id}/removal"):
        assert charlie.get(here + path).status_code == 404, path
        assert member.get(here + path).status_code == 404, path
    for path in ("/share", "/agreed", f"/agreed/{round_.id}/done"):
        assert charlie.post(here + path, data={"what": "x"}).status_code == 404, path
        assert bob.post(f"/surveys/{running.id}{path}", data={"what": "x"}).status_code == 404

    assert "Länken slutar gälla direkt" in bob.get(f"{here}/share/removal").text
    bob.post(f"{here}/share/removal")
    gone, never = dora.get(link), dora.get("/r/" + "A" * 32)
    assert (gone.status_code, never.status_code) == (404, 404)
    assert "Länken gäller inte" in gone.text
    assert "delas inte" in bob.get(f"{here}/share/removal").text
    bob.post(f"{here}/share")
    assert db.session.scalars(select(ResultShare.token)).one() != secret
    assert dora.get(link).status_code == 404


# The workshops between two surveys


def test_workshops_stand_in_the_trend_with_honest_words(
    client: FlaskClient, browser_of: Browsers, alice: User
) -> None:
    team, other = team_of(alice, 7), team_of(alice, 7, "Ledningen", "eva")
    ran(team, "words-to-everyday", ago=100)  # before the first survey
    first = closed(alice, team, answer_sets(7, LOW, 1), ago=90)
    ran(team, "premortem", ago=60)
    ran(team, "lesson-of-the-week", ago=30)
    ran(other, "mending-trust", ago=40)
    survey = closed(alice, team, answer_sets(7, BETTER, 2), ago=10)
    client.post(f"/surveys/{survey.id}/share")
    secret = db.session.scalars(select(ResultShare.token)).one()
    for page in (client.get(f"/surveys/{survey.id}").text, browser_of().get(f"/r/{secret}").text):
        (title_1, day_1), (title_2, day_2) = _workshops(60), _workshops(30)
        rows = tables(page)["I stort"]
        assert [cells[0] for cells in rows[1:3]] == [day_1, day_2]
        assert [cells[1] for cells in rows[1:3]] == [
            f"Workshop 1: {title_1}",
            f"Workshop 2: {title_2}",
        ]
        assert f"<title>Workshop 1: {title_1}, {day_1}</title>" in page
        assert "Streck med nummer visar när teamet hade workshoppar" in page
        since = f"”{title_1}” ({day_1}) och ”{title_2}” ({day_2})"
        assert f"Sedan dess har teamet genomfört {since}." in page
        assert "inte att det har ändrats av den" in page
        assert "behöver inte bero på den: annat har också hänt" in page
        assert "Workshop 3" not in page
    shared = browser_of().get(f"/r/{secret}").text

    # What the team runs afterwards is none of this result's time; the leader hears what is left.
    ran(team, "teach-me-one-thing", ago=2)
    assert _figures(browser_of().get(f"/r/{secret}").text) == _figures(shared)
    assert "Något att göra härnäst" not in shared
    assert "Något att göra härnäst" in client.get(f"/surveys/{survey.id}").text
    listed, figures = Listed(survey, team), figures_of(survey)
    advice = suggestions(db.session(), listed, figures, "sv", day_of(clock.now()))
    assert advice is not None
    *_, last = report.contents(listed, figures, "sv", report.Beside(advice=advice))["parts"]
    assert last["heading"] == "Något att göra härnäst"
    assert [one["text"] for one in last["items"]] == [one.card.title for one in advice.workshops]
    assert report.contents(listed, figures, "sv")["parts"][-1]["heading"] != last["heading"]
    # The first result knows no workshop at all.
    assert "Workshop 1" not in client.get(f"/surveys/{first.id}").text


def _workshops(ago: int) -> tuple[str, str]:
    title = {60: "Tänk om det gick fel", 30: "Veckans lärdom"}[ago]
    return title, day_in_words(clock.now() - timedelta(days=ago))


def day_in_words(moment: datetime) -> str:
    return format_date(day_of(moment), "d MMMM yyyy", locale="sv")


def test_marks_that_would_lie_on_one_another_share_a_flag() -> None:
    waves = [wave([everyone(3)] * 5, day=day) for day in (1, 11, 21)]
    days = [30, 1, 2, 3, 10, 12, 20, 21]
    ran = [Ran("x", f"W{day}", date(2026, 11 if day < 30 else 10, day)) for day in days]
    marks = results.marks(waves, ran)
    assert [(mark.number, mark.title, mark.flag) for mark in marks] == [
        (1, "W1", "1–2"),
        (2, "W2", ""),
        (3, "W3", "3"),
        (4, "W10", "4"),
        (5, "W12", "5"),
        (6, "W20", "6"),
    ]
    assert marks[3].x == pytest.approx(0.45)
    assert results.marks(waves[:1], ran) == []


# Several teams


def round_with(alice: User, *teams: Team) -> Round:
    with transaction() as session:
        made = Round(
            organisation_id=actor_of(alice).organisation_id,
            instrument=TEAM.key,
            instrument_version=TEAM.version,
            locale="sv",
            message="Hej",
            opens_at=clock.now(),
            closes_at=clock.now() + timedelta(days=14),
            reminder_days=[],
            created_on=clock.now().date(),
        )
        session.add(made)
        session.flush()
        session.add_all(RoundTeam(round_id=made.id, team_id=team.id) for team in teams)
    return made


def joined(round_: Round, *surveys: Survey) -> None:
    with transaction() as session:
        for survey in surveys:
            session.get_one(Survey, survey.id).round_id = round_.id


def test_teams_stand_side_by_side_by_name_and_their_sum_leaves_nothing_over(
    client: FlaskClient, browser_of: Browsers, alice: User
) -> None:
    names = ("Östra", "ateljén", "Ängen", "Åsen")
    teams = {name: team_of(alice, 6, name, f"person{n}-") for n, name in enumerate(names)}
    round_ = round_with(alice, *teams.values())
    low, high = (
        closed(alice, teams[name], answer_sets(6, LOW, n)) for n, name in enumerate(names[:2])
    )
    few = closed(alice, teams["Ängen"], answer_sets(4, LOW, 7))
    joined(round_, low, high, few)
    path = f"/surveys/rounds/{round_.id}/results"
    page = client.get(path).text
    shown = tables(page)

    listed = shown["Teamen i utskicket"]
    assert [cells[0] for cells in listed] == ["ateljén", "Åsen", "Ängen", "Östra"]
    assert [cells[1] for cells in listed[1:3]] == ["Inget skickat", "För få svar"]
    rows = {cells[0]: cells[1:] for cells in shown["I stort, team för team"]}
    assert list(rows) == ["ateljén", "Östra", "Alla teamen tillsammans"]
    one, other = (figures_of(survey)["overall"] for survey in (low, high))
    whole = (one["mean"] * one["n"] + other["mean"] * other["n"]) / (one["n"] + other["n"])
    assert rows["Alla teamen tillsammans"][0] == two(round(whole, 2))
    assert rows["Alla teamen tillsammans"][2] == "12"

    # What the four of Ängen answered changes nothing, in a world in which all else is the same.
    again = closed(alice, teams["Ängen"], answer_sets(4, dict.fromkeys(LOW, 1.0), 8))
    with transaction() as session:
        session.get_one(Survey, few.id).round_id = None
    joined(round_, again)
    same = client.get(path).text
    assert _figures(same) == _figures(page)

    charlie = browser_of()
    customer("Charlie Carlsson", "charlie@annan.test", organisation="Annan AB")
    sign_in(charlie, "charlie@annan.test")
    assert charlie.get(path).status_code == 404
    assert client.get(f"/surveys/rounds/{uuid4()}/results").status_code == 404


def _figures(page: str) -> list[str]:
    """All that the page says, but for ids and what differs each time."""
    main = page[page.index("<main") : page.index("</main>")]
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "", main).split()


heaps = st.lists(st.lists(st.integers(1, 5), min_size=5, max_size=12), min_size=2, max_size=4)


@given(heaps=heaps)
def test_the_sum_of_teams_is_that_of_one_heap(heaps: list[list[int]]) -> None:
    rows = [
        {
            "key": "overall",
            "published": True,
            "n": len(heap),
            "mean": statistics.mean(heap),
            "sd": statistics.sample_sd(heap),
        }
        for heap in heaps
    ]
    whole = results.pooled(rows, 5)
    everybody = [value for heap in heaps for value in heap]
    assert whole is not None
    assert whole["n"] == len(everybody)
    assert whole["mean"] == pytest.approx(statistics.mean(everybody), abs=0.005)
    assert whole["sd"] == pytest.approx(statistics.sample_sd(everybody), abs=0.005)


answer_set = st.fixed_dictionaries(
    {item.key: st.integers(1, 5) for item in SMALL.items if item.kind == "agreement5"}
)
team_answers = st.lists(answer_set, min_size=5, max_size=8)
too_few = st.lists(answer_set, max_size=4)


@given(teams=st.lists(team_answers, min_size=2, max_size=3), few=too_few, other=too_few)
def test_the_sum_is_a_function_of_published_figures_alone(
    teams: list[list[dict[str, Answer]]],
    few: list[dict[str, Answer]],
    other: list[dict[str, Answer]],
) -> None:
    """The same published n, mean and sd give the same sum, whatever else the snapshots hold."""
    published = [compute(answers)["overall"] for answers in teams]

    def summed(unpublished: list[dict[str, Answer]]) -> dict[str, Any] | None:
        found = [history.TeamResult(Team(name=""), None, compute(a)) for a in [*teams, unpublished]]
        rows = [row for result in found if (row := result.row("overall"))]
        return results.pooled(rows, 5)

    bare = [{key: row[key] for key in ("key", "published", "n", "mean", "sd")} for row in published]
    assert summed(few) == summed(other) == results.pooled(bare, 5)
    assert results.pooled(published[:1], 5) is None


# Words


def test_agreement_is_called_what_lebreton_and_senter_call_it() -> None:
    words = ("olika", "svagt", "måttligt", "starkt", "mycket starkt")
    for word, (low, high) in zip(
        words, [(-0.4, 0.3), (0.31, 0.5), (0.51, 0.7), (0.71, 0.9), (0.91, 1.0)], strict=True
    ):
        for value in (low, high):
            assert word in results.agreement_in_words(value).sv


def wave(
    answers: Sequence[Mapping[str, Answer]], instrument: Instrument = SMALL, day: int = 1
) -> Wave:
    figures = compute(answers, instrument=instrument)
    return Wave(uuid4(), date(2026, 11, day), instrument, figures)


KINDS = """
key = "small"
version = 1
title = { sv = "Liten", en = "Small" }
intro = { sv = "Svara", en = "Answer" }
[[sections]]
key = "all"
title = { sv = "Allt", en = "All" }
[[sections.items]]
key = "ready"
kind = "scale10"
text = { sv = "Hur redo är ni?", en = "How ready are you?" }
[[sections.items]]
key = "calm"
kind = "agreement7"
text = { sv = "Det är lugnt.", en = "It is calm." }
"""


def test_only_what_is_alike_is_compared() -> None:
    calm, better = [everyone(v) for v in (2, 2, 3, 2, 3, 2)], [everyone(v) for v in (4, 5, 4, 4, 5)]
    was, now = wave(calm), wave(better)
    assert results.change(was, now, "pace").verdict == results.HIGHER
    assert results.change(now, was, "pace").verdict == results.LOWER
    same = results.change(was, was, "pace")
    assert (same.verdict, same.difference, same.obstacle) == (results.SAME, 0.0, None)

    # One side shows fewer items, or none; or the words or the scale have changed.
    partly = wave([everyone(4, care_3=None)] * 6)
    assert results.change(was, partly, "care").obstacle == results.OTHER_ITEMS
    assert results.change(was, wave(calm[:4]), "care").obstacle == results.NOT_SHOWN
    reworded = _changed(text=Text("nya ord", "new words"))
    assert results.change(was, wave(calm, reworded), "pace").obstacle == results.OTHER_ITEMS
    seven = _changed(kind="agreement7")
    assert results.change(was, wave(calm, seven), "pace").obstacle == results.OTHER_SCALE
    points = results.trend([was, wave(calm[:4], day=9), now, wave(calm, seven, 21)], "overall")
    assert [point.joined for point in points] == [False, False, False, False]
    assert [point.figure is None for point in points] == [False, True, False, False]
    assert [point.joined for point in results.trend([was, now], "overall")] == [False, True]

    # Without dimensions the questions themselves are followed, as far as their figures go.
    kinds = read("small-1.toml", KINDS.encode())
    before = wave([{"ready": v, "calm": 2} for v in (1, 2, 1, 3, 2, 1, 2, 3, 1, 2)], kinds)
    after = wave([{"ready": v, "calm": 6} for v in (7, 8, 7, 9, 8, 9, 7, 8, 9)], kinds)
    assert results.followed(after) == ("ready", "calm")
    assert results.change(before, after, "ready").verdict == results.HIGHER
    assert results.change(before, after, "calm").obstacle == results.NO_SPREAD
    assert results.ends_of_scale(kinds, "ready") == (0, 10)
    assert results.ends_of_scale(kinds, "calm") == (1, 7)


CHOICES = """
key = "small"
version = 1
title = { sv = "Val", en = "Choices" }
intro = { sv = "Svara", en = "Answer" }
[[sections]]
key = "all"
title = { sv = "Allt", en = "All" }
[[sections.items]]
key = "when"
kind = "single"
text = { sv = "När?", en = "When?" }
options = [
  { key = "now", label = { sv = "Nu", en = "Now" } },
  { key = "later", label = { sv = "Sedan", en = "Later" } },
]
"""


@pytest.mark.parametrize(
    ("content", "answers", "headings"),
    [
        (KINDS, {"ready": 5, "calm": 4}, {"Sedan förra gången", "Över tid: Hur redo är ni?"}),
        (
            KINDS.replace("scale10", "agreement7"),
            {"ready": 5, "calm": 4},
            {"Sedan förra gången", "Över tid: Hur redo är ni?"},
        ),
        (CHOICES, {"when": "now"}, set()),
    ],
)
def test_a_report_follows_what_can_be_followed_whatever_is_asked(
    content: str, answers: dict[str, Answer], headings: set[str]
) -> None:
    asked = read("small-1.toml", content.encode())
    waves = [wave([answers] * 6, asked, day) for day in (1, 11, 21)]

    class Own(Listed):
        instrument = asked  # type: ignore[assignment]

    at = datetime(2026, 11, 21, tzinfo=UTC)
    survey = Survey(id=uuid4(), opened_at=at, closed_at=at)
    listed = Own(survey, Team(name="Redaktionen"))
    paper = report.contents(listed, waves[-1].figures, "sv", report.Beside(waves=waves))
    said = {part["heading"] for part in paper["parts"]}
    assert {one for one in said if one.startswith(("Sedan", "Över tid"))} == headings


def _changed(**change: Any) -> Instrument:
    """The small instrument with every rated item changed."""
    (section,) = SMALL.sections
    items = tuple(replace(i, **change) if i.kind != "text" else i for i in section.items)
    return replace(SMALL, sections=(replace(section, items=items),))


def test_only_what_stands_clear_of_the_rest_is_named() -> None:
    near = compute([everyone(v, pace_1=4) for v in (1, 5, 3, 2, 4, 3)])
    assert not results.dimensions_standing_out(near, 5)
    far = compute([everyone(v, pace_1=5, pace_2=5, calm_1=1) for v in (3, 4, 3, 4, 3, 3)])
    out = results.dimensions_standing_out(far, 5)
    assert (out.strengths, out.gaps) == (("pace",), ("calm",))
    # A single statement needs ten answers, and a reversed one counts turned.
    assert not results.items_standing_out(SMALL, far)
    many = compute([everyone(v, care_2=5, pace_1=5) for v in (3, 4, 3, 4, 3, 3, 4, 3, 3, 4, 3)])
    items = results.items_standing_out(SMALL, many)
    assert (items.strengths, items.gaps) == (("pace_1",), ("care_2",))
    # All alike, to the last answer: sure, and too small a difference to speak of.
    assert not results.items_standing_out(SMALL, compute([everyone(3)] * 12))


def test_names_sort_as_a_swedish_list_does() -> None:
    names = ["Ö", "å", "Z", "Ä", "b", "Åa"]
    assert sorted(names, key=in_alphabet) == ["b", "Z", "å", "Åa", "Ä", "Ö"]
