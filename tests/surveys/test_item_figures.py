"""Snapshots of every kind of item: what they show, and that nobody can be read out of them."""

import itertools
import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.surveys.instruments import instruments
from trustivide.core.text import Text
from trustivide.surveys import item_figures, snapshot, statistics
from trustivide.surveys.catalogue import (
    MULTIPLE,
    POINTS,
    SCALE10,
    SINGLE,
    TEXT,
    TOP,
    Answer,
    Dimension,
    Instrument,
    Item,
    Option,
    Section,
)

AnswerSet = dict[str, Answer]
WORD = Text("ord", "word")


def options(number: int) -> tuple[Option, ...]:
    return tuple(Option(f"o{n}", WORD) for n in range(number))


def of(*items: Item) -> Instrument:
    dimensions = tuple(Dimension(key, WORD, WORD) for key in {i.dimension for i in items} if key)
    return Instrument(
        "mixed", 1, WORD, WORD, dimensions, (Section("all", WORD, items),), fingerprint="0" * 64
    )


READY = Item("ready", SCALE10, None, WORD)
PLACE = Item("place", SINGLE, None, WORD, options=options(3))
TOOLS = Item("tools", MULTIPLE, None, WORD, options=options(3))
TRUST = Item("trust", "agreement7", None, WORD)
CARE = Item("care", "agreement7", "caring", WORD)
ALL = of(READY, CARE, PLACE, TOOLS, TRUST)


def compute(
    instrument: Instrument, sets: Sequence[AnswerSet], k: int = 5, invited: int | None = None
) -> dict[str, Any]:
    return snapshot.compute(
        instrument,
        sets,
        k=k,
        invited=len(sets) + 1 if invited is None else invited,
        rng=random.Random(1),
    )


def row(item: Item, given_: Sequence[Answer], k: int = 5) -> dict[str, Any]:
    """The item's row in a snapshot of these answers to it."""
    (found,) = compute(of(item), [{item.key: answer} for answer in given_], k)["items"]
    return dict(found)


