"""Building questionnaires of one's own: written, moved, copied, put away, brought as files."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select, update
from sqlalchemy.exc import DatabaseError

from tests.conftest import both_databases
from tests.factories import account, customer, sign_in
from tests.surveys.stories import actor_of, team_of
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.surveys import building, catalogue, own_instruments, rounds
from trustivide.surveys.catalogue import Dimension, InstrumentError
from trustivide.surveys.editing import find
from trustivide.surveys.models import InstrumentVersion, OwnInstrument, Survey
from trustivide.surveys.own_instruments import Own
from trustivide.surveys.rounds import Plan
from trustivide.surveys.views.wording import rule_words

LIST = "/surveys/instruments/"
TITLE = {"title_sv": "Arbetsro", "title_en": "Peace to work"}
INTRO = {"intro_sv": "Svara som det är.", "intro_en": "Answer as it is."}


@pytest.fixture
def alice(app: Flask, client: FlaskClient) -> FlaskClient:
    customer()
    return sign_in(client)


def begin(client: FlaskClient, **fields: str) -> str:
    """The path of a new questionnaire's page."""
    data = {**TITLE, **INTRO, "layout": "sections", **fields}
    return str(client.post(f"{LIST}new", data=data).headers["Location"]).split("?")[0]


def own(path: str) -> Own:
    db.session.rollback()
    organisation = db.session.scalars(select(OwnInstrument.organisation_id)).first()
    assert organisation is not None
    found = own_instruments.OwnInstruments(db.session(), organisation).get(UUID(path.split("/")[3]))
    assert found is not None
    return found


def add(client: FlaskClient, path: str, text: str, kind: str = "agreement5", **more: str) -> str:
    """The key of an item that is added to the last section."""
    section = own(path).newest.instrument.sections[-1].key
    data = {"kind": kind, "text_sv": text, "text_en": f"{text} (en)", "required": "y", **more}
    answer = client.post(f"{path}/sections/{section}/items", data=data)
    assert answer.status_code == 303, answer.text
    return own(path).newest.instrument.items[-1].key


def texts(path: str) -> list[str]:
    return [item.text.sv for item in own(path).newest.instrument.items]


def use(path: str) -> Survey:
    """A survey that asks with the newest version."""
    alice = account("alice@exempel.test")
    version = own(path).newest
    team = team_of(alice, 5)
    with transaction() as session:
        building.hold(session, version.row.id, version.row.fingerprint)
        survey = Survey(
            team_id=team.id,
            instrument=version.key,
            instrument_version=version.row.version,
            instrument_hash=version.row.fingerprint,
            own_version_id=version.row.id,
            locale="sv",
            message="Hej",
            k=5,
            invited=5,
            opened_at=clock.now(),
            closes_at=clock.now() + timedelta(days=7),
        )
        session.add(survey)
    return survey


def offered(path: str) -> list[tuple[int, int]]:
    """Version and number of items of the questionnaire where a survey can be sent with it."""
    row = own(path).row
    return [
        (instrument.version, len(instrument.items))
        for version, instrument in building.sendable(db.session(), row.organisation_id)
        if version is not None and instrument.key == row.key
    ]


