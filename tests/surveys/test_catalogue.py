"""The instruments that ship, and every way in which a file can be wrong."""

import dataclasses
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustivide.surveys import catalogue
from trustivide.surveys.catalogue import Instrument, InstrumentError
from trustivide.workshops.cards import DIMENSIONS

GOOD = """
key = "small"
version = 1
title = { sv = "Liten", en = "Small" }
intro = { sv = "Hej", en = "Hello" }
[[dimensions]]
key = "care"
name = { sv = "Omtanke", en = "Care" }
description = { sv = "Att bry sig", en = "To care" }
[[sections]]
key = "first"
title = { sv = "Först", en = "First" }
[[sections.items]]
key = "kind"
kind = "agreement5"
dimension = "care"
text = { sv = "Vi hjälps åt", en = "We help out" }
[[sections.items]]
key = "note"
kind = "text"
text = { sv = "Något mer?", en = "Anything else?" }
"""


def read(content: str, file: str = "small-1.toml") -> Instrument:
    return catalogue.read(file, content.encode())


SMALL = read(GOOD)


@pytest.fixture
def team() -> Instrument:
    return catalogue.load("tillit-i-team", 1)


def complete(instrument: Instrument, answer: str = "4") -> dict[str, str]:
    return {item.key: answer for item in instrument.items if item.kind == "agreement5"}


# The default instrument


def test_five_dimensions_of_four_items_with_one_reversed_in_each(team: Instrument) -> None:
    assert tuple(dimension.key for dimension in team.dimensions) == DIMENSIONS
    for dimension in team.dimensions:
        items = team.dimension_items(dimension.key)
        assert len(items) == 4
        assert sum(item.reversed for item in items) == 1


def test_one_overall_item_and_one_voluntary_comment(team: Instrument) -> None:
    assert [(i.key, i.kind, i.required) for i in team.items if i.dimension is None] == [
        ("trust", "agreement5", True),
        ("comment", "text", False),
    ]


def test_its_sentences_are_distinct_and_mild(team: Instrument) -> None:
    for language in ("sv", "en"):
        texts = [item.text.in_(language) for item in team.items]
        assert len(set(texts)) == len(texts)
        for text in texts:
            assert text[-1] in ".?"
            assert len(text) <= 90, "an item fits on two lines of a phone"


def test_the_fingerprint_is_that_of_the_file(team: Instrument) -> None:
    content = (catalogue.INSTRUMENTS / "tillit-i-team-1.toml").read_bytes()
    assert team.fingerprint == hashlib.sha256(content).hexdigest()


def test_what_is_loaded_cannot_be_changed(team: Instrument) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        team.items[0].reversed = True  # type: ignore[misc]


# The pulse


def test_the_pulse_asks_seven_things_in_the_words_of_the_whole(team: Instrument) -> None:
    pulse = catalogue.latest("tillit-puls")
    assert pulse.layout == catalogue.ON_ONE_PAGE
    assert pulse.dimensions == team.dimensions
    assert len(pulse.items) == 7
    for dimension in pulse.dimensions:
        (item,) = pulse.dimension_items(dimension.key)
        assert item == team.by_key[item.key]
        assert not item.reversed
    assert pulse.by_key["trust"] == team.by_key["trust"]
    assert pulse.by_key["comment"].kind == "text"


# Loading


def test_instruments_are_read_once_and_found_by_version(tmp_path: Path) -> None:
    assert catalogue.load("tillit-i-team", 1) in catalogue.all()
    assert catalogue.latest("tillit-i-team") is catalogue.load("tillit-i-team", 1)
    for version in (2, 10, 1):
        text = GOOD.replace("version = 1", f"version = {version}")
        (tmp_path / f"small-{version}.toml").write_text(text, encoding="utf-8")
    versions = [instrument.version for instrument in catalogue.read_folder(tmp_path)]
    assert versions == [1, 2, 10], "10 comes after 2"


