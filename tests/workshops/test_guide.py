import json
from dataclasses import replace
from typing import Any

import pytest
import typst

from trustivide.workshops import guide
from trustivide.workshops.cards import (
    AgendaStep,
    Handout,
    HandoutPrompt,
    WorkshopCard,
    load_library,
)
from trustivide.workshops.guide import body_blocks, render

LIBRARY = load_library()
CARD = LIBRARY[0]


def sent(card: WorkshopCard, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the template gets for ``card``."""
    calls: list[dict[str, Any]] = []

    def compile_nothing(*_: object, **options: Any) -> bytes:
        calls.append(options)
        return b""

    monkeypatch.setattr(typst, "compile", compile_nothing)
    render(card)
    data: dict[str, Any] = json.loads(calls[0]["sys_inputs"]["data"])
    return data


@pytest.mark.parametrize("card", LIBRARY, ids=lambda card: f"{card.slug}.{card.language}")
def test_every_card_becomes_an_accessible_guide_and_a_handout(card: WorkshopCard) -> None:
    # Typst itself refuses what isn't PDF/UA-1.
    for document, title, fewest, most in (
        # One page for the card, one or more for the agenda, one for the text, the handout last.
        ("guide", card.title, 4, 6),
        ("handout", card.handout.title, 1, 1),
    ):
        pdf = render(card, document)
        assert pdf.startswith(b"%PDF-1.7")
        assert f'<rdf:li xml:lang="x-default">{card_title(title)}</rdf:li>'.encode() in pdf
        assert b"<dc:creator><rdf:Seq><rdf:li>Trustivide</rdf:li>" in pdf
        assert f"/Lang({card.language})".encode() in pdf
        assert b"<pdfuaid:part>1</pdfuaid:part>" in pdf
        assert b"/StructTreeRoot" in pdf
        assert fewest <= pages_of(pdf) <= most, document


def card_title(title: str) -> str:
    return title.replace("&", "&amp;")


def pages_of(pdf: bytes) -> int:
    return int(pdf.split(b"/Type/Pages/Count ")[1].split(b"/")[0])


def test_the_same_card_gives_the_same_bytes() -> None:
    assert render(CARD) == render(CARD)


def test_a_handout_with_all_the_lines_that_a_card_may_have_stays_one_page() -> None:
    prompts = tuple(HandoutPrompt("Vad behöver du av de andra? " * 2, 3) for _ in range(6))
    card = replace(CARD, handout=Handout("Mina ord " * 8, "Skriv för dig själv. " * 12, prompts))
    assert pages_of(render(card, "handout")) == 1


NASTY = '#eval("1") #panic("x") $ x^2 _i_ *b* [c] <label> @ref \\ // no /* no */ `raw` "q" = h'


def test_markup_in_a_card_stays_text() -> None:
    step = AgendaStep(15, NASTY, NASTY, NASTY, NASTY)
    card = replace(
        CARD,
        title=NASTY,
        summary=NASTY,
        goal=NASTY,
        when=NASTY,
        when_not=NASTY,
        preparation=(NASTY,),
        materials=(NASTY,),
        agenda=(step,),
        debrief=(NASTY,),
        output=NASTY,
        handout=Handout(NASTY, NASTY, (HandoutPrompt(NASTY, 1),)),
        sources=(NASTY,),
        licence=NASTY,
        body=f"## {NASTY}\n\n{NASTY}\n\n- {NASTY}",
    )
    for document in guide.DOCUMENTS:
        pdf = render(card, document)
        assert b'#eval("1") #panic("x")' in pdf.replace(b"&quot;", b'"')


def test_the_clock_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    agenda = tuple(AgendaStep(minutes, "a", "b") for minutes in (5, 60, 25))
    data = sent(replace(CARD, agenda=agenda, duration=90), monkeypatch)
    assert [step["clock"] for step in data["agenda"]] == ["0:00", "0:05", "1:05"]
    assert ["Längd", "1 tim 30 min"] in data["facts"]


def test_a_long_text_keeps_its_paragraphs(monkeypatch: pytest.MonkeyPatch) -> None:
    data = sent(replace(CARD, goal="One\nline.\n\nAnother."), monkeypatch)
    assert data["goal"] == ["One line.", "Another."]


def test_both_languages_have_the_same_labels() -> None:
    swedish, english = guide._LABELS["sv"], guide._LABELS["en"]
    assert swedish.keys() == english.keys()
    for name, words in swedish.items():
        if isinstance(words, dict):
            assert words.keys() == english[name].keys()


def run(text: str, bold: bool = False, italic: bool = False) -> dict[str, Any]:
    return {"text": text, "bold": bold, "italic": italic}


def test_the_body_becomes_typed_blocks() -> None:
    body = (
        "## One *two*\n\nPlain **bold** & <b>.\nNext line.\n\n"
        "- a\n- **b** c\n\n### Three\n\n1. first\n2. second\n"
    )
    assert body_blocks(replace(CARD, body=body)) == [
        {"type": "heading", "level": 2, "runs": [run("One "), run("two", italic=True)]},
        {
            "type": "paragraph",
            "runs": [run("Plain "), run("bold", bold=True), run(" & <b>. Next line.")],
        },
        {"type": "list", "ordered": False, "items": [[run("a")], [run("b", bold=True), run(" c")]]},
        {"type": "heading", "level": 3, "runs": [run("Three")]},
        {"type": "list", "ordered": True, "items": [[run("first")], [run("second")]]},
    ]


def test_a_loose_list_and_a_nested_one_lose_no_text() -> None:
    body = "- a\n\n- b\n    - c\n    - d\n- e\n\nEnd."
    blocks = body_blocks(replace(CARD, body=body))
    words = ["".join(part["text"] for part in item).strip() for item in blocks[0]["items"]]
    assert words == ["a", "b", "c", "d", "e"]
    assert blocks[1] == {"type": "paragraph", "runs": [run("End.")]}
