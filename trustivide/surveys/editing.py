"""A questionnaire while it is written: it may lack anything, and each change makes a new one.

The parts are the catalogue's own, with :class:`Words` where a text may still be empty.
:mod:`trustivide.surveys.gaps` says what is missing until :func:`catalogue.read` takes it.
"""

import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from uuid import uuid4

from trustivide.core.errors import Refused
from trustivide.core.text import Text
from trustivide.surveys.catalogue import (
    BY_SECTION,
    MAX_ITEMS,
    TEXT,
    Dimension,
    Instrument,
    Item,
    Option,
    Section,
    tidy,
)

MAX_SECTIONS = 50
MAX_DIMENSIONS = 20

UP, DOWN = "up", "down"

LONGEST = {
    "title": 120,
    "intro": 2_000,
    "section": 120,
    "section_text": 2_000,
    "item": 500,
    "help": 1_000,
    "option": 200,
    "end": 80,
    "name": 60,
    "description": 300,
}
"""How many characters each text may have, in either language."""


class Words(Text):
    """A text that may still lack either language; read in the other one as long as it does."""

    def __post_init__(self) -> None:
        """Anything goes."""

    def in_(self, locale: str) -> str:
        """The text in ``locale``, in the other language, or nothing."""
        return super().in_(locale) or self.sv or self.en

    def __bool__(self) -> bool:
        return bool(self.sv or self.en)


def words(sv: str | None, en: str | None) -> Words:
    """What somebody typed in either language, tidied as answers are."""
    return Words(tidy(sv or ""), tidy(en or ""))


@dataclass(frozen=True)
class Heading:
    """What a questionnaire says before its first question, and how it is asked."""

    title: Text
    intro: Text
    layout: str = BY_SECTION


Part = Heading | Section | Item | Dimension
P = TypeVar("P", bound=Section | Item | Dimension)


class TooMany(Refused):
    """The questionnaire holds as many items, sections or dimensions as it may."""


# Reading without rules what building.py stored: the structure is sound, the words may lack.


def read(key: str, version: int, content: str) -> Instrument:
    """The questionnaire in a stored version's content, complete or not."""
    data = tomllib.loads(content)
    return Instrument(
        key=key,
        version=version,
        title=_words(data["title"]),
        intro=_words(data["intro"]),
        dimensions=tuple(
            Dimension(d["key"], _words(d["name"]), _words(d["description"]))
            for d in data["dimensions"]
        ),
        sections=tuple(_section(section) for section in data["sections"]),
        fingerprint=hashlib.sha256(content.encode()).hexdigest(),
        layout=data.get("layout", BY_SECTION),
    )


def _words(table: dict[str, str]) -> Words:
    return Words(table["sv"], table["en"])


def _section(data: dict[str, Any]) -> Section:
    return Section(
        key=data["key"],
        title=_words(data["title"]),
        items=tuple(_item(item) for item in data["items"]),
        text=_words(data["text"]) if "text" in data else None,
    )


def _item(data: dict[str, Any]) -> Item:
    return Item(
        key=data["key"],
        kind=data["kind"],
        dimension=data.get("dimension"),
        text=_words(data["text"]),
        reversed=data.get("reversed", False),
        required=data.get("required", data["kind"] != TEXT),
        help=_words(data["help"]) if "help" in data else None,
        options=tuple(Option(o["key"], _words(o["label"])) for o in data.get("options", ())),
        ends=(_words(data["low"]), _words(data["high"])) if "low" in data else None,
    )


# Finding


def heading_of(instrument: Instrument) -> Heading:
    """What stands above the questions."""
    return Heading(instrument.title, instrument.intro, instrument.layout)


def find(instrument: Instrument, key: str) -> Section | Item | Dimension | None:
    """The section, item or dimension with this key, if there is one."""
    parts: tuple[Section | Item | Dimension, ...] = (
        *instrument.sections,
        *instrument.items,
        *instrument.dimensions,
    )
    return next((part for part in parts if part.key == key), None)


def section_of(instrument: Instrument, item: str) -> Section:
    """The section that asks an item. Raises :class:`StopIteration` when none does."""
    return next(s for s in instrument.sections if item in {i.key for i in s.items})


def mark(part: Part | None) -> str:
    """What tells whether somebody else has changed a part; a section's items are parts apart."""
    bare = replace(part, items=()) if isinstance(part, Section) else part
    return hashlib.sha256(repr(bare).encode()).hexdigest()[:16]


def new_key(letter: str) -> str:
    """A key that no part has had, in this version or an older one: results are kept by it."""
    return f"{letter}_{uuid4().hex[:8]}"


# Changing