def test_an_instrument_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        catalogue.load("tillit-i-team", 99)
    with pytest.raises(KeyError):
        catalogue.latest("nothing")


NOTE = 'text = { sv = "Något mer?", en = "Anything else?" }\n'
ONE = '{ key = "one", label = { sv = "Ett", en = "One" } }'
TWO = '{ key = "two", label = { sv = "Två", en = "Two" } }'
MANY = ", ".join(TWO.replace("two", f"option_{number}") for number in range(21))

BROKEN = [
    ('title = { sv = "Liten", en', 'title = { sv = "Liten", de', "file", "unknown field title.de"),
    ('sv = "Vi hjälps åt", ', "", "kind", "missing translation text.sv"),
    ('en = "We help out"', 'en = " "', "kind", "missing translation text.en"),
    ('text = { sv = "Vi hjälps åt", en = "We help out" }', 'text = "x"', "kind", "in sv and en"),
    ('key = "note"', 'key = "kind"', "kind", "duplicate key"),
    ('key = "note"', 'key = "care"', "care", "duplicate key"),
    ('key = "note"', 'key = "overall"', "overall", "is the key of"),
    ('key = "note"', 'key = "Not so"', "Not so", "lower-case"),
    ('key = "note"\n', "", "first, item 2", "missing field 'key'"),
    ('dimension = "care"', 'dimension = "cure"', "kind", "unknown dimension 'cure'"),
    ('dimension = "care"\n', "", "care", "dimension has no items"),
    ('kind = "text"', 'kind = "agreement9"', "note", "unknown kind 'agreement9'"),
    ('kind = "text"', 'kind = ["text"]', "note", "unknown kind"),
    ('kind = "text"', 'kind = "text"\nhint = 1', "note", "unknown field 'hint'"),
    ('kind = "text"', 'kind = "text"\ndimension = "care"', "note", "only a statement to agree"),
    ('kind = "text"', 'kind = "text"\nrequired = "no"', "note", "not true or false"),
    ('kind = "text"', 'kind = "agreement5"\nreversed = true', "note", "can be reversed"),
    ("version = 1", 'version = 1\nauthor = "me"', "file", "unknown field 'author'"),
    ("version = 1", "version = 2", "file", "differ from the name"),
    ("version = 1", 'version = "1"', "version", "whole number"),
    ("version = 1\n", "", "file", "missing field 'version'"),
    ('key = "small"', "key = small", "file", "not readable TOML"),
    ("version = 1", 'version = 1\nlayout = "slides"', "layout", "none of sections, page"),
    ('kind = "text"', 'kind = "agreement7"\ndimension = "care"', "dimensions", "different kinds"),
    (NOTE, NOTE + "text = 1\n", "file", "not readable TOML"),
    (
        'title = { sv = "Först", en = "First" }',
        'title = { sv = "Först", en = "First" }\ntext = { sv = "Läs" }',
        "first",
        "missing translation text.en",
    ),
    (NOTE, NOTE + 'help = { en = "Why" }\n', "note", "missing translation help.sv"),
    (NOTE, NOTE + 'low = { sv = "Lågt", en = "Low" }\n', "note", "scale from 0 to 10"),
    (NOTE, NOTE + f"options = [{ONE}, {TWO}]\n", "note", "an item of kind text has no options"),
    (
        'kind = "agreement5"',
        f'kind = "agreement5"\noptions = [{ONE}, {TWO}]',
        "kind",
        "has no options",
    ),
    ('kind = "text"', 'kind = "single"', "note", "has not between 2 and 20 options"),
    ('kind = "text"', f'kind = "single"\noptions = [{ONE}]', "note", "between 2 and 20"),
    ('kind = "text"', 'kind = "multiple"\noptions = "ett"', "note", "not a list of tables"),
    ('kind = "text"', f'kind = "multiple"\noptions = [{MANY}]', "note", "between 2 and 20"),
    ('kind = "text"', f'kind = "multiple"\noptions = [{ONE}, {ONE}]', "one", "duplicate option of"),
    (
        'kind = "text"',
        f'kind = "single"\noptions = [{ONE}, {TWO.replace("two", "x")}]',
        "note",
        "somebody can't say",
    ),
    (
        'kind = "text"',
        f'kind = "single"\noptions = [{ONE}, {{ key = "two", label = {{ sv = "Två" }} }}]',
        "note, option 2",
        "missing translation label.en",
    ),
    (
        'kind = "text"',
        f'kind = "single"\noptions = [{ONE}, {{ key = "two" }}]',
        "note, option 2",
        "missing field 'label'",
    ),
    (
        'kind = "text"',
        'kind = "scale10"\nlow = { sv = "Lågt", en = "Low" }',
        "note",
        "the two ends of a scale",
    ),
    (
        'kind = "text"',
        'kind = "scale10"\nlow = { sv = "Lågt", en = "Low" }\nhigh = { sv = "Högt" }',
        "note",
        "missing translation high.en",
    ),
    ('kind = "text"', 'kind = "scale10"\ndimension = "care"', "note", "only a statement to agree"),
]