@both_databases
def test_alice_builds_a_questionnaire_with_every_kind_of_item(alice: FlaskClient) -> None:
    empty = alice.get(LIST).text
    assert "Ni har inget eget frågeformulär än." in empty
    assert "Tillit i team" in empty
    path = begin(alice, intro_en="")
    page = alice.get(path).text
    assert "Inledningen saknas på engelska." in page
    assert "Det finns ingen fråga här än." in page
    assert offered(path) == []

    add(alice, path, "Jag får arbeta i fred.")
    add(alice, path, "Mötena är värda sin tid.", "agreement7", required="")
    add(alice, path, "Skulle du tipsa en vän?", "scale10", low_sv="Nej", low_en="No", high_sv="Ja")
    options = {
        "options_sv": "Kontoret\n Hemma \nEn tredje plats\n",
        "options_en": "Office\n\nA third",
    }
    add(alice, path, "Var arbetar du?", "single", **options)
    add(
        alice, path, "Vad stör?", "multiple", options_sv="Ljud\nMöten", options_en="Noise\nMeetings"
    )
    add(
        alice,
        path,
        "Vad mer?",
        "text",
        required="",
        help_sv="Kort går bra.",
        help_en="Short will do.",
    )
    page = alice.get(path).text
    assert re.search(r"Fråga 3</a>: Ordet vid 10 saknas på engelska.", page)
    assert re.search(r"Fråga 4</a>: Ett alternativ saknas på engelska.", page)
    assert "Klart." not in page

    low, where = (own(path).newest.instrument.items[n].key for n in (2, 3))
    form = alice.get(f"{path}/items/{where}").text
    assert "Office\n\nA third" in form.replace("\r", "")
    seen = re.search(r'name="seen"[^>]*value="(\w+)"', form)
    assert seen
    keys = [option.key for option in own(path).newest.instrument.by_key[where].options]
    typed = {"kind": "single", "text_sv": "Var arbetar du?", "text_en": "Where?", "required": "y"}
    options = {"options_sv": "Hemma\nKontoret\nAnnat", "options_en": "At home\nThe office\nElse"}
    alice.post(f"{path}/items/{where}", data={**typed, **options, "seen": seen[1]})
    after = own(path).newest.instrument.by_key[where].options
    # Known by their words, else by their place: what was answered stays with its option.
    assert [option.key for option in after] == [keys[1], keys[0], keys[2]]
    tip = {"kind": "scale10", "text_sv": "Tipsa?", "text_en": "Recommend?", "required": "y"}
    save(alice, f"{path}/items/{low}", **tip)
    save(alice, f"{path}/heading", **TITLE, **INTRO, layout="page")

    ready = own(path).newest
    assert ready.gaps == ()
    instrument = catalogue.read(f"{ready.key}-1.toml", ready.row.content.encode())
    assert [i.kind for i in instrument.items] == [*catalogue.KINDS]
    assert [i.required for i in instrument.items] == [True, False, True, True, True, False]
    assert instrument.layout == "page"
    assert instrument.fingerprint == ready.row.fingerprint
    assert "Klart." in alice.get(path).text
    assert offered(path) == [(1, 6)]
    for language, word in (("sv", "Kan inte svara"), ("en", "Can&#39;t say")):
        preview = alice.get(f"{path}/preview?lang={language}").text
        assert word in preview or word.replace("&#39;", "&amp;#39;") in preview
    assert "Arbetsro" in alice.get(LIST).text
    team_of(account("alice@exempel.test"), 5)
    assert "Arbetsro" in alice.get("/surveys/new").text


def save(client: FlaskClient, path: str, status: int = 303, **typed: str) -> str:
    """Open a form of a part and send it with what is typed instead; the answer's text."""
    form = client.get(path).text
    found = re.search(r'name="seen"[^>]*value="(\w+)"', form)
    answer = client.post(path, data={"seen": found[1] if found else "", **typed})
    assert answer.status_code == status, answer.text
    return answer.text


