"""The charts of every kind of item, read back from their SVG and their tables."""

from typing import Any

import pytest
from flask import Flask

from tests.surveys.test_item_figures import PLACE, READY, TOOLS, TRUST, of, row
from tests.surveys.test_snapshot import accessible, draw, pages
from trustivide.core.text import Text
from trustivide.surveys import snapshot
from trustivide.surveys.catalogue import SCALE10, Answer, Item
from trustivide.surveys.labels import SHARES, item_labels

__all__ = ["pages"]

ENDS = Item("ends", SCALE10, None, Text("ord", "word"), ends=(Text("Låg", "Low"),) * 2)
CHART = '{{ charts.item(row, labels, "Frågan", "Antal per svar.") }}'


def drawn(pages: Flask, item: Item, answers: list[Answer]) -> Any:
    page = draw(pages, CHART, row=row(item, answers), labels=item_labels(item, "sv"))
    accessible(page)
    return page


def table(page: Any) -> list[list[str]]:
    return [["".join(cell.itertext()).strip() for cell in tr] for tr in page.findall(".//tbody/tr")]


def test_eleven_columns_and_a_mean_below_them(pages: Flask) -> None:
    page = drawn(pages, READY, [*range(11), 10, None])
    assert [int(cells[1]) for cells in table(page)] == [1] * 10 + [2, 1]
    bars = page.findall(".//rect")
    assert len(bars) == 11
    dot = page.find(".//circle")
    assert 14 + 5.4 * 332 / 11 < float(dot.get("cx")) < 14 + 6 * 332 / 11
    assert "Medel: 5,42 av 10" in "".join(page.itertext())


def test_three_columns_and_whole_points_for_a_small_group(pages: Flask) -> None:
    page = drawn(pages, ENDS, [0, 5, 6, 9, 10])
    assert [cells[:2] for cells in table(page)] == [["0–3", "1"], ["4–6", "2"], ["7–10", "2"]]
    words = " ".join("".join(page.itertext()).split())
    assert "95 % intervall: 1–10." in words
    assert "← Låg" in words


def test_options_are_bars_from_ten_answers_on_and_words_below(pages: Flask) -> None:
    page = drawn(pages, TOOLS, [["o0", "o1"]] * 10 + [None])
    assert [cells[1:] for cells in table(page)] == [
        ["10", "100\N{NO-BREAK SPACE}%"],
        ["10", "100\N{NO-BREAK SPACE}%"],
        ["0", "0\N{NO-BREAK SPACE}%"],
        ["1", "–"],
    ]
    assert len(page.findall(".//rect")) == 2
    small = drawn(pages, PLACE, ["o0"] * 6)
    assert small.find(".//svg") is None
    assert [cells[1] for cells in table(small)] == ["Hälften eller fler", "Ingen", "Ingen"]
    assert "pekar ut" in "".join(small.itertext())


@pytest.mark.parametrize("item", [READY, PLACE, TOOLS, TRUST])
def test_too_few_answers_draw_nothing(pages: Flask, item: Item) -> None:
    page = drawn(pages, item, [None] * 6)
    assert page.find(".//svg") is None
    assert "för få har svarat" in "".join(page.itertext())


def test_seven_points_diverge_too(pages: Flask) -> None:
    page = drawn(pages, TRUST, [1, 2, 3, 4, 5, 6, 7] * 2)
    classes = [str(bar.get("class")).split()[1] for bar in page.findall("./figure/svg/rect")]
    assert classes == ["bar-1", "bar-1-2", "bar-2", "bar-3", "bar-4", "bar-4-5", "bar-5"]
    figures = snapshot.compute(of(TRUST), [{"trust": 6}] * 6, k=5, invited=6)
    assert figures["overall"]["published"] is False, "no dimension, no figure over them"
    seven = {"label": "Sju", "published": True, "mean": 7.0, "n": 9}
    seven["interval"] = {"low": 4.0, "high": 7.0, "clipped": True, "indicative": False}
    page = draw(pages, '{{ charts.intervals([row], "T", "D", points=7) }}', row=seven)
    assert page.find(".//circle").get("cx") == "346.0"  # type: ignore[union-attr]


def test_every_share_has_words_in_both_languages() -> None:
    for locale in ("sv", "en"):
        labels = item_labels(PLACE, locale)
        assert labels["shares"].keys() == SHARES.keys()
        assert len(set(labels["shares"].values())) == len(SHARES)
        assert labels["options"].keys() == {"o0", "o1", "o2"}
    assert item_labels(Item("more", "text", None, Text("ord", "word")), "sv") == {}
