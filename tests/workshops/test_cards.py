import ast
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from trustivide.workshops import cards
from trustivide.workshops.cards import (
    DIMENSIONS,
    PLACES,
    CardError,
    WorkshopCard,
    body_html,
    load_library,
)

LIBRARY = load_library()

Change = Callable[[dict[str, Any]], object]


def front(**changes: Any) -> dict[str, Any]:
    """The front matter of a small card that keeps every rule."""
    return {
        "title": "En liten övning",
        "summary": "En rad om den.",
        "language": "sv",
        "version": 1,
        "dimensions": ["care"],
        "when": "När det passar.",
        "when_not": "När det inte passar.",
        "goal": "Ett mål.",
        "duration": 15,
        "preparation": ["Läs kortet."],
        "people": [3, 8],
        "place": ["onsite", "remote"],
        "difficulty": 1,
        "exposure": 1,
        "materials": ["Penna"],
        "agenda": [
            {"minutes": 5, "title": "Börja", "instruction": "Hälsa.", "remote": "Vinka."},
            {"minutes": 10, "title": "Prata", "instruction": "Prata.", "note": "Lyssna."},
        ],
        "debrief": ["Hur gick det?"],
        "output": "En rad.",
        "follow_up_days": 14,
        "handout": {
            "title": "Blad",
            "instruction": "Skriv.",
            "prompts": [{"text": "Vad?", "lines": 3}],
        },
        "sources": ["En bok."],
        "licence": "© Trustivide",
    } | changes


def write(
    folder: Path,
    language: str,
    fields: dict[str, Any],
    body: str = "## Rubrik\n\nText.\n",
    slug: str = "small",
) -> None:
    text = f"---\n{yaml.safe_dump(fields, allow_unicode=True)}---\n\n{body}"
    (folder / f"{slug}.{language}.md").write_text(text, encoding="utf-8")


def pair(folder: Path, swedish: dict[str, Any], **english: Any) -> None:
    write(folder, "sv", swedish)
    write(folder, "en", front(language="en") | english)


def test_the_library_has_every_dimension_first_and_every_place() -> None:
    swedish = [card for card in LIBRARY if card.language == "sv"]
    assert len(swedish) >= 8
    assert {card.dimensions[0] for card in swedish} == set(DIMENSIONS)
    assert {place for card in swedish for place in card.place} == set(PLACES)
    assert min(card.duration for card in swedish) == 15
    assert max(card.duration for card in swedish) >= 210


@pytest.mark.parametrize("card", LIBRARY, ids=lambda card: f"{card.slug}.{card.language}")
def test_a_card_is_complete(card: WorkshopCard) -> None:
    assert sum(step.minutes for step in card.agenda) == card.duration
    assert 2 <= card.min_people <= card.max_people
    assert len(card.body.split()) > 200
    assert len(card.title) <= 60
    html = body_html(card)
    assert html.startswith("<h2>")
    # Outside the body nothing reads Markdown, so its signs would stand there as they are.
    shown = [card.title, card.summary, card.when, card.when_not, card.goal, card.output]
    shown += [*card.preparation, *card.materials, *card.debrief, *card.sources]
    shown += [step.title + step.instruction + step.note + step.remote for step in card.agenda]
    assert not [text for text in shown if "*" in text or "`" in text]


def test_a_card_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        LIBRARY[0].title = "Something else"  # type: ignore[misc]


def test_loading_gives_swedish_before_english_by_slug(tmp_path: Path) -> None:
    pair(tmp_path, front())
    write(tmp_path, "en", front(language="en"), slug="another")
    write(tmp_path, "sv", front(), slug="another")
    loaded = load_library(tmp_path)
    assert [(card.slug, card.language) for card in loaded] == [
        ("another", "sv"),
        ("another", "en"),
        ("small", "sv"),
        ("small", "en"),
    ]
    assert loaded[0].agenda[1].note == "Lyssna."
    assert loaded[0].agenda[1].remote == ""


def _step(**changes: Any) -> Change:
    return lambda fields: fields["agenda"][1].update(changes)


def _set(**changes: Any) -> Change:
    return lambda fields: fields.update(changes)


def _drop(name: str) -> Change:
    return lambda fields: fields.pop(name)