def test_items_and_sections_move_by_buttons_and_by_place(alice: FlaskClient) -> None:
    path = begin(alice)
    first, second = add(alice, path, "Ett"), add(alice, path, "Två")
    alice.post(f"{path}/sections", data={"title_sv": "Till sist", "title_en": "Finally"})
    third = add(alice, path, "Tre")

    answer = alice.post(f"{path}/order", data={"up": third})
    page = alice.get(answer.headers["Location"]).text
    assert "Flyttad. Nu är det Fråga 3." in page
    assert re.search(rf'value="{third}" autofocus', page)
    sections = own(path).newest.instrument.sections
    assert [len(section.items) for section in sections] == [3, 0]
    for _press in range(3):  # twice would do: at the first place nothing happens
        answer = alice.post(f"{path}/order", data={"up": third})
    assert texts(path) == ["Tre", "Ett", "Två"]
    # Its button upwards is gone, so the focus is on the one downwards.
    assert re.search(
        rf'name="down" value="{third}" autofocus', alice.get(answer.headers["Location"]).text
    )

    htmx = {"HX-Request": "true", "HX-Request-Type": "partial"}
    last = sections[1].key
    dragged = {"key": first, "into": last, "index": "0"}
    fragment = alice.post(f"{path}/order", data=dragged, headers=htmx)
    assert fragment.status_code == 200
    assert fragment.text.lstrip().startswith('<div id="structure">')
    assert 'id="status"' in fragment.text
    alice.post(f"{path}/order", data={"key": last, "into": "", "index": "0"})
    assert texts(path) == ["Ett", "Tre", "Två"]
    for nonsense in (
        {"up": "q_gone"},
        {"key": first, "into": "s_gone", "index": "x"},
        {},
        {"key": last, "index": "-9"},
    ):
        assert alice.post(f"{path}/order", data=nonsense).status_code == 303
    alice.post(f"{path}/order", data={"down": second})
    assert texts(path) == ["Ett", "Tre", "Två"]


def test_dimensions_hold_statements_of_one_kind(alice: FlaskClient) -> None:
    path = begin(alice)
    names = {
        "name_sv": "Lugn",
        "name_en": "Calm",
        "description_sv": "Att få vara i fred",
        "description_en": "Peace",
    }
    alice.post(f"{path}/dimensions", data=names)
    (calm,) = own(path).newest.instrument.dimensions
    assert "Inget påstående hör till den." in alice.get(path).text
    one = add(alice, path, "Lugnt", dimension=calm.key)
    add(alice, path, "Stökigt", "agreement7", dimension=calm.key, reversed="y")
    assert "Påståenden i dimensioner måste ha lika många steg." in alice.get(path).text
    text = add(alice, path, "Fritt", "text", dimension=calm.key)  # no statement: it belongs to none
    assert own(path).newest.instrument.by_key[text].dimension is None
    answer = alice.post(
        f"{path}/items/{one}", data={"kind": "agreement5", "text_sv": "x", "dimension": "d_gone"}
    )
    assert answer.status_code == 422
    assert "Dimensionen finns inte längre." in answer.text
    save(alice, f"{path}/dimensions/{calm.key}", **names | {"name_en": "Quiet"})
    assert own(path).newest.instrument.dimensions[0].name.en == "Quiet"
    asked = alice.get(f"{path}/parts/{calm.key}/removal").text
    assert "Påståendena står kvar" in asked
    alice.post(f"{path}/parts/{calm.key}/removal")
    assert {(i.dimension, i.reversed) for i in own(path).newest.instrument.items} == {(None, False)}