@pytest.mark.parametrize(("old", "new", "item", "rule"), BROKEN)
def test_a_broken_file_is_refused_by_file_item_and_rule(
    old: str, new: str, item: str, rule: str
) -> None:
    assert old in GOOD
    with pytest.raises(InstrumentError) as refused:
        read(GOOD.replace(old, new, 1))
    error = refused.value
    assert (error.file, error.item) == ("small-1.toml", item)
    assert rule in error.rule
    assert str(error) == f"small-1.toml: {item}: {error.rule}"


def test_a_file_without_items_is_refused() -> None:
    head, section = GOOD.split("[[sections]]")
    with pytest.raises(InstrumentError, match="no items"):
        read(head)
    with pytest.raises(InstrumentError, match="first: has no items"):
        read(head + "[[sections]]" + section.split("[[sections.items]]", maxsplit=1)[0])


def test_a_hundred_items_are_enough() -> None:
    many = "".join(
        f'[[sections.items]]\nkey = "note_{number}"\nkind = "text"\n{NOTE}' for number in range(99)
    )
    with pytest.raises(InstrumentError, match="file: has more than 100 items"):
        read(GOOD + many)


def test_a_duplicate_section_and_a_misnamed_file_are_refused() -> None:
    again = GOOD[GOOD.index("[[sections]]") :].replace('"kind"', '"kind2"')
    with pytest.raises(InstrumentError, match="first: duplicate section"):
        read(GOOD + again.replace('"note"', '"note2"'))
    with pytest.raises(InstrumentError, match="is not named"):
        read(GOOD, "small.toml")


def test_lists_that_are_no_lists_are_refused() -> None:
    with pytest.raises(InstrumentError, match="not a list of tables"):
        read(GOOD.split("[[dimensions]]", maxsplit=1)[0] + 'sections = "none"')
    with pytest.raises(InstrumentError, match="not a list of tables"):
        read(GOOD.split("[[dimensions]]", maxsplit=1)[0] + 'sections = ["none"]')


# Answers


def test_clean_answers(team: Instrument) -> None:
    raw = complete(team) | {"care_1": "x", "trust": " 5 ", "comment": "  Hej\r\ndå\x00 \n"}
    clean, errors = team.validate(raw)
    assert errors == {}
    assert clean["care_1"] is None
    assert clean["trust"] == 5
    assert clean["comment"] == "Hej\ndå"
    assert clean["competence_1"] == 4
    assert set(clean) == set(team.by_key)


def test_a_statement_needs_an_answer_and_a_comment_does_not(team: Instrument) -> None:
    clean, errors = team.validate({})
    assert clean == {}
    assert errors == {item.key: "missing" for item in team.items if item.kind == "agreement5"}


