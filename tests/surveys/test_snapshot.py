"""What a frozen result shows, what it never shows, and the attacks that it withstands."""

import itertools
import json
import random
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, render_template_string
from flask_babel import Babel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trustivide.core.text import Text
from trustivide.surveys import catalogue, snapshot, statistics
from trustivide.surveys.catalogue import Answer, Dimension, Instrument, Item, Section
from trustivide.web.locale import day, month

AnswerSet = dict[str, Answer]
WORD = Text("ord", "word")
K = 5


def _rated(key: str, dimension: str | None, reversed_: bool = False) -> Item:
    return Item(key, "agreement5", dimension, WORD, reversed=reversed_)


# Care is measured like a real dimension, pace by two items, calm by a single one.
SMALL = Instrument(
    key="small",
    version=1,
    title=WORD,
    intro=WORD,
    dimensions=tuple(Dimension(key, WORD, WORD) for key in ("care", "pace", "calm")),
    sections=(
        Section(
            "all",
            WORD,
            (
                _rated("care_1", "care"),
                _rated("care_2", "care", reversed_=True),
                _rated("care_3", "care"),
                _rated("care_4", "care"),
                _rated("pace_1", "pace"),
                _rated("pace_2", "pace"),
                _rated("calm_1", "calm"),
                _rated("trust", None),
                Item("comment", "text", None, WORD, required=False),
            ),
        ),
    ),
    fingerprint="0" * 64,
)
RATED = [item.key for item in SMALL.items if item.kind == "agreement5"]

ratings = st.one_of(st.none(), st.integers(1, 5))
comments = st.one_of(
    st.none(), st.just(" "), st.integers(0, 10**9).map(lambda number: f"comment {number:09}")
)
answer_set = st.fixed_dictionaries(dict.fromkeys(RATED, ratings) | {"comment": comments})
answer_sets = st.lists(answer_set, max_size=16)
ks = st.integers(4, 7)


def compute(
    sets: Sequence[Mapping[str, Answer]],
    k: int = K,
    invited: int | None = None,
    seed: int = 1,
    instrument: Instrument = SMALL,
) -> dict[str, Any]:
    return snapshot.compute(
        instrument,
        sets,
        k=k,
        invited=len(sets) + 1 if invited is None else invited,
        rng=random.Random(seed),
    )


def everyone(value: Answer = 4, **more: Answer) -> AnswerSet:
    return dict.fromkeys(RATED, value) | more