def put(instrument: Instrument, part: Part, into: str | None = None) -> Instrument:
    """``part`` in the place of the one with its key, else added at the end.

    A new item goes to the section ``into``, the last one if that is gone. Raises
    :class:`TooMany`, and :class:`Refused` where there is no section.
    """
    match part:
        case Heading():
            return replace(instrument, title=part.title, intro=part.intro, layout=part.layout)
        case Dimension():
            found = _put(instrument.dimensions, part, MAX_DIMENSIONS)
            return replace(instrument, dimensions=found)
        case Section():
            old = find(instrument, part.key)
            items = old.items if isinstance(old, Section) else part.items
            sections = _put(instrument.sections, replace(part, items=items), MAX_SECTIONS)
            return replace(instrument, sections=sections)
        case Item():
            return _put_item(instrument, part, into)


def _put_item(instrument: Instrument, item: Item, into: str | None) -> Instrument:
    known = item.key in instrument.by_key
    if not known and len(instrument.items) >= MAX_ITEMS:
        raise TooMany("items")
    section = section_of(instrument, item.key) if known else find(instrument, into or "")
    if not isinstance(section, Section):
        if not instrument.sections:
            raise Refused("no section")
        section = instrument.sections[-1]
    return _with(instrument, replace(section, items=_put(section.items, item, MAX_ITEMS)))


def _put(parts: tuple[P, ...], part: P, most: int) -> tuple[P, ...]:
    if part.key in {p.key for p in parts}:
        return tuple(part if p.key == part.key else p for p in parts)
    if len(parts) >= most:
        raise TooMany(type(part).__name__)
    return (*parts, part)


def _with(instrument: Instrument, *sections: Section) -> Instrument:
    new = {section.key: section for section in sections}
    return replace(instrument, sections=tuple(new.get(s.key, s) for s in instrument.sections))


def without(instrument: Instrument, key: str) -> Instrument:
    """Without the part that has this key. A dimension's items stay, and belong to none then."""

    def kept(item: Item) -> Item:
        return replace(item, dimension=None, reversed=False) if item.dimension == key else item

    return replace(
        instrument,
        dimensions=tuple(d for d in instrument.dimensions if d.key != key),
        sections=tuple(
            replace(s, items=tuple(kept(i) for i in s.items if i.key != key))
            for s in instrument.sections
            if s.key != key
        ),
    )


def moved(instrument: Instrument, key: str, way: str) -> Instrument:
    """With a section or an item one step up or down; an item goes on into the next section.

    At the first and last place nothing happens.
    """
    step = -1 if way == UP else 1
    part = find(instrument, key)
    if isinstance(part, Section):
        return placed(instrument, key, None, instrument.sections.index(part) + step)
    if not isinstance(part, Item):
        return instrument
    section = section_of(instrument, key)
    index = section.items.index(part) + step
    if 0 <= index < len(section.items):
        return placed(instrument, key, section.key, index)
    other = instrument.sections.index(section) + step
    if not 0 <= other < len(instrument.sections):
        return instrument
    beyond = instrument.sections[other]
    return placed(instrument, key, beyond.key, len(beyond.items) if way == UP else 0)


def placed(instrument: Instrument, key: str, into: str | None, index: int) -> Instrument:
    """With an item as number ``index`` (from 0) of the section ``into``, or a section of all.

    What isn't there any more leaves everything as it is.
    """
    part = find(instrument, key)
    if isinstance(part, Section):
        return replace(instrument, sections=_inserted(instrument.sections, part, index))
    target = find(instrument, into or "")
    if not isinstance(part, Item) or not isinstance(target, Section):
        return instrument
    source = section_of(instrument, key)
    if source.key == target.key:
        return _with(instrument, replace(target, items=_inserted(target.items, part, index)))
    return _with(
        instrument,
        replace(source, items=tuple(item for item in source.items if item.key != key)),
        replace(target, items=_inserted(target.items, part, index)),
    )


def _inserted(parts: tuple[P, ...], part: P, index: int) -> tuple[P, ...]:
    others = tuple(p for p in parts if p.key != part.key)
    index = max(0, min(index, len(others)))
    return (*others[:index], part, *others[index:])


def options_from(words: Sequence[Words], before: Sequence[Option]) -> tuple[Option, ...]:
    """Options with these labels, in order; one that was there before keeps its key.

    It is known by its words in both languages, else in one, else by its place.
    """
    left = dict(enumerate(before))
    keys: dict[int, str] = {}
    for same in (_equal, _alike, _there):
        for at, label in enumerate(words):
            found = next((n for n, o in left.items() if same(at, label, n, o.label)), None)
            if at not in keys and found is not None:
                keys[at] = left.pop(found).key
    return tuple(Option(keys.get(at) or new_key("o"), label) for at, label in enumerate(words))


def _equal(_at: int, label: Text, _n: int, other: Text) -> bool:
    return label == other


def _alike(_at: int, label: Text, _n: int, other: Text) -> bool:
    return bool(label.sv and label.sv == other.sv) or bool(label.en and label.en == other.en)


def _there(at: int, _label: Text, n: int, _other: Text) -> bool:
    return at == n
