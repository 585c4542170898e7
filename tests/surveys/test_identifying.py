"""What in a comment could tell who wrote it."""

import time

import pytest

from trustivide.surveys.identifying import ADDRESS, NAME, NUMBER, PHONE, ROLE, find, parts

TEAM = [
    ("dora.dahl2@exempel.test", None),
    ("per@exempel.test", "Per Öberg"),
    ("info@exempel.test", None),
    ("bo@exempel.test", "Bo"),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fråga Dora.", [("Dora", NAME)]),
        ("det är doras fel, inte Öbergs", [("doras", NAME), ("Öbergs", NAME)]),
        ("Dora Dahl bestämmer", [("Dora", NAME), ("Dahl", NAME)]),
        ("Per sa nej", [("Per", NAME)]),
        ("två timmar per dag, och vi vill bo här; info saknas", []),
        ("Dorade fiskar och pandora", []),
        ("skriv till nagon@annan.test", [("nagon@annan.test", ADDRESS)]),
        ("dora.dahl2@exempel.test vet", [("dora.dahl2@exempel.test", ADDRESS)]),
        ("ring 070-123 45 67 i dag", [("070-123 45 67", PHONE)]),
        ("+46 8 123 456 78", [("+46 8 123 456 78", PHONE)]),
        ("mellan 2019-2024 och kl 08-17", []),
        ("den 2026-11-25 var 12 av 2000 klara", []),
        ("jag heter 811228-9874", [("811228-9874", NUMBER)]),
        ("Jag som chef ser mer", [("Jag som chef", ROLE)]),
        ("Som enda kvinna märks jag", [("Som enda kvinna", ROLE)]),
        ("I min roll som projektledare", [("I min roll som projektledare", ROLE)]),
        ("I'm the only developer", [("I'm the only", ROLE)]),
        ("As the manager I see", [("As the manager", ROLE)]),
        ("Vi hinner prata för sällan.", []),
        ("", []),
    ],
)
def test_it_finds_what_points_at_somebody(text: str, expected: list[tuple[str, str]]) -> None:
    found = find(text, TEAM)
    assert [(text[f.start : f.end], f.kind) for f in found] == expected
    assert "".join(piece for piece, _kind in parts(text, found)) == text


def test_it_is_quick_about_whatever_somebody_pastes() -> None:
    began = time.process_time()
    for piece in ("a", "1", "0 ", "jag som ", "a@", "a.", "dora", "as the "):
        find((piece * 5_000)[:5_000], TEAM)
    assert time.process_time() - began < 2