def dicts(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from dicts(value)
    elif isinstance(node, list):
        for value in node:
            yield from dicts(value)


def by_key(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in rows}


def items_of(snap: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return by_key([*(i for row in snap["dimensions"] for i in row["items"]), *snap["items"]])


# What it shows


def test_figures_of_a_small_team() -> None:
    sets: list[AnswerSet] = [
        everyone(care_1=a, care_2=b, care_3=c, care_4=d)
        for a, b, c, d in [
            (5, 1, 4, 4),
            (4, 2, 4, 4),
            (4, 2, 3, 4),
            (2, 4, 2, 1),
            (5, 1, 5, 5),
            (3, 3, 3, 3),
            (4, 3, 4, 4),
        ]
    ]
    people = [4.5, 4.0, 3.75, 1.75, 5.0, 3.0, 3.75]
    snap = compute(sets, invited=9)
    care = by_key(snap["dimensions"])["care"]
    low, high = statistics.confidence_interval(people)
    assert care["mean"] == round(sum(people) / 7, 2)
    assert care["sd"] == round(statistics.sample_sd(people), 2)
    assert care["interval"] == {
        "level": 0.95,
        "low": round(low, 2),
        "high": round(high, 2),
        "clipped": False,
        "indicative": False,
    }
    assert (care["n"], care["missing"]) == (7, 0)
    assert (care["items_shown"], care["items_total"]) == (4, 4)
    assert care["distribution"] == {"kind": "bands", "counts": [1, 1, 5]}
    variances = [
        statistics.sample_variance([int(s[f"care_{i}"] or 0) for s in sets]) for i in range(1, 5)
    ]
    assert care["agreement"] == round(statistics.rwg_j(variances), 2)
    assert (snap["answered"], snap["invited"], snap["k"], snap["census"]) == (7, 9, 5, False)
    assert snap["instrument"] == {"key": "small", "version": 1, "fingerprint": "0" * 64}


def test_a_reversed_item_is_shown_as_answered_and_scored_turned() -> None:
    snap = compute([everyone(4, care_2=1)] * 6)
    row = items_of(snap)["care_2"]
    assert row["reversed"] is True
    assert (row["mean"], row["score"]) == (1.0, 5.0)
    assert row["distribution"]["counts"] == [6, 0, 0]
    assert by_key(snap["dimensions"])["care"]["mean"] == 4.25


@given(sets=answer_sets)
def test_turning_every_answer_of_a_reversed_item_is_the_same_as_not_reversing(
    sets: list[AnswerSet],
) -> None:
    plain_item = _rated("care_2", "care")
    items = tuple(plain_item if i.key == "care_2" else i for i in SMALL.items)
    plain = Instrument(
        **{
            **{f: getattr(SMALL, f) for f in ("key", "version", "title", "intro", "dimensions")},
            "sections": (Section("all", WORD, items),),
            "fingerprint": SMALL.fingerprint,
        }
    )
    turned = [
        s | {"care_2": 6 - value if isinstance(value := s["care_2"], int) else None} for s in sets
    ]
    ours, theirs = compute(sets), compute(turned, instrument=plain)
    assert ours.get("overall") == theirs.get("overall")
    strip = [{**row, "items": None} for row in ours.get("dimensions", [])]
    assert strip == [{**row, "items": None} for row in theirs.get("dimensions", [])]


def test_everyone_answered_is_a_census_and_the_interval_indicative() -> None:
    snap = compute([everyone(4)] * 6, invited=6)
    assert snap["census"] is True
    assert snap["overall"]["interval"]["indicative"] is True


def test_an_interval_ends_where_the_scale_ends() -> None:
    snap = compute([everyone(5), everyone(5), everyone(5), everyone(5), everyone(1)])
    interval = by_key(snap["dimensions"])["pace"]["interval"]
    assert interval["clipped"] is True
    assert interval["high"] == 5.0
    assert interval["low"] >= 1.0


def test_five_points_from_ten_answers_on() -> None:
    assert items_of(compute([everyone(2)] * 9))["trust"]["distribution"] == {
        "kind": "bands",
        "counts": [9, 0, 0],
    }
    assert items_of(compute([everyone(2)] * 10))["trust"]["distribution"] == {
        "kind": "points",
        "counts": [0, 10, 0, 0, 0],
    }


@given(sets=answer_sets, k=ks)
def test_it_survives_json_and_its_distributions_count_n(sets: list[AnswerSet], k: int) -> None:
    snap = compute(sets, k)
    assert json.loads(json.dumps(snap, allow_nan=False)) == snap
    for row in dicts(snap):
        if "distribution" in row:
            assert sum(row["distribution"]["counts"]) == row["n"]
            assert len(row["distribution"]["counts"]) == (5 if row["n"] >= 10 else 3)
            assert row["n"] + row["missing"] == snap["answered"]
            assert 1 <= row["mean"] <= 5
        if "interval" in row:
            interval = row["interval"]
            assert 1 <= interval["low"] <= row["mean"] <= interval["high"] <= 5
            assert row["agreement"] <= 1


@given(sets=answer_sets, data=st.data())
def test_figures_say_nothing_about_the_order(sets: list[AnswerSet], data: st.DataObject) -> None:
    def ordered(snap: dict[str, Any]) -> dict[str, Any]:
        for row in snap.get("comments", []):
            row.get("texts", []).sort()
        return snap

    shuffled = data.draw(st.permutations(sets))
    assert ordered(compute(sets)) == ordered(compute(shuffled))


# What it never shows


@given(sets=answer_sets, k=ks)
def test_checklist_20_no_figure_counts_fewer_than_k(sets: list[AnswerSet], k: int) -> None:
    snap = compute(sets, k)
    answered = {key: sum(isinstance(s[key], int) for s in sets) for key in RATED}
    if not snap["published"]:
        assert len(sets) < k
        return
    for key, row in items_of(snap).items():
        assert row["published"] is (answered[key] >= k)
    for row in dicts(snap):
        assert row.get("n", k) >= k
        if row.get("published") is False:
            allowed = {"key", "kind", "reversed", "published", "reason", "items"}
            assert row.keys() <= allowed


@given(sets=st.lists(answer_set, max_size=6), k=ks)
def test_below_k_there_is_participation_and_nothing_else(sets: list[AnswerSet], k: int) -> None:
    sets = sets[: k - 1]
    assert compute(sets, k, invited=20) == {
        "schema": 2,
        "instrument": {"key": "small", "version": 1, "fingerprint": "0" * 64},
        "k": k,
        "invited": 20,
        "answered": len(sets),
        "published": False,
        "reason": "too_few",
    }


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(sets=st.lists(answer_set, min_size=5, max_size=12), data=st.data())
def test_what_a_suppressed_item_holds_touches_nothing(
    sets: list[AnswerSet], data: st.DataObject
) -> None:
    """The remainder attack in general: no function of the snapshot depends on it."""
    hidden = [key for key, row in items_of(compute(sets)).items() if not row["published"]]
    other = [
        s | {key: data.draw(st.integers(1, 5)) for key in hidden if s[key] is not None}
        for s in sets
    ]
    assert compute(other) == compute(sets)
    unanswered = [s | dict.fromkeys(hidden) for s in sets]
    assert compute(unanswered) == compute(sets)


def test_checklist_20_the_remainder_attack_on_one_hidden_item() -> None:
    # All eight answer three items alike, four answer the fourth: were it inside the
    # dimension's mean, the shown items would give the sum of those four.
    sets = [everyone(3, care_4=value) for value in (1, 1, 2, 1, None, None, None, None)]
    naive = sum(_person(s, ["care_1", "care_2", "care_3", "care_4"]) for s in sets)
    recovered = 4 * (naive - 4 * Fraction(3)) - 4 * Fraction(9)
    assert recovered == 1 + 1 + 2 + 1, "the attack works on the naive mean"
    care = by_key(compute(sets)["dimensions"])["care"]
    assert care["mean"] == 3.0
    assert (care["items_shown"], care["items_total"]) == (3, 4)


def _person(answers: AnswerSet, keys: list[str]) -> Fraction:
    """A respondent's own mean over what they answered; care_2 is reversed."""
    scores = [
        Fraction(6 - value if key == "care_2" else value)
        for key in keys
        if isinstance(value := answers[key], int)
    ]
    return sum(scores, Fraction(0)) / len(scores)


@given(
    others=st.lists(st.tuples(*[st.integers(1, 5)] * 4), min_size=7, max_size=7),
    lone=st.tuples(*[st.integers(1, 5)] * 3),
)
def test_checklist_20_one_cant_say_does_not_give_that_person_away(
    others: list[tuple[int, int, int, int]], lone: tuple[int, int, int]
) -> None:
    keys = [f"care_{number}" for number in range(1, 5)]
    sets = [everyone(3) | dict(zip(keys, row, strict=True)) for row in others]
    sets.append(everyone(3) | dict(zip(keys, (*lone, None), strict=True)))

    # With k answers each all four items are shown, so their sums are public.
    care = by_key(compute(sets)["dimensions"])["care"]
    sums = _sums(care["items"])

    # Control: the mean over respondents, rounded as published, gives the person's sum.
    naive = round(float(sum(_person(s, keys) for s in sets) / 8), 2)
    exposed = round(3 * (4 * 8 * naive - float(sum(sums))))
    assert exposed == 3 * _person(sets[-1], keys)

    # Ours is a function of what the items show anyway.
    counts = [row["n"] for row in care["items"]]
    means = [total / n for total, n in zip(sums, counts, strict=True)]
    assert care["mean"] == round(float(sum(means, Fraction(0)) / 4), 2)


def _sums(rows: Sequence[dict[str, Any]]) -> list[Fraction]:
    """The exact sums of scores behind rounded means; possible for any small team."""
    return [Fraction(round(row["score"] * row["n"])) for row in rows]


@given(sets=st.lists(answer_set, min_size=5, max_size=14), k=ks)
def test_means_above_the_items_add_nothing_to_the_items(sets: list[AnswerSet], k: int) -> None:
    snap = compute(sets, k)
    shown = [row for row in items_of(snap).values() if row["published"]] if "items" in snap else []
    for figure in [*snap.get("dimensions", []), *([snap["overall"]] if "overall" in snap else [])]:
        if not figure["published"]:
            continue
        keys = {
            i.key for i in SMALL.items if i.dimension and figure["key"] in ("overall", i.dimension)
        }
        rows = [row for row in shown if row["key"] in keys]
        assert len(rows) == figure["items_shown"] >= figure["items_total"] / 2
        means = [s / row["n"] for s, row in zip(_sums(rows), rows, strict=True)]
        assert figure["mean"] == round(float(sum(means, Fraction(0)) / len(means)), 2)


def test_a_dimension_needs_half_of_its_items_and_k_people() -> None:
    half = [everyone(4, care_3=None, care_4=None)] * 6
    assert by_key(compute(half)["dimensions"])["care"]["items_shown"] == 2
    quarter = [everyone(4, care_2=None, care_3=None, care_4=None)] * 6
    care = by_key(compute(quarter)["dimensions"])["care"]
    assert (care["published"], care["reason"]) == (False, "too_few_items")

    # Every item has its five, but only four people answered two of the four.
    thin = [everyone(4)] * 4 + [
        everyone(4) | {f"care_{n}": None for n in range(1, 5) if n != only} for only in range(1, 5)
    ]
    care = by_key(compute(thin)["dimensions"])["care"]
    assert [row["published"] for row in care["items"]] == [True] * 4
    assert (care["published"], care["reason"]) == (False, "too_few")


# Comments


@given(sets=answer_sets, k=ks)
def test_comments_appear_from_k_on_and_word_for_word(sets: list[AnswerSet], k: int) -> None:
    snap = compute(sets, k)
    written = [s["comment"] for s in sets if str(s["comment"] or "").strip()]
    if len(written) >= k:
        (row,) = snap["comments"]
        assert sorted(row["texts"]) == sorted(str(text) for text in written)
        assert row["n"] == len(written)
    else:
        assert "comment 0" not in json.dumps(snap)
        if snap["published"]:
            assert snap["comments"] == [{"key": "comment", "published": False, "reason": "too_few"}]


def test_comments_are_shuffled_by_the_systems_randomness() -> None:
    texts = [f"comment {number}" for number in range(30)]
    sets = [everyone(4, comment=text) for text in texts]
    orders = {
        tuple(snapshot.compute(SMALL, sets, k=5, invited=30)["comments"][0]["texts"])
        for _ in range(3)
    }
    assert len(orders) == 3
    assert tuple(texts) not in orders
    assert compute(sets, seed=7)["comments"] == compute(sets, seed=7)["comments"]


# What it refuses


def test_it_refuses_what_it_must_not_freeze() -> None:
    for sets, k, invited, message in [
        ([everyone()] * 6, 3, 6, "at least 4"),
        ([everyone()] * 6, 5, 5, "more answer sets than invitations"),
        ([everyone(salary=5)] * 6, 5, 6, "no item"),
        ([everyone(trust=6)] * 6, 5, 6, "trust: the answer doesn't fit"),
        ([everyone(trust=True)] * 6, 5, 6, "trust: the answer doesn't fit"),
        ([everyone(trust="4")] * 6, 5, 6, "trust: the answer doesn't fit"),
        ([everyone(comment=4)] * 6, 5, 6, "comment: the answer doesn't fit"),
    ]:
        with pytest.raises(ValueError, match=message):
            compute(sets, k, invited)


def test_a_refusal_never_quotes_the_answer() -> None:
    with pytest.raises(ValueError, match="fit") as refused:
        compute([everyone(trust="my secret")] * 6)
    assert "secret" not in str(refused.value)


# The lowest dimension


def test_the_default_instrument_from_form_to_snapshot() -> None:
    team = catalogue.latest("tillit-i-team")
    raw = {i.key: "2" if i.reversed else "4" for i in team.items if i.kind == "agreement5"}
    clean, errors = team.validate(raw)
    assert not errors
    snap = compute([clean] * 6, instrument=team)
    assert snap["overall"]["mean"] == 4.0
    assert [row["mean"] for row in snap["dimensions"]] == [4.0] * 5
    assert [row["key"] for row in snap["items"]] == ["trust"]


# The charts


@pytest.fixture
def pages() -> Flask:
    app = Flask(__name__, template_folder=str(Path(__file__).parents[2] / "templates"))
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    Babel(app, default_locale="sv")
    app.jinja_env.filters.update(day=day, month=month)
    return app


def draw(app: Flask, source: str, **context: Any) -> ET.Element:
    with app.test_request_context():
        html = render_template_string('{% import "charts.html" as charts %}' + source, **context)
    assert "style=" not in html
    assert "None" not in html
    return ET.fromstring(f"<page>{html}</page>")


def accessible(page: ET.Element) -> None:
    ids = [node.get("id") for node in page.iter() if node.get("id")]
    assert len(set(ids)) == len(ids)
    for svg in page.iter("svg"):
        if svg.get("aria-hidden"):
            continue
        assert svg.get("role") == "img"
        assert svg.get("viewBox")
        names = str(svg.get("aria-labelledby")).split()
        assert [node.tag for name in names for node in svg if node.get("id") == name] == [
            "title",
            "desc",
        ]


DISTRIBUTION = '{{ charts.distribution(row, labels, "Omtanke", "Sex av tio.") }}'


@pytest.mark.parametrize("spread", [[1, 2, 3, 4, 5] * 2, [1, 1, 5, 5, 5, 5], [3] * 5, [5] * 30])
def test_bars_diverge_from_the_middle_and_have_a_table(pages: Flask, spread: list[int]) -> None:
    snap = compute([everyone(value) for value in spread])
    row, labels = snap["items"][0], catalogue.agreement_labels("agreement5", "sv")
    page = draw(pages, DISTRIBUTION, row=row, labels=labels)
    accessible(page)
    counts = row["distribution"]["counts"]
    table = [["".join(c.itertext()).strip() for c in tr] for tr in page.findall(".//tbody/tr")]
    assert [int(cells[1]) for cells in table] == counts
    assert [cells[0] for cells in table] == labels[row["distribution"]["kind"]]

    bars = list(page.findall("./figure/svg/rect"))
    assert len(bars) == sum(1 for count in counts if count)
    edges = [(float(r.get("x") or 0), float(r.get("width") or 0)) for r in bars]
    assert all(x >= 0 and x + width <= 360 for x, width in edges)
    for (x, width), (following, _) in itertools.pairwise(edges):
        assert x + width == pytest.approx(following, abs=0.02)
    kinds = {str(r.get("class")).split()[1] for r in bars}
    assert kinds <= {"bar-1", "bar-2", "bar-3", "bar-4", "bar-5"} | {
        "band-low",
        "band-mid",
        "band-high",
    }


def test_a_symmetric_team_stands_in_the_middle(pages: Flask) -> None:
    row = compute([everyone(value) for value in (1, 2, 3, 4, 5)])["items"][0]
    page = draw(pages, DISTRIBUTION, row=row, labels=catalogue.agreement_labels("agreement5", "sv"))
    bars = page.findall("./figure/svg/rect")
    left = float(bars[0].get("x") or 0)
    right = float(bars[-1].get("x") or 0) + float(bars[-1].get("width") or 0)
    assert left + right == pytest.approx(360, abs=0.02)


def test_missing_answers_stand_in_the_table(pages: Flask) -> None:
    row = compute([everyone(4)] * 6 + [everyone(4, trust=None)])["items"][0]
    page = draw(pages, DISTRIBUTION, row=row, labels=catalogue.agreement_labels("agreement5", "sv"))
    cells = page.findall(".//tr[@class='chart-missing']/*")
    assert cells[1].text == "1"


def test_a_suppressed_row_says_so_instead_of_drawing(pages: Flask) -> None:
    row = compute([everyone(4, trust=None)] * 6)["items"][0]
    page = draw(pages, DISTRIBUTION, row=row, labels=catalogue.agreement_labels("agreement5", "sv"))
    assert page.find(".//svg") is None
    assert "för få har svarat" in "".join(page.itertext())


def test_intervals_of_all_dimensions_on_one_axis(pages: Flask) -> None:
    sets = [everyone(4, pace_1=value, calm_1=None, care_1=value) for value in (1, 2, 3, 5, 5, 5)]
    snap = compute(sets, invited=6)
    rows = [row | {"label": row["key"].title()} for row in snap["dimensions"]]
    page = draw(pages, '{{ charts.intervals(rows, "Delarna", "Lägst är ...") }}', rows=rows)
    accessible(page)
    assert len(page.findall(".//circle[@class='interval-dot']")) == 2
    assert len(page.findall(".//line[@class='interval-line interval-indicative']")) == 2
    for node in page.findall("./figure/svg/line"):
        assert 0 <= float(node.get("x1") or -1) <= float(node.get("x2") or -1) <= 360
    words = " ".join(re.sub(r"\s+", " ", "".join(page.itertext())).split())
    assert "95 % intervall" in words
    assert "Care 3,38" in words, "Swedish decimals"
    assert "Visas inte" in words
    assert "Alla har svarat" in words
