"""Alice takes a result along: every figure as it is on the page, and nothing beside it."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import jsonschema
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from tests.factories import account, colleague, customer, sign_in
from tests.surveys.stories import actor_of, answer, launched, tokens
from tests.surveys.test_kinds import survey as kinds
from trustivide.core import clock, glyphs, typeset
from trustivide.core.db import db, transaction
from trustivide.surveys import (
    actions,
    anonymity,
    catalogue,
    closing,
    export,
    following_up,
    queries,
    report,
    results,
)
from trustivide.surveys.catalogue import Answer, Instrument, Item, Option, Section
from trustivide.surveys.models import Survey
from trustivide.surveys.queries import Listed
from trustivide.surveys.report import contents
from trustivide.surveys.snapshot import compute
from trustivide.teams.models import Team

Browsers = Callable[[], FlaskClient]

__all__ = ["kinds"]  # the fixture: a survey with every kind of item

FORMULA = '=HYPERLINK("http://evil.test";"Klicka")'
NASTY = '#eval("1") #panic("x") $ x^2 _i_ *b* [c] <label> @ref \\ // no /* no */ `raw` "q" = h'
METHOD = "https://trustivide.test/surveys/method"
# What the page shows of a row; its spread and a statement's mean are on no page.
SHOWN = ("n", "missing", "agreement", "items_shown", "items_total")


def closed(survey: Survey, answer_sets: list[dict[str, Answer]]) -> Survey:
    """The survey after so many have answered."""
    for token, answers in zip(tokens(survey).values(), answer_sets, strict=False):
        actions.submit(survey.id, token, anonymity.new_receipt_code(), answers)
    with transaction() as session:
        closing.close(session, session.get_one(Survey, survey.id), clock.now())
    return db.session.get_one(Survey, survey.id)


def of_every_kind(count: int) -> list[dict[str, Answer]]:
    random = Random(count)
    texts = iter([FORMULA, NASTY, "Rad ett\nrad två", "-1", *map(str, range(10, 99))])
    return [
        {
            "expected": random.randint(2, 7),
            "recommend": random.randint(3, 10),
            "guide": random.choice(["lead", "peer"]),
            "helped": random.choice([["buddy"], ["buddy", "lunch"]]),
            "more": next(texts),
        }
        for _ in range(count)
    ]


def figures_of(survey: Survey) -> dict[str, Any]:
    found = queries.snapshot_of(db.session(), survey)
    assert found is not None
    return found


def get(client: FlaskClient, survey: Survey, kind: str) -> Any:
    response = client.get(f"/surveys/{survey.id}/export/{kind}")
    assert response.status_code == 200
    disposition = response.headers["Content-Disposition"]
    assert re.fullmatch(
        rf'attachment; filename="trustivide-[\d-]+-[\da-f]{{8}}.{kind}"', disposition
    )
    assert response.headers["Cache-Control"] == "no-store"
    return response


def expected(figures: dict[str, Any], instrument: Instrument) -> Iterator[tuple[str, ...]]:
    """Key, measure or answer, and value: what every file must say of a snapshot, in Swedish."""
    names = {
        "n": "Antal svar",
        "missing": "Kan inte svara eller inget svar",
        "agreement": "Samstämmighet (r*wg)",
        "items_shown": "Frågor som räknas",
        "items_total": "Frågor",
    }
    labels = catalogue.score_labels(instrument.agreement, "sv")
    for row in (figures["overall"], *figures["dimensions"], *results.item_rows(figures)):
        key, item = row["key"], instrument.by_key.get(row["key"])
        yield from ((key, names[name], row[name]) for name in SHOWN if name in row)
        if item is None or item.kind == "scale10":
            yield key, "Medel", row["mean"]
            yield key, "95 % intervall, från", row["interval"]["low"]
            yield key, "95 % intervall, till", row["interval"]["high"]
        if "distribution" in row:
            words = export.item_labels(item, "sv") if item else labels
            kind, counts = row["distribution"]["kind"], row["distribution"]["counts"]
            yield from ((key, *pair) for pair in zip(words[kind], counts, strict=True))
        for option in row.get("options", ()):
            words = {o.key: o.label.sv for o in item.options} if item else {}
            shares = {"some": "Någon, men färre än hälften", "half_or_more": "Hälften eller fler"}
            shares |= {"none": "Ingen", "less_than_half": "Färre än hälften, kanske ingen"}
            yield key, words[option["key"]], option.get("count", shares.get(option.get("share")))


@pytest.mark.parametrize("answered", [8, 10])
def test_every_figure_of_a_file_is_one_of_the_snapshots(
    client: FlaskClient, kinds: Survey, answered: int
) -> None:
    survey = closed(kinds, of_every_kind(answered))
    figures, instrument = figures_of(survey), queries.instrument_of(survey)
    sign_in(client)
    told = [(key, what, str(value)) for key, what, value in expected(figures, instrument)]
    assert len(told) > 40

    # CSV: one fact a row.
    text = get(client, survey, "csv").data.decode("utf-8-sig")
    head, *rows = csv.reader(io.StringIO(text))
    assert head == ["Avsnitt", "Nyckel", "Vad", "Mått", "Svar", "Värde"]
    said = [(key, answer or measure, value) for _, key, _, measure, answer, value in rows]
    about, comments = said[:8], said[-answered:]
    flags = {"Intervallet är kapat", "Intervallet är vägledande", "Omvänd fråga"}
    assert sorted(fact for fact in said[8:-answered] if fact[1] not in flags) == sorted(told)
    assert {what: value for _, what, value in about}.items() >= {
        "Team": "Redaktionen",
        "Inbjudna": "10",
        "Har svarat": str(answered),
        "Minsta antal svar för ett resultat": "5",
        "Alla har svarat": "Ja" if answered == 10 else "Nej",
    }.items()
    texts = figures["comments"][0]["texts"]
    assert len(texts) == answered
    cells = [value for _, _, value in comments]
    assert [cell.removeprefix("'") for cell in cells] == texts
    assert not [c for row in rows for c in row if c.startswith(("=", "+", "-", "@", "\t", "\r"))]

    # The workbook: numbers as numbers, a formula as text.
    book = load_workbook(io.BytesIO(get(client, survey, "xlsx").data))
    assert book.sheetnames == ["Enkät", "Delar", "Frågor", "Svar", "Kommentarer"]
    found = {}
    for name in ("Delar", "Frågor"):
        columns, *lines = book[name].values
        for line in lines:
            cells_of = dict(zip(columns, line, strict=True))
            found |= {(line[0], what): cells_of[what] for what in columns[2:] if what not in flags}
    found |= {(key, words): value for key, _, words, value in list(book["Svar"].values)[1:]}
    kept = {fact: value for fact, value in found.items() if value is not None}
    assert kept == {(key, what): value for key, what, value in expected(figures, instrument)}
    assert [row[2] for row in list(book["Kommentarer"].values)[1:]] == cells
    every = [cell for sheet in book.worksheets for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in every} == {"s", "n"}

    # JSON: as its schema says, and with nothing that the page doesn't show.
    result = get(client, survey, "json").get_json()
    jsonschema.validate(result, client.get("/surveys/results/schema/1").get_json(force=True))
    assert json.dumps(list(export.facts(result)), default=vars) == json.dumps(
        list(export.facts(export.document(_listed(survey), figures, "sv"))), default=vars
    )
    assert [row["texts"] for row in result["comments"]] == [texts]
    assert not set(re.findall(r'"(\w+)":', json.dumps(result))) & {"sd", "score", "fingerprint"}
    for row in results.item_rows(result):
        assert ("mean" in row) == (row["kind"] == "scale10")
    assert "reversed" in json.dumps(result)
    assert client.get("/surveys/results/schema/2").status_code == 404


def _listed(survey: Survey) -> Listed:
    return Listed(survey, db.session.get_one(Team, survey.team_id))


def test_without_a_result_there_is_the_participation_alone(app: Flask, client: FlaskClient) -> None:
    survey = launched(app, 6)
    links = tokens(survey)
    for number, token in enumerate(list(links.values())[:4]):
        answer(survey, token, number)
    sign_in(client)
    for running in (f"/surveys/{survey.id}/export/csv", f"/surveys/{survey.id}/report.pdf"):
        assert client.get(running).status_code == 404
    survey = closed(survey, [])
    result = get(client, survey, "json").get_json()
    jsonschema.validate(result, json.loads(export.schema()))
    head = {"schema", "language", "survey", "participation", "published", "reason"}
    assert result.keys() == head
    assert result["participation"] == {"invited": 6, "answered": 4, "fewest_for_a_result": 5}
    rows = list(csv.reader(io.StringIO(get(client, survey, "csv").text)))[1:]
    assert {row[0] for row in rows} == {"Enkät"}
    assert rows[-1][-1] == "för få har svarat"
    assert load_workbook(io.BytesIO(get(client, survey, "xlsx").data)).sheetnames == ["Enkät"]
    said = contents(_listed(survey), figures_of(survey), "sv")
    assert said["parts"] == []
    assert "färre än 5 har svarat" in said["notice"][0]
    assert _pdf(_listed(survey), figures_of(survey), "en").startswith(b"%PDF-1.7")


def test_a_result_is_its_organisations_and_its_links(
    app: Flask, client: FlaskClient, browser_of: Browsers, kinds: Survey
) -> None:
    survey = closed(kinds, of_every_kind(8))
    alice = account("alice@exempel.test")
    customer("Charlie", "charlie@annan.test", number="556036-0793", organisation="Annan AB")
    colleague(alice, "leader")
    colleague(alice, "member", "Erik", "erik@exempel.test")
    paths = [f"/surveys/{survey.id}/export/{kind}" for kind in ("csv", "xlsx", "json")]
    paths.append(f"/surveys/{survey.id}/report.pdf")
    for email, status in (
        ("charlie@annan.test", 404),
        ("erik@exempel.test", 404),
        ("bob@exempel.test", 200),
    ):
        browser = sign_in(browser_of(), email)
        assert {browser.get(path).status_code for path in paths} == {status}
    stranger = browser_of()
    assert {stranger.get(path).status_code for path in paths} == {303}
    sign_in(client)
    assert client.get(f"/surveys/{survey.id}/export/exe").status_code == 404

    with transaction() as session:
        token = following_up.share(session, actor_of(alice), survey, clock.now()).token
    read = stranger.get(f"/r/{token}/report.pdf")
    assert read.mimetype == "application/pdf"
    assert read.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert stranger.get(f"/r/{token[:-1]}x/report.pdf").status_code == 404
    page = client.get(f"/surveys/{survey.id}").text
    assert all(f'href="{path}"' in page for path in paths)
    assert f'href="/r/{token}/report.pdf"' in stranger.get(f"/r/{token}").text
    with transaction() as session:
        following_up.stop_sharing(session, survey)
    assert stranger.get(f"/r/{token}/report.pdf").status_code == 404


# On paper


def _pdf(listed: Listed, figures: dict[str, Any], locale: str) -> bytes:
    """As :func:`report.render` makes it, in this process."""
    return typeset.compile_pdf(report.TEMPLATE, report.printed(listed, figures, locale, METHOD))


@pytest.mark.parametrize("locale", ["sv", "en"])
def test_the_report_says_what_the_snapshot_says(
    client: FlaskClient, kinds: Survey, locale: str
) -> None:
    survey = closed(kinds, of_every_kind(10))
    figures = figures_of(survey)
    listed = _listed(survey)
    pdf = _pdf(listed, figures, locale)
    title = {"sv": "Enkätresultat för Redaktionen", "en": "Survey result of Redaktionen"}[locale]
    assert f'<rdf:li xml:lang="x-default">{title}</rdf:li>'.encode() in pdf
    assert f"/Lang({locale})".encode() in pdf
    assert b"<pdfuaid:part>1</pdfuaid:part>" in pdf
    assert b"/StructTreeRoot" in pdf
    assert b"/Alt" in pdf
    assert METHOD.encode() in pdf
    assert pdf == _pdf(listed, figures, locale)

    said = contents(listed, figures, locale)
    parts = {part["heading"]: part for part in said["parts"]}
    comma = "," if locale == "sv" else "."
    two = lambda value: f"{value:.2f}".replace(".", comma).replace("-", "−")  # noqa: E731
    (row,) = figures["dimensions"]
    low, high = two(row["interval"]["low"]), two(row["interval"]["high"])
    table = parts[{"sv": "Delarna", "en": "The parts"}[locale]]["table"]["rows"]
    star = "*" if row["interval"]["clipped"] else ""
    name = {"sv": "Välkomnande", "en": "Welcome"}[locale]
    assert table == [[name, two(row["mean"]), f"{low}–{high}{star}", "10"]]
    chart = parts[{"sv": "Delarna", "en": "The parts"}[locale]]["chart"]
    assert f"{name} {two(row['mean'])} ({low}–{high})" in chart["alt"]
    assert chart["rows"][0]["at"] == pytest.approx((row["mean"] - 1) / 6)
    assert parts[name]["bars"]["counts"] == row["distribution"]["counts"]
    words = results.agreement_in_words(row["agreement"]).in_(locale)
    assert f"{words} (r*wg {two(row['agreement'])})." in parts[name]["text"]
    scale, guide, helped = parts[
        {"sv": "Frågor utanför delarna", "en": "Questions beside the parts"}[locale]
    ]["items"]
    rows = {row["key"]: row for row in figures["items"]}
    assert scale["bars"]["counts"] == rows["recommend"]["distribution"]["counts"]
    assert two(rows["recommend"]["mean"]) in scale["notes"][0]
    for shown, key in ((guide, "guide"), (helped, "helped")):
        counts = [str(option["count"]) for option in rows[key]["options"]]
        assert [line[1] for line in shown["options"]["rows"]] == counts
    (comments,) = parts[{"sv": "Kommentarer", "en": "Comments"}[locale]]["comments"]
    texts = [text.splitlines() for text in figures["comments"][0]["texts"]]
    assert comments["texts"] == texts


def _questionnaire(words: int) -> Instrument:
    """A hundred questions with long words, of every kind."""
    text = catalogue.Text(*(("Långa" + NASTY + "å" * 60) * 9)[:words].split("\0") * 2)
    kinds = ("agreement7", "scale10", "single", "multiple", "text")
    items = tuple(
        Item(
            f"item_{number}",
            kinds[number % 5],
            None,
            text,
            options=tuple(Option(f"o{n}", text) for n in range(20 if number < 9 else 2))
            if number % 5 in (2, 3)
            else (),
            ends=(text, text) if number % 5 == 1 else None,
        )
        for number in range(100)
    )
    return Instrument("odd", 1, text, text, (), (Section("all", text, items),), "0" * 64)


def test_nothing_in_a_report_is_too_long_or_too_odd(app: Flask) -> None:
    survey = closed(launched(app, 6), [])
    instrument = _questionnaire(300)
    odd = "😀👍🏽 漢字 עברית العربية \u202eabc\u0301\u0378 " + NASTY * 30
    answers: dict[str, list[Answer]] = {
        "agreement7": [3],
        "scale10": [8],
        "single": ["o0"],
        "multiple": [["o0", "o1"]],
        "text": [odd[:5_000]],
    }
    sets = [{item.key: answers[item.kind][0] for item in instrument.items}] * 12
    figures = compute(instrument, sets, k=5, invited=12)

    class Odd(Listed):
        instrument = _questionnaire(300)  # type: ignore[assignment]

    for name in ("X" * 120, NASTY[:60], "😀"):
        listed = Odd(survey, Team(name=name))
        assert _pdf(listed, figures, "sv").startswith(b"%PDF-1.7")
    said = report.printed(listed, figures, "sv", METHOD)
    assert said["title"] == "□"
    assert "står som □" in said["method"]["text"][-1]
    many = {**figures["comments"][0], "n": 400, "texts": ["ja"] * 400}
    said = contents(listed, {**figures, "comments": [many]}, "sv")
    shown = said["parts"][-1]["comments"][0]
    assert len(shown["texts"]) == report.MOST_COMMENTS
    assert "De övriga 100" in shown["rest"][0]


def _typeset(data: dict[str, Any], folder: Any) -> bytes:
    template = folder / "sample.typ"
    template.write_text(
        '#set document(title: "x", date: none)\n#set text(font: "Libertinus Serif")\n'
        "#for words in json(bytes(sys.inputs.data)).words [#words\\ ]\n"
    )
    return typeset.compile_pdf(template, data)


def test_every_character_that_is_let_through_is_drawn(tmp_path: Any) -> None:
    every = [chr(code) for low, high in glyphs._DRAWN for code in range(low, high + 1)]
    drawn = [char for char in every if glyphs.printable(char) == char]
    assert len(drawn) > 3_000
    assert _typeset({"words": drawn}, tmp_path).startswith(b"%PDF")
    assert glyphs.printable(["a\u200db", ("👍🏽!", 7)]) == ["ab", ["□!", 7]]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=200), max_size=20))
def test_no_text_stops_a_report(tmp_path_factory: pytest.TempPathFactory, words: list[str]) -> None:
    folder = tmp_path_factory.getbasetemp()
    assert _typeset(glyphs.printable({"words": words}), folder).startswith(b"%PDF")