@both_databases
def test_a_used_version_never_changes(alice: FlaskClient) -> None:
    path = begin(alice)
    item = add(alice, path, "Jag får arbeta i fred.")
    survey = use(path)
    before = own(path).newest.row
    with pytest.raises(DatabaseError), transaction() as session:
        session.execute(update(InstrumentVersion).values(content="", fingerprint=""))
    page = alice.get(path).text
    assert "Version 1 är använd och ändras aldrig" in page
    assert "Redaktionen" in page
    assert "Lägg till en fråga" not in page

    # Also from a form that was open before the survey was sent.
    save(
        alice,
        f"{path}/items/{item}",
        kind="agreement5",
        text_sv="Ro",
        text_en="Peace",
        required="y",
    )
    now = own(path)
    assert [version.row.version for version in now.versions] == [2, 1]
    assert now.versions[1].row.content == before.content
    assert list(now.newest.instrument.by_key) == [item]  # the same question, in other words
    assert "Jag får arbeta i fred." in alice.get(f"{path}/versions/1").text
    assert alice.get(f"{path}/versions/3").status_code == 404
    assert offered(path) == [(2, 1)]
    save(alice, f"{path}/items/{item}", kind="agreement5", text_sv="Ro", required="y")
    assert offered(path) == [(1, 1)]  # as long as the new one lacks something

    alice.post(f"{path}/removal")  # the draft alone
    assert [version.row.version for version in own(path).versions] == [1]
    assert "går inte att radera" in alice.get(f"{path}/removal").text
    assert "Arkivera i stället" in alice.post(f"{path}/removal", follow_redirects=True).text
    alice.post(f"{path}/versions")
    assert own(path).newest.row.version == 2
    assert own(path).newest.instrument.items == own(path).versions[1].instrument.items
    with pytest.raises(Refused), transaction() as session:
        building.hold(session, own(path).newest.row.id, survey.instrument_hash)

    alice.post(f"{path}/archive")
    assert offered(path) == []
    assert "Arkiverade (1)" in alice.get(LIST).text
    alice.post(f"{path}/archive", data={"back": "1"})
    assert offered(path) == [(2, 1)]

    version = own(path).newest
    plan = Plan(
        team_ids=[survey.team_id],
        instrument=version.instrument,
        own_version_id=version.row.id,
        message="Hej",
        locale="sv",
        opens_at=clock.now() + timedelta(days=30),
        closes_at=clock.now() + timedelta(days=44),
        reminder_days=[],
        every_months=None,
    )
    with transaction() as session:
        rounds.put(session, actor_of(account("alice@exempel.test")), uuid4(), plan, clock.now())
    assert "Planerat utskick" in alice.get(path).text
    assert own(path).newest.used