@pytest.mark.parametrize("raw", ["0", "6", "X", "1.0", "-1", "٣", "¹", "true", "4\n4"])
def test_what_the_form_never_offered_is_refused(team: Instrument, raw: str) -> None:
    clean, errors = team.validate(complete(team) | {"trust": raw})
    assert errors == {"trust": "not_an_option"}
    assert "trust" not in clean


def test_an_answer_to_an_item_that_is_not_there(team: Instrument) -> None:
    clean, errors = team.validate(complete(team) | {"salary": "5"})
    assert errors == {"salary": "unknown_item"}
    assert "salary" not in clean


def test_a_comment_has_an_end(team: Instrument) -> None:
    longest = "å\r\n" * 2_499 + "åå"
    clean, errors = team.validate(complete(team) | {"comment": longest})
    assert errors == {}
    assert len(str(clean["comment"])) == catalogue.MAX_TEXT
    assert team.validate(complete(team) | {"comment": "å" * 5_001})[1] == {"comment": "too_long"}


OF_EVERY_KIND = read(
    GOOD.replace(
        NOTE,
        NOTE
        + f"""
[[sections.items]]
key = "ready"
kind = "scale10"
text = {{ sv = "Hur redo?", en = "How ready?" }}
low = {{ sv = "Inte alls", en = "Not at all" }}
high = {{ sv = "Helt", en = "Fully" }}
[[sections.items]]
key = "place"
kind = "single"
options = [{ONE}, {TWO}]
text = {{ sv = "Var?", en = "Where?" }}
[[sections.items]]
key = "tools"
kind = "multiple"
options = [{ONE}, {TWO}, {TWO.replace("two", "three")}]
text = {{ sv = "Vilka?", en = "Which?" }}
""",
    )
)


def test_answers_of_every_kind() -> None:
    raw = {"kind": "x", "ready": "0", "place": "two", "tools": "three,one,one"}
    clean, errors = OF_EVERY_KIND.validate(raw)
    assert errors == {}
    assert clean == {"kind": None, "ready": 0, "place": "two", "tools": ["one", "three"]}
    assert OF_EVERY_KIND.validate(raw | {"tools": "x"})[0]["tools"] is None
    for key, typed, error in [
        ("ready", "11", "not_an_option"),
        ("ready", "-1", "not_an_option"),
        ("ready", "05", "not_an_option"),
        ("place", "one,two", "not_an_option"),
        ("tools", "one,four", "not_an_option"),
        ("tools", "one,x", "both"),
        ("tools", ",", "not_an_option"),
        ("tools", "", "missing"),
    ]:
        assert OF_EVERY_KIND.validate(raw | {key: typed})[1] == {key: error}


def test_a_voluntary_statement_may_be_left_open() -> None:
    optional = read(GOOD.replace('dimension = "care"', 'dimension = "care"\nrequired = false'))
    assert optional.validate({}) == ({}, {})
    assert optional.validate({"kind": "x"}) == ({"kind": None}, {})


@given(raw=st.dictionaries(st.sampled_from(["kind", "note", "other"]), st.text(max_size=20)))
def test_every_answer_is_either_clean_or_an_error(raw: dict[str, str]) -> None:
    clean, errors = SMALL.validate(raw)
    assert not clean.keys() & errors.keys()
    assert clean.keys() <= {"kind", "note"}
    assert clean.get("kind") in (None, 1, 2, 3, 4, 5)
    assert str(clean.get("note", "")).encode("utf-8").count(0) == 0


def test_labels_for_charts_come_in_both_sizes() -> None:
    for labels in (
        catalogue.agreement_labels("agreement5", "sv"),
        catalogue.score_labels("agreement5", "en"),
    ):
        assert [len(labels["points"]), len(labels["bands"])] == [5, 3]
    assert catalogue.agreement_labels("agreement5", "sv")["bands"][0] == "Instämmer inte"
    assert catalogue.score_labels("agreement5", "en")["points"][4] == "Very high"