@pytest.mark.parametrize("name", sorted(front()))
def test_a_missing_field_is_named(tmp_path: Path, name: str) -> None:
    fields = front()
    del fields[name]
    pair(tmp_path, fields)
    with pytest.raises(CardError, match=rf"^small\.sv\.md: {name}: is missing$"):
        load_library(tmp_path)


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        (_set(colour="green"), "colour", "is not a field"),
        (_set(title=3), "title", "must be text"),
        (_set(title="  "), "title", "must not be empty"),
        (_set(title="x" * 61), "title", "at most 60 characters"),
        (_set(summary="one\ntwo"), "summary", "must be one line"),
        (_set(duration="15"), "duration", "must be a whole number"),
        (_set(duration=15.0), "duration", "must be a whole number"),
        (_set(version=True), "version", "must be a whole number"),
        (_set(duration=20), "agenda", "take 15 minutes, the duration says 20"),
        (_set(duration=900), "duration", "must be from 5 to 480"),
        (_set(difficulty=4), "difficulty", "must be from 1 to 3"),
        (_set(exposure=0), "exposure", "must be from 1 to 3"),
        (_set(dimensions=["courage"]), "dimensions", "'courage' is none of"),
        (_set(dimensions=["care", "care"]), "dimensions", "twice"),
        (_set(dimensions=[]), "dimensions", "at least one"),
        (_set(dimensions="care"), "dimensions", "must be a list"),
        (_set(place=["moon"]), "place", "'moon' is none of"),
        (_set(people=[3]), "people", "must be [fewest, most]"),
        (_set(people=[8, 3]), "people", "more than the most"),
        (_set(people=["a", "b"]), "people", "must be a whole number"),
        (_set(materials=[1]), "materials[1]", "must be text"),
        (_set(agenda=["talk"]), "agenda[1]", "must be a mapping"),
        (_step(minutes=0), "agenda[2].minutes", "must be from 1"),
        (_step(colour="red"), "agenda[2].colour", "is not a field"),
        (_step(note=5), "agenda[2].note", "must be text"),
        (lambda f: f["agenda"][0].pop("title"), "agenda[1].title", "is missing"),
        (lambda f: f["agenda"][0].pop("remote"), "agenda", "needs a remote variant"),
        (_set(handout="a sheet"), "handout", "must be a mapping"),
        (lambda f: f["handout"].pop("prompts"), "handout.prompts", "is missing"),
        (
            lambda f: f["handout"].update(prompts=[{"text": "?", "lines": 10} for _ in "12"]),
            "handout.prompts",
            "at most 18 lines",
        ),
        (_set(language="en"), "language", "'en' is not the file name's 'sv'"),
        (_set(language="fi"), "language", "'fi' is none of"),
    ],
)
def test_a_broken_rule_is_named(tmp_path: Path, change: Change, field: str, rule: str) -> None:
    fields = front()
    change(fields)
    pair(tmp_path, fields)
    with pytest.raises(CardError) as caught:
        load_library(tmp_path)
    assert (caught.value.file, caught.value.field) == ("small.sv.md", field)
    assert rule in caught.value.rule
    assert str(caught.value) == f"small.sv.md: {field}: {caught.value.rule}"


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("", "must not be empty"),
        ("Text <b>bold</b>.", "raw HTML"),
        ("<script>alert(1)</script>", "raw HTML"),
        ("<!-- hidden -->", "raw HTML"),
        ("</p>", "raw HTML"),
        ("<https://example.org>", "raw HTML"),
        ("A &lt;b&gt; and &#60;i>", "raw HTML"),
        ("[here](javascript:alert(1))", "links and images"),
        ("![picture](x.png)", "links and images"),
        ("[here]: https://example.org", "links and images"),
        ("`code`", "code"),
        ("Text.\n\n    code", "code"),
        ("> quoted", "quotes"),
        ("Heading\n=====", "quotes"),
        ("# Too high", "headings"),
        ("### Without a parent", "headings"),
        ("## One\n\n#### Too low", "headings"),
    ],
)
def test_a_body_is_plain_markdown(tmp_path: Path, body: str, rule: str) -> None:
    write(tmp_path, "sv", front(), body=body)
    write(tmp_path, "en", front(language="en"))
    with pytest.raises(CardError, match=rf"^small\.sv\.md: body: .*{rule}"):
        load_library(tmp_path)


