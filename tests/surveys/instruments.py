"""Instruments of every kind of item, for examples and for properties."""

from hypothesis import strategies as st

from trustivide.core.text import Text
from trustivide.surveys import catalogue
from trustivide.surveys.catalogue import Dimension, Instrument, Item, Option, Section

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(str.strip) | st.just(
    'Rad ett\r\nrad "två" \\ tre\t😀'
)
texts = st.builds(Text, sv=words, en=words)


@st.composite
def items(draw: st.DrawFn, key: str, dimension: str | None, agreement: str) -> Item:
    """One item that breaks no rule; of the instrument's kind of agreement in a dimension."""
    kind = agreement if dimension else draw(st.sampled_from(catalogue.KINDS))
    chosen = kind in (catalogue.SINGLE, catalogue.MULTIPLE)
    labels = draw(st.lists(texts, min_size=2, max_size=5)) if chosen else []
    scaled = kind == catalogue.SCALE10
    return Item(
        key=key,
        kind=kind,
        dimension=dimension,
        text=draw(texts),
        reversed=draw(st.booleans()) if dimension else False,
        required=draw(st.booleans()),
        help=draw(st.none() | texts),
        options=tuple(Option(f"option_{n}", label) for n, label in enumerate(labels)),
        ends=draw(st.none() | st.tuples(texts, texts)) if scaled else None,
    )


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    """Any instrument that keeps the rules."""
    agreement = draw(st.sampled_from(tuple(catalogue.POINTS)))
    dimensions = [f"dimension_{n}" for n in range(draw(st.integers(0, 3)))]
    places = dimensions + draw(st.lists(st.sampled_from([None, *dimensions]), max_size=4))
    places = draw(st.permutations(places)) or [None]
    cut = draw(st.integers(0, len(places) - 1))
    asked = [draw(items(f"item_{n}", place, agreement)) for n, place in enumerate(places)]
    sections = [part for part in (asked[:cut], asked[cut:]) if part]
    return Instrument(
        key=draw(st.sampled_from(["small", "puls-2"])),
        version=draw(st.integers(1, 99)),
        title=draw(texts),
        intro=draw(texts),
        dimensions=tuple(Dimension(key, draw(texts), draw(texts)) for key in dimensions),
        sections=tuple(
            Section(f"section_{n}", draw(texts), tuple(part), draw(st.none() | texts))
            for n, part in enumerate(sections)
        ),
        fingerprint="0" * 64,
        layout=draw(st.sampled_from(catalogue.LAYOUTS)),
    )
