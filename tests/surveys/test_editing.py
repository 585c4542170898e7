"""Whatever is moved about in a questionnaire, nothing is lost, doubled or stored wrongly."""

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from trustivide.core.errors import Refused
from trustivide.surveys import catalogue, editing
from trustivide.surveys.catalogue import Instrument
from trustivide.surveys.editing import Words, options_from
from trustivide.surveys.gaps import gaps
from trustivide.surveys.writing import dump

TEAM = catalogue.load("tillit-i-team", 1)
KEYS = [*(s.key for s in TEAM.sections), *TEAM.by_key, *(d.key for d in TEAM.dimensions), "gone"]
keys = st.sampled_from(KEYS)
moves = st.one_of(
    st.tuples(st.just("moved"), keys, st.sampled_from([editing.UP, editing.DOWN])),
    st.tuples(st.just("placed"), keys, keys, st.integers(-3, 30)),
)


def stored(instrument: Instrument) -> Instrument:
    """The questionnaire as it is read again."""
    return editing.read(instrument.key, instrument.version, dump(instrument))


@given(st.lists(moves, max_size=25))
@settings(max_examples=60, deadline=None)
def test_moving_keeps_every_part_and_every_rule(steps: list[tuple[str, str]]) -> None:
    instrument = stored(TEAM)
    items = set(instrument.items)
    for name, *arguments in steps:
        instrument = getattr(editing, name)(instrument, *arguments)
    assert set(instrument.items) == items
    assert len(instrument.items) == len(items)
    assert {s.key for s in instrument.sections} == {s.key for s in TEAM.sections}
    again = stored(instrument)
    assert replace(again, fingerprint="") == replace(instrument, fingerprint="")
    empty = [section for section in instrument.sections if not section.items]
    assert [gap.field for gap in gaps(instrument)] == ["no_items"] * len(empty)


@given(st.lists(keys, max_size=40))
@settings(max_examples=60, deadline=None)
def test_what_is_taken_out_is_out_and_what_is_put_back_is_in(taken: list[str]) -> None:
    instrument = stored(TEAM)
    for key in taken:
        part = editing.find(instrument, key)
        instrument = editing.without(instrument, key)
        assert editing.find(instrument, key) is None
        if part is None:
            continue
        try:
            back = editing.put(instrument, part, "gone")
        except Refused:
            assert instrument.sections == ()
        else:
            assert editing.find(back, key) is not None
    for item in instrument.items:
        assert item.dimension in {None, *(d.key for d in instrument.dimensions)}


texts = st.text("ab", max_size=2)
labels = st.lists(st.builds(Words, texts, texts), max_size=6)


@given(labels, labels, st.randoms())
def test_an_option_keeps_its_key_and_no_two_have_the_same(
    one: list[Words], other: list[Words], random: Random
) -> None:
    before = options_from(one, ())
    changed = options_from(other, before)
    assert [option.label for option in changed] == other
    assert len({option.key for option in changed}) == len(changed)
    if len({(label.sv, label.en) for label in one}) == len(one):
        order = random.sample(before, len(before))
        assert options_from([option.label for option in order], before) == tuple(order)