@pytest.mark.parametrize(
    ("text", "field", "rule"),
    [
        ("Just text", "front matter", "between two lines"),
        ("---\ntitle: [\n---\nText", "front matter", "is not YAML"),
        ("---\n- a\n---\nText", "front matter", "must be a mapping"),
        ("---\ntitle: a\ntitle: b\n---\nText", "title", "stands there twice"),
        ("---\ntitle: !!python/object:os.system x\n---\nText", "front matter", "is not YAML"),
        ("---\ntitle: !!bool kanske\n---\nText", "front matter", "is not YAML"),
        ("---\ntitle: !!int ''\n---\nText", "front matter", "is not YAML"),
    ],
)
def test_front_matter_must_be_readable(tmp_path: Path, text: str, field: str, rule: str) -> None:
    (tmp_path / "small.sv.md").write_text(text)
    with pytest.raises(CardError) as caught:
        load_library(tmp_path)
    assert caught.value.field == field
    assert rule in caught.value.rule


def test_a_file_must_be_utf8(tmp_path: Path) -> None:
    (tmp_path / "small.sv.md").write_bytes("---\ntitle: å\n---\n".encode("latin-1"))
    with pytest.raises(CardError, match="must be UTF-8"):
        load_library(tmp_path)


@pytest.mark.parametrize("name", ["small.md", "Small.sv.md", "small.fi.md", "small..sv.md"])
def test_a_file_name_is_slug_and_language(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("---\n---\n")
    with pytest.raises(CardError, match="file name"):
        load_library(tmp_path)


@pytest.mark.parametrize(("language", "missing"), [("sv", "en"), ("en", "sv")])
def test_both_languages_are_needed(tmp_path: Path, language: str, missing: str) -> None:
    write(tmp_path, language, front(language=language))
    with pytest.raises(CardError, match=rf"^small\.{missing}\.md: language: .*missing"):
        load_library(tmp_path)


LONGER = [
    {"minutes": 6, "title": "Begin", "instruction": "Greet.", "remote": "Wave."},
    {"minutes": 9, "title": "Talk", "instruction": "Talk."},
]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("version", 2),
        ("dimensions", ["openness"]),
        ("people", [3, 9]),
        ("place", ["remote"]),
        ("difficulty", 2),
        ("exposure", 2),
        ("follow_up_days", 15),
        ("agenda", LONGER),
        ("debrief", ["How?", "Why?"]),
        ("sources", ["A book.", "Another."]),
    ],
)
def test_both_languages_agree(tmp_path: Path, field: str, value: Any) -> None:
    pair(tmp_path, front(), **{field: value})
    with pytest.raises(CardError, match=rf"^small\.en\.md: {field}: .*differs"):
        load_library(tmp_path)


def test_both_languages_agree_on_duration(tmp_path: Path) -> None:
    longer = [*front()["agenda"], {"minutes": 5, "title": "End", "instruction": "Go."}]
    pair(tmp_path, front(), duration=20, agenda=longer)
    with pytest.raises(CardError, match=r"^small\.en\.md: duration: 20 differs from 15"):
        load_library(tmp_path)


def test_body_html_escapes_what_a_loaded_body_could_not_hold() -> None:
    body = (
        "<script>x</script> **bold** *thin* [a](javascript:x) ![i](u) `c`\n\n"
        '<div onclick="x">\n\n> q\n\n    code\n\n- one\n- two'
    )
    html = body_html(replace(LIBRARY[0], body=body))
    assert "<strong>bold</strong> <em>thin</em>" in html
    assert "&lt;script&gt;" in html
    for opened in ("<script", "<div", "<a", "<img", "<code", "<blockquote", "<pre"):
        assert opened not in html


def test_cards_import_neither_the_guide_nor_the_web() -> None:
    tree = ast.parse(Path(cards.__file__).read_text(encoding="utf-8"))
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    known = {"trustivide.core.text", "trustivide.workshops.front_matter"}
    outside = {name.split(".")[0] for name in names - known}
    assert not outside & {"flask", "typst", "trustivide"}