def test_two_who_write_at_once_lose_nothing(
    alice: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    other = sign_in(browser_of())
    path = begin(alice)
    one, two = add(alice, path, "Ett"), add(alice, path, "Två")
    seen = {}
    for key in (one, two):
        form = alice.get(f"{path}/items/{key}").text
        seen[key] = re.findall(r'name="seen"[^>]*value="(\w+)"', form)[0]
    typed = {"kind": "agreement5", "text_sv": "Alices ord", "text_en": "Alice's words"}
    save(
        other, f"{path}/items/{one}", kind="agreement5", text_sv="Andras ord", text_en="Other words"
    )
    # Elsewhere in the questionnaire nobody is in the way.
    assert alice.post(f"{path}/items/{two}", data={**typed, "seen": seen[two]}).status_code == 303
    answer = alice.post(f"{path}/items/{one}", data={**typed, "seen": seen[one]})
    assert answer.status_code == 409
    assert "Andras ord" in answer.text
    assert "Alices ord" in answer.text
    assert texts(path) == ["Andras ord", "Alices ord"]
    again = re.findall(r'name="seen"[^>]*value="(\w+)"', answer.text)[0]
    assert alice.post(f"{path}/items/{one}", data={**typed, "seen": again}).status_code == 303
    assert texts(path) == ["Alices ord", "Alices ord"]

    form = alice.get(f"{path}/items/{one}").text
    other.post(f"{path}/parts/{one}/removal")
    seen[one] = re.findall(r'name="seen"[^>]*value="(\w+)"', form)[0]
    answer = alice.post(f"{path}/items/{one}", data={**typed, "seen": seen[one]})
    assert answer.status_code == 409
    assert "Någon har tagit bort det här" in answer.text
    again = re.findall(r'name="seen"[^>]*value="(\w+)"', answer.text)[0]
    assert alice.post(f"{path}/items/{one}", data={**typed, "seen": again}).status_code == 303
    assert len(texts(path)) == 2


def test_what_is_too_much_is_said_beside_its_field(alice: FlaskClient) -> None:
    assert alice.post(f"{LIST}new", data={**INTRO, "layout": "sections"}).status_code == 422
    path = begin(alice)
    section = own(path).newest.instrument.sections[0].key
    items = f"{path}/sections/{section}/items"
    for typed, said in [
        ({"text_sv": " ", "text_en": ""}, "Skriv frågan på minst ett av språken."),
        ({"text_sv": "x" * 501}, "Högst 500 tecken får plats."),
        (
            {"text_sv": "x", "kind": "single", "options_sv": "\n".join(map(str, range(21)))},
            "Högst 20 alternativ",
        ),
        ({"text_sv": "x", "kind": "single", "options_en": "x" * 201}, "högst 200 tecken"),
        (
            {"text_sv": "x", "kind": "multiple", "options_sv": "a\nb\na"},
            "Två alternativ heter likadant.",
        ),
        ({"text_sv": "x", "kind": "scale10", "low_sv": "x" * 81}, "Högst 80 tecken får plats."),
    ]:
        answer = alice.post(items, data={"kind": "agreement5", **typed})
        assert (answer.status_code, said in answer.text) == (422, True), said
        assert typed.get("options_sv", "") in answer.text.replace("\r", "")
    # Another kind's fields, without anything being saved or lost.
    answer = alice.post(items, data={"kind": "single", "text_sv": "Halvskriven", "step": "kind"})
    assert answer.status_code == 200
    assert "Halvskriven" in answer.text
    assert 'name="options_sv"' in answer.text
    assert texts(path) == []
    answer = alice.post(items, data={"kind": "text", "text_sv": "Nu\x00 ändå", "step": "another"})
    assert answer.headers["Location"].endswith("items?kind=text")
    assert texts(path) == ["Nu ändå"]

    whole = own(path).newest.instrument
    many = tuple(replace(whole.items[0], key=f"q_{number}") for number in range(100))
    actor = actor_of(account("alice@exempel.test"))
    with transaction() as session:
        full = replace(whole, sections=(replace(whole.sections[0], items=many),))
        row = building.copy(session, actor, full, clock.now())
    answer = alice.post(f"{LIST}{row.id}/sections/{section}/items", data={"text_sv": "En till"})
    assert answer.status_code == 422
    assert "Högst 100 frågor" in answer.text
    assert "En till" in answer.text


# Files

SMALL = """
title = { sv = "Liten", en = "Small" }
intro = { sv = "Hej", en = "Hello" }
[[dimensions]]
key = "care"
name = { sv = "Omtanke", en = "Care" }
description = { sv = "Att bry sig", en = "To care" }
[[sections]]
key = "care"
title = { sv = "Först", en = "First" }
[[sections.items]]
key = "kind"
kind = "agreement5"
dimension = "care"
text = { sv = "Vi hjälps åt", en = "We help out" }
[[sections.items]]
key = "pick"
kind = "single"
text = { sv = "Var?", en = "Where?" }
options = [
    { key = "a", label = { sv = "Här", en = "Here" } },
    { key = "b", label = { sv = "Där", en = "There" } },
]
"""


def test_a_file_is_looked_over_before_anything_is_made_of_it(alice: FlaskClient) -> None:
    answer = alice.post(
        f"{LIST}import", data={"file": (BytesIO(b"\xef\xbb\xbf" + SMALL.encode()), "x.toml")}
    )
    assert answer.status_code == 200
    assert "Vi hjälps åt" in answer.text
    assert db.session.scalars(select(OwnInstrument)).all() == []
    assert "Liten" in answer.text
    path = alice.post(f"{LIST}import", data={"content": SMALL, "step": "save"}).headers["Location"]
    assert own(path).newest.gaps == ()
    # A section that is called as a dimension gets a key of its own here.
    found = own(path).newest.instrument
    assert isinstance(find(found, "care"), Dimension)

    file = alice.get(f"{path}/file")
    assert (
        file.headers["Content-Disposition"] == f'attachment; filename="{own(path).row.key}-1.toml"'
    )
    again = alice.post(f"{LIST}import", data={"content": file.text, "step": "save"})
    copied = own(again.headers["Location"]).newest.instrument
    assert (copied.sections, copied.dimensions) == (found.sections, found.dimensions)
    copy = own(alice.post(f"{path}/copies").headers["Location"]).newest.instrument
    assert (copy.title.sv, copy.title.en) == ("Kopia av Liten", "Copy of Small")
    assert copy.sections == found.sections

    shipped = alice.get(f"{LIST}built-in/tillit-i-team/file").get_data()
    assert (
        catalogue.read("tillit-i-team-1.toml", shipped).items
        == catalogue.load("tillit-i-team", 1).items
    )
    mine = own(alice.post(f"{LIST}built-in/tillit-i-team/copies").headers["Location"]).newest
    assert (len(mine.instrument.items), mine.gaps) == (22, ())
    assert alice.get(f"{LIST}built-in/no-such").status_code == 404


WRONG = {
    SMALL.replace(
        '{ sv = "Liten", en = "Small" }', "1"
    ): "Filen: Fältet title ska ha texter för sv och en.",
    "a = 1\nb ? 2": "Filen: Går inte att läsa som TOML: rad 2, tecken 3.",
    "a = [[[[[": "Filen: Går inte att läsa som TOML",
    "a = 1" + "0" * 5000: "Filen: Går inte att läsa som TOML.",
    "a = 1": "Filen: Fältet a finns inte i formatet.",
}
CHANGED = [
    (', en = "We help out"', "", "kind: Texten text.en saknas."),
    ('en = "We help out"', f'en = "{"x" * 501}"', "kind: En text är längre än 500 tecken."),
    (
        'en = "We help out"',
        'en = "We help out", fi = "Me"',
        "kind: Fältet text.fi finns inte i formatet.",
    ),
    ('kind = "agreement5"', 'kind = "stars"', "kind: Frågetypen &#39;stars&#39; finns inte."),
    (
        'kind = "agreement5"',
        'kind = "text"',
        "kind: Bara ett påstående kan höra till en dimension.",
    ),
    (
        'kind = "agreement5"',
        'kind = "agreement5"\nreversed = 1',
        "kind: Fältet reversed ska vara true eller false.",
    ),
    (
        'dimension = "care"',
        'dimension = "love"',
        "kind: Dimensionen &#39;love&#39; finns inte i filen.",
    ),
    ('dimension = "care"', "dimension = []", "kind: Dimensionen [] finns inte i filen."),
    ('dimension = "care"', "", "care: Inget påstående hör till dimensionen."),
    (
        'dimension = "care"',
        "reversed = true",
        "kind: Bara en fråga som hör till en dimension kan vara vänd.",
    ),
    ('key = "pick"', 'key = "kind"', "kind: Nyckeln används två gånger."),
    ('key = "pick"', 'key = "overall"', "overall: Nyckeln overall är upptagen."),
    ('key = "pick"', 'key = "Pick"', "Nyckeln får bara ha små bokstäver"),
    ('key = "a"', 'key = "x"', "pick: Nyckeln x betyder"),
    ('key = "a"', 'key = "b"', "b: Nyckeln används två gånger."),
    (
        '{ key = "b", label = { sv = "Där", en = "There" } },',
        "",
        "pick: Frågan ska ha mellan 2 och 20",
    ),
    ('kind = "single"', 'kind = "scale10"', "pick: Frågetypen scale10 har inga alternativ."),
    (
        'kind = "single"',
        'kind = "single"\nlow = { sv = "a", en = "b" }',
        "pick: low och high hör ihop",
    ),
    (
        "[[dimensions]]",
        'layout = "rings"\n[[dimensions]]',
        "layout: Värdet ska vara något av sections, page.",
    ),
    ("[[dimensions]]", "[dimensions]", "Filen: Fältet dimensions ska vara en lista av tabeller."),
]


def test_an_organisation_has_only_so_many_questionnaires(
    alice: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "MOST_OWN", 2)
    path = begin(alice)
    alice.post(f"{path}/copies")
    more = "Ni har redan 2 egna frågeformulär. Radera något som ni inte behöver först."
    refused = alice.post(f"{LIST}new", data={**TITLE, **INTRO, "layout": "sections"})
    assert refused.status_code == 422
    assert more in refused.text
    assert TITLE["title_sv"] in refused.text
    assert more in alice.post(f"{path}/copies", follow_redirects=True).text
    whole = alice.post(f"{LIST}import", data={"content": SMALL, "step": "save"})
    assert whole.status_code == 422
    assert more in whole.text
    assert len(db.session.scalars(select(OwnInstrument)).all()) == 2


def test_choosing_among_many_takes_no_more_queries(alice: FlaskClient) -> None:
    path = begin(alice)
    add(alice, path, "Det är lugnt.")

    def queries() -> int:
        db.session.rollback()
        seen: list[str] = []
        listen = lambda *args: seen.append(args[2])  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", listen)
        assert "Arbetsro" in alice.get("/surveys/new").text
        event.remove(db.engine, "before_cursor_execute", listen)
        return len(seen)

    team_of(account("alice@exempel.test"), 5)
    alice.get("/surveys/new")
    few = queries()
    for _ in range(4):
        alice.post(f"{path}/copies")
    assert queries() == few


def test_what_is_wrong_with_a_file_is_said_with_its_place(alice: FlaskClient) -> None:
    broken = WRONG | {SMALL.replace(old, new): said for old, new, said in CHANGED}
    broken[SMALL.split("[[sections]]")[0]] = "Här finns ingen fråga."
    for content, said in broken.items():
        answer = alice.post(f"{LIST}import", data={"content": content, "step": "save"})
        assert answer.status_code == 422, said
        assert said in answer.text, (
            said,
            re.findall(r"error-summary.*?</ul>", answer.text, re.DOTALL),
        )
        assert (
            content.split("\n")[-1][:20].replace('"', "&#34;") in answer.text
        )  # kept to be mended
    for file, said in [
        (b"\xff\xfe", "inte text i UTF-8"),
        (b"#" * 240_001, "för stor"),
        (b"", "Välj en fil"),
    ]:
        answer = alice.post(f"{LIST}import", data={"file": (BytesIO(file), "x.toml")})
        assert (answer.status_code, said in answer.text) == (422, True), said
    assert db.session.scalars(select(OwnInstrument)).all() == []


def test_every_rule_of_the_catalogue_has_words_here(app: Flask) -> None:
    # What stands in braces is filled in by the catalogue, with something like this.
    source = Path(catalogue.__file__).read_text()
    rules = re.findall(r"self\.refuse\([^\n]*?, f?\"([^\n\"]*)\"\)", source)
    assert len(rules) > 20
    filled = {"MAX_ITEMS": "100", "MAX_OPTIONS": "20", "CANT_SAY!r": "'x'", "field!r": "'a'"}
    with app.test_request_context():
        for rule in rules:
            said = re.sub(r"\{([^}]*)\}", lambda hole: filled.get(hole[1], "thing"), rule)
            if re.search("<key>-<version>|name of the file|whole number", said):
                continue  # name and version are ours here
            assert rule_words(InstrumentError("", "", said)) != said, rule


def test_charlie_finds_none_of_it(
    alice: FlaskClient, browser_of: Callable[[], FlaskClient]
) -> None:
    path = begin(alice)
    item = add(alice, path, "Hemlig fråga")
    customer(
        "Charlie Carlsson", "charlie@annan.test", organisation="Annan AB", number="556036-0793"
    )
    charlie = sign_in(browser_of(), "charlie@annan.test")
    assert "Arbetsro" not in charlie.get(LIST).text
    before = own(path).newest.row.content
    for part in (
        "",
        "/preview",
        "/file",
        "/heading",
        f"/items/{item}",
        "/versions/1",
        "/removal",
        "/sections",
    ):
        assert charlie.get(path + part).status_code == 404, part
    for part in (
        "/order",
        "/copies",
        "/archive",
        "/versions",
        "/removal",
        f"/parts/{item}/removal",
        "/heading",
    ):
        assert charlie.post(path + part, data={"up": item}).status_code == 404, part
    assert own(path).newest.row.content == before