def rows(snap: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from snap.get("items", [])
    for dimension in snap.get("dimensions", []):
        yield from dimension["items"]


def answers_to(item: Item) -> st.SearchStrategy[Answer]:
    keys = [option.key for option in item.options]
    fitting: dict[str, st.SearchStrategy[Any]] = {
        TEXT: st.sampled_from(["bra", "tyst", " "]),
        SCALE10: st.integers(0, TOP),
        SINGLE: st.sampled_from(keys) if keys else st.none(),
        MULTIPLE: st.lists(st.sampled_from(keys), min_size=1, unique=True) if keys else st.none(),
    }
    return st.none() | fitting.get(item.kind, st.integers(1, POINTS.get(item.kind, 1)))


@st.composite
def answered(draw: st.DrawFn) -> tuple[Instrument, list[AnswerSet], int]:
    """Any instrument, up to fourteen answer sets, and a k."""
    instrument = draw(instruments())
    one = st.fixed_dictionaries({item.key: answers_to(item) for item in instrument.items})
    return instrument, draw(st.lists(one, max_size=14)), draw(st.integers(4, 7))


# What is shown


def test_a_scale_from_0_to_10() -> None:
    values: list[Answer] = [0, 3, 4, 6, 7, 10]
    small = row(READY, values)
    assert small["distribution"] == {"kind": "bands", "counts": [2, 2, 2]}
    assert small["mean"] == 5.0
    low, high = statistics.confidence_interval([0, 3, 4, 6, 7, 10])
    assert (round(low, 2), round(high, 2)) == (1.36, 8.64)
    assert small["interval"] == {
        "level": 0.95,
        "low": 1.0,
        "high": 9.0,
        "clipped": False,
        "indicative": False,
    }
    large = row(READY, [*range(11), None])
    assert large["distribution"] == {"kind": "points", "counts": [1] * 11}
    low, high = statistics.confidence_interval(range(11))
    assert (large["interval"]["low"], large["interval"]["high"]) == (round(low, 2), round(high, 2))
    assert (large["n"], large["missing"]) == (11, 1)
    assert row(READY, [10] * 9 + [5])["interval"]["clipped"] is True
    assert compute(of(READY), [{"ready": 4}] * 6, invited=6)["items"][0]["interval"]["indicative"]


def test_choices_are_counted_from_ten_answers_on_and_worded_below() -> None:
    assert row(PLACE, ["o0"] * 8 + ["o2"] * 2 + [None])["options"] == [
        {"key": "o0", "count": 8},
        {"key": "o1", "count": 0},
        {"key": "o2", "count": 2},
    ]
    assert row(PLACE, ["o0"] * 5 + ["o2"])["options"] == [
        {"key": "o0", "share": "half_or_more"},
        {"key": "o1", "share": "none"},
        {"key": "o2", "share": "some"},
    ]
    # Of five, three and one and one would each be alone: whether anybody chose them isn't told.
    assert [o["share"] for o in row(PLACE, ["o0"] * 3 + ["o1", "o2"])["options"]] == [
        "half_or_more",
        "less_than_half",
        "less_than_half",
    ]
    several: list[Answer] = [["o0", "o1"]] * 4 + [["o1"]]
    assert [o["share"] for o in row(TOOLS, several)["options"]] == [
        "half_or_more",
        "half_or_more",
        "none",
    ]
    assert row(TOOLS, [["o0", "o2"]] * 10)["options"][2] == {"key": "o2", "count": 10}


def test_items_without_a_dimension_stand_in_the_order_asked() -> None:
    snap = compute(ALL, [{"ready": 5, "care": 7, "place": "o1", "tools": ["o0"], "trust": 1}] * 6)
    assert [(r["key"], r["kind"]) for r in snap["items"]] == [
        ("ready", "scale10"),
        ("place", "single"),
        ("tools", "multiple"),
        ("trust", "agreement7"),
    ]
    assert snap["overall"]["mean"] == 7.0, "other kinds take part in no dimension"


# What is never shown


@given(case=answered())
def test_nothing_counts_fewer_than_k_whatever_the_kind(
    case: tuple[Instrument, list[AnswerSet], int],
) -> None:
    instrument, sets, k = case
    snap = compute(instrument, sets, k)
    assert json.loads(json.dumps(snap, allow_nan=False)) == snap
    assert snap["published"] is (len(sets) >= k)
    given_ = {i.key: [s[i.key] for s in sets if s[i.key] is not None] for i in instrument.items}
    for found in rows(snap):
        item = instrument.by_key[found["key"]]
        least = max(k, 5) if item.options else k
        assert found["published"] is (len(given_[item.key]) >= least)
        if not found["published"]:
            assert found.keys() == {"key", "kind", "reversed", "published", "reason"}
            continue
        assert found["n"] == len(given_[item.key]) == len(sets) - found["missing"] >= least
        fine = found["n"] >= 10
        if item.options:
            assert [o["key"] for o in found["options"]] == [o.key for o in item.options]
            assert {frozenset(o) for o in found["options"]} == {
                frozenset({"key", "count" if fine else "share"})
            }
        else:
            assert found["distribution"]["kind"] == ("points" if fine else "bands")
            assert sum(found["distribution"]["counts"]) == found["n"]
        if item.kind == SCALE10:
            assert 0 <= found["interval"]["low"] <= found["mean"] <= found["interval"]["high"] <= 10


@given(case=answered(), data=st.data())
def test_a_suppressed_item_of_any_kind_takes_part_in_nothing(
    case: tuple[Instrument, list[AnswerSet], int], data: st.DataObject
) -> None:
    instrument, sets, k = case
    snap = compute(instrument, sets, k)
    hidden = [r["key"] for r in rows(snap) if not r["published"]]
    hidden += [r["key"] for r in snap.get("comments", []) if not r["published"]]
    if not snap["published"]:
        hidden = list(instrument.by_key)
    others = []
    for answers in sets:
        changed = dict(answers)
        for key in hidden:
            blank = answers[key] is None or not str(answers[key]).strip()
            if not blank:  # as many answered it, whatever they said
                item = instrument.by_key[key]
                changed[key] = data.draw(answers_to(item).filter(lambda a: str(a or "").strip()))
        others.append(changed)
    assert compute(instrument, others, k) == snap


@pytest.mark.parametrize("n", range(5, 10))
@pytest.mark.parametrize("number", range(2, 7))
def test_no_word_says_that_an_option_is_one_persons_alone(n: int, number: int) -> None:
    """Every team of n, and all teams that its words fit: none of them pins a count at one."""
    fits: dict[tuple[str, ...], list[tuple[int, ...]]] = {}
    item = Item("place", SINGLE, None, WORD, options=options(number))
    for cuts in itertools.combinations(range(n + number - 1), number - 1):
        edges = (-1, *cuts, n + number - 1)
        counts = tuple(b - a - 1 for a, b in itertools.pairwise(edges))
        chosen = [[f"o{o}"] for o, count in enumerate(counts) for _ in range(count)]
        words = tuple(o["share"] for o in item_figures.choice_row(item, chosen)["options"])
        fits.setdefault(words, []).append(counts)
    for words, possible in fits.items():
        for option in range(number):
            assert {counts[option] for counts in possible} != {1}, (words, possible)


@pytest.mark.parametrize("n", range(5, 10))
def test_nor_where_several_may_be_chosen(n: int) -> None:
    for count in range(n + 1):
        chosen = [["o0", "o1"]] * count + [["o1"]] * (n - count)
        share = item_figures.choice_row(TOOLS, chosen)["options"][0]["share"]
        alike = [
            other
            for other in range(n + 1)
            if item_figures.choice_row(TOOLS, [["o0"]] * other + [["o1"]] * (n - other))["options"][
                0
            ]["share"]
            == share
        ]
        assert alike != [1]


def test_the_answers_of_five_cannot_be_worked_out_from_mean_and_interval() -> None:
    """Control: from the interval with two decimals a team's answers are often the only fit."""
    exact: dict[tuple[Any, ...], int] = {}
    ours: dict[str, int] = {}
    for values in itertools.combinations_with_replacement(range(11), 5):
        shown = row(READY, values)
        low, high = statistics.confidence_interval(values)
        key = (shown["mean"], *shown["distribution"]["counts"], round(low, 2), round(high, 2))
        exact[key] = exact.get(key, 0) + 1
        ours[json.dumps(shown)] = ours.get(json.dumps(shown), 0) + 1
    alone = [sum(n == 1 for n in found.values()) / 3003 for found in (exact, ours)]
    assert alone[0] > 0.6
    assert alone[1] < 0.12, "only where nearly all agree on an end"


# What it refuses, and what was stored before


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ready", 11),
        ("ready", -1),
        ("ready", "5"),
        ("trust", 0),
        ("place", "o9"),
        ("place", ["o1"]),
        ("tools", "o1"),
        ("tools", []),
        ("tools", ["o1", "o1"]),
        ("tools", ["o9"]),
    ],
)
def test_answers_that_do_not_fit_are_refused(key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{key}: the answer doesn't fit"):
        compute(ALL, [{key: value}] * 6)


def test_snapshots_of_the_first_schema_read_like_todays() -> None:
    instrument = of(CARE, TRUST)
    for number in (3, 6):
        today = compute(instrument, [{"care": 4, "trust": 5}] * number)
        stored = json.loads(json.dumps(today)) | {"schema": 1}
        for found in rows(stored):
            del found["kind"]
        assert snapshot.upgraded(stored, instrument) == today
        assert snapshot.upgraded(today, instrument) == today
