"""The instruments: versioned data files, checked as a whole when they are loaded.

One instrument is one file, ``instruments/<key>-<version>.toml``. A file that breaks a
rule is refused, so that whoever asks its questions can rely on both languages, on every
item's dimension and on there being something to answer. A file is never edited once a
survey has used it; ``Instrument.fingerprint`` tells whether it was.
"""

import hashlib
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NoReturn

from trustivide.core.text import Text

INSTRUMENTS = Path(__file__).parent / "instruments"

AGREEMENT5 = "agreement5"
AGREEMENT7 = "agreement7"
SCALE10 = "scale10"
SINGLE = "single"
MULTIPLE = "multiple"
TEXT = "text"
KINDS = (AGREEMENT5, AGREEMENT7, SCALE10, SINGLE, MULTIPLE, TEXT)

POINTS = {AGREEMENT5: 5, AGREEMENT7: 7}
"""How many points each kind of agreement has, counted from 1."""
TOP = 10
"""The highest point of a scale that begins with 0."""
MAX_OPTIONS = 20
MAX_ITEMS = 100

BY_SECTION = "sections"
ON_ONE_PAGE = "page"
LAYOUTS = (BY_SECTION, ON_ONE_PAGE)

CANT_SAY = "x"
MAX_TEXT = 5_000

EVALUATION = "tillit-workshop"
"""Asks how a workshop was. It is offered after one, and not among the others."""

# Why an answer was refused. The form owns the words for the person who answers.
MISSING = "missing"
NOT_AN_OPTION = "not_an_option"
BOTH = "both"
TOO_LONG = "too_long"
UNKNOWN_ITEM = "unknown_item"

# The snapshot gives this key to the figure over all dimensions.
OVERALL = "overall"

AGREEMENT_LABELS = {
    AGREEMENT5: (
        Text("Instämmer inte alls", "Do not agree at all"),
        Text("Instämmer knappast", "Mostly disagree"),
        Text("Varken eller", "Neither agree nor disagree"),
        Text("Instämmer i stort", "Mostly agree"),
        Text("Instämmer helt", "Fully agree"),
    ),
    AGREEMENT7: (
        Text("Instämmer inte alls", "Do not agree at all"),
        Text("Instämmer inte", "Disagree"),
        Text("Instämmer knappast", "Mostly disagree"),
        Text("Varken eller", "Neither agree nor disagree"),
        Text("Instämmer i stort", "Mostly agree"),
        Text("Instämmer", "Agree"),
        Text("Instämmer helt", "Fully agree"),
    ),
}
AGREEMENT_BANDS = (
    Text("Instämmer inte", "Disagree"),
    Text("Varken eller", "Neither"),
    Text("Instämmer", "Agree"),
)
# A dimension mixes statements with reversed ones, so its scale runs from low to high.
SCORE_LABELS = {
    AGREEMENT5: (
        Text("Mycket lågt", "Very low"),
        Text("Lågt", "Low"),
        Text("Mittemellan", "In between"),
        Text("Högt", "High"),
        Text("Mycket högt", "Very high"),
    ),
    AGREEMENT7: (
        Text("Mycket lågt", "Very low"),
        Text("Lågt", "Low"),
        Text("Ganska lågt", "Rather low"),
        Text("Mittemellan", "In between"),
        Text("Ganska högt", "Rather high"),
        Text("Högt", "High"),
        Text("Mycket högt", "Very high"),
    ),
}
SCORE_BANDS = (Text("Lågt", "Low"), Text("Mittemellan", "In between"), Text("Högt", "High"))
CANT_SAY_LABEL = Text("Kan inte svara", "Can't say")
CANT_SAY_OPTION = (CANT_SAY, CANT_SAY_LABEL)

Answer = int | str | list[str] | None
"""A point, a text, the key of one option, the keys of several in the item's order, "can't say"."""

_FILE_NAME = re.compile(r"(?P<key>[a-z][a-z0-9]*(?:-[a-z0-9]+)*)-(?P<version>[1-9][0-9]*)\.toml")
_KEY = re.compile(r"[a-z][a-z0-9_]*")


class InstrumentError(ValueError):
    """An instrument's file breaks a rule; the message names file, place and rule.

    ``item`` is the item, dimension or section concerned, or the field of the file itself.
    """

    def __init__(self, file: str, item: str, rule: str) -> None:
        super().__init__(f"{file}: {item}: {rule}")
        self.file = file
        self.item = item
        self.rule = rule


@dataclass(frozen=True)
class Dimension:
    """One side of what an instrument measures, with a description of one line."""

    key: str
    name: Text
    description: Text


@dataclass(frozen=True)
class Option:
    """One of the answers to choose from."""

    key: str
    label: Text


@dataclass(frozen=True)
class Item:
    """One question. A statement to agree with may lack a dimension; all other kinds have none.

    ``reversed`` items say the opposite of their dimension: agreeing lowers its score. On
    a ``required`` item that isn't text "can't say" is an answer like any other.
    ``options`` are those of a single or multiple choice; ``ends`` words the lowest and
    the highest point of a scale from 0 to 10.
    """

    key: str
    kind: str
    dimension: str | None
    text: Text
    reversed: bool = False
    required: bool = True
    help: Text | None = None
    options: tuple[Option, ...] = ()
    ends: tuple[Text, Text] | None = None

    @property
    def scale(self) -> tuple[tuple[str, Text | None], ...]:
        """What a form offers, "can't say" last: submitted value and label, in order.

        A point of a scale from 0 to 10 has no words of its own, hence no label.
        Empty for a text.
        """
        if self.kind == TEXT:
            return ()
        return (*self._choices, CANT_SAY_OPTION)

    @property
    def _choices(self) -> Iterable[tuple[str, Text | None]]:
        if self.kind == SCALE10:
            return ((str(point), None) for point in range(TOP + 1))
        if self.kind in POINTS:
            return ((str(n), label) for n, label in enumerate(AGREEMENT_LABELS[self.kind], 1))
        return ((option.key, option.label) for option in self.options)

    def read(self, raw: str) -> "Answer":
        """The answer that a form submitted, tidied; several options come with commas between.

        Raises :class:`ValueError` with "not_an_option", "too_long" or, where "can't say"
        stands beside an option, "both".
        """
        if self.kind == TEXT:
            if len(raw) > MAX_TEXT:
                raise ValueError(TOO_LONG)
            return raw
        if raw == CANT_SAY:
            return None
        known = [value for value, _label in self._choices]
        chosen = set(raw.split(",")) if self.kind == MULTIPLE else {raw}
        if chosen - {CANT_SAY} and CANT_SAY in chosen and self.kind == MULTIPLE:
            raise ValueError(BOTH)
        if not chosen <= set(known):
            raise ValueError(NOT_AN_OPTION)
        if self.kind == MULTIPLE:
            return [value for value in known if value in chosen]
        return raw if self.kind == SINGLE else int(raw)


@dataclass(frozen=True)
class Section:
    """Items that are asked together, in order, perhaps after a few words. Never empty."""

    key: str
    title: Text
    items: tuple[Item, ...]
    text: Text | None = None


SECONDS_PER_ITEM = 14
"""Reading a statement and deciding, by and large."""


@dataclass(frozen=True)
class Instrument:
    """A versioned questionnaire. Those from :func:`load` keep all rules of this module.

    ``fingerprint`` is the SHA-256 of the file's bytes, in hex. Keys of items and of
    dimensions are one name space, in which "overall" is taken. All items of dimensions
    are of one kind of agreement. ``layout`` says whether it is asked section by section
    or on one page.
    """

    key: str
    version: int
    title: Text
    intro: Text
    dimensions: tuple[Dimension, ...]
    sections: tuple[Section, ...]
    fingerprint: str
    layout: str = BY_SECTION

    def __hash__(self) -> int:
        return hash(self.fingerprint)  # not every item's words, each time that a cache asks

    @cached_property
    def agreement(self) -> str:
        """The kind of agreement of the dimensions' items; the five-point one without any."""
        kinds = [item.kind for item in self.items if item.dimension]
        return kinds[0] if kinds else AGREEMENT5

    @property
    def points(self) -> int:
        """The highest point of the dimensions' scale, whose lowest is 1."""
        return POINTS[self.agreement]

    @property
    def minutes(self) -> int:
        """About how long it takes to answer, in whole minutes; at least one."""
        return max(1, round(len(self.items) * SECONDS_PER_ITEM / 60))

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """Every item, in the order in which it is asked."""
        return tuple(item for section in self.sections for item in section.items)

    @cached_property
    def by_key(self) -> Mapping[str, Item]:
        """The items by their key."""
        return {item.key: item for item in self.items}

    def dimension_items(self, dimension: str) -> tuple[Item, ...]:
        """The items of one dimension, in order."""
        return tuple(item for item in self.items if item.dimension == dimension)

    def validate(self, answers: Mapping[str, str]) -> tuple[dict[str, Answer], dict[str, str]]:
        """Clean answers and errors, both by item key, from what a form submitted.

        A point comes as a figure and becomes an int, an option as its key, several
        options with commas between and become a list, and "x" for "can't say" becomes
        None. A text keeps its words without white space around them and without control
        characters, line ends as "\\n", at most 5,000 characters. What was left empty is
        in neither dict unless the item is required. Errors are "missing",
        "not_an_option", "both" (options and "can't say"), "too_long" and "unknown_item"
        (for an item that isn't there); an item with an error has no clean answer.
        """
        clean: dict[str, Answer] = {}
        errors = {key: UNKNOWN_ITEM for key in answers if key not in self.by_key}
        for item in self.items:
            raw = tidy(answers.get(item.key, ""))
            if not raw:
                if item.required:
                    errors[item.key] = MISSING
                continue
            try:
                clean[item.key] = item.read(raw)
            except ValueError as error:
                errors[item.key] = str(error)
        return clean, errors


def tidy(raw: str) -> str:
    """Typed text without blanks around it and without control characters, line ends as "\\n"."""
    # Browsers send CRLF but count a line end as one character.
    text = raw.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        char for char in text if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs")
    ).strip()


def agreement_labels(kind: str, locale: str) -> dict[str, list[str]]:
    """Labels for the distribution of one item's answers, as ``charts.html`` wants them."""
    return _labels(locale, AGREEMENT_LABELS[kind], AGREEMENT_BANDS)


def score_labels(kind: str, locale: str) -> dict[str, list[str]]:
    """Labels for the distribution of scores over a dimension, likewise."""
    return _labels(locale, SCORE_LABELS[kind], SCORE_BANDS)


def _labels(locale: str, points: Iterable[Text], bands: Iterable[Text]) -> dict[str, list[str]]:
    return {
        "points": [label.in_(locale) for label in points],
        "bands": [label.in_(locale) for label in bands],
    }


def all() -> tuple[Instrument, ...]:
    """Every version of every instrument, by key and then version. Read once per process.

    Raises :class:`InstrumentError` at the first file that breaks a rule.
    """
    return read_folder(INSTRUMENTS)


def measuring() -> list[Instrument]:
    """Every version of those that ask how a team is; an evaluation asks how a workshop was."""
    return [instrument for instrument in all() if instrument.key != EVALUATION]


def load(key: str, version: int) -> Instrument:
    """The instrument with this key and version. Raises ``KeyError`` when there is none."""
    for instrument in all():
        if (instrument.key, instrument.version) == (key, version):
            return instrument
    raise KeyError((key, version))


def latest(key: str) -> Instrument:
    """The newest version of an instrument. Raises ``KeyError`` when there is none."""
    versions = [instrument for instrument in all() if instrument.key == key]
    if not versions:
        raise KeyError(key)
    return versions[-1]


@cache
def read_folder(folder: Path) -> tuple[Instrument, ...]:
    """The instruments in a folder, by key and version. Raises :class:`InstrumentError`."""
    found = (read(path.name, path.read_bytes()) for path in folder.glob("*.toml"))
    return tuple(sorted(found, key=lambda instrument: (instrument.key, instrument.version)))


def read(file: str, content: bytes) -> Instrument:
    """The instrument in the content of a file. Raises :class:`InstrumentError`."""
    try:
        data = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InstrumentError(file, "file", f"is not readable TOML in UTF-8 ({error})") from error
    return _Reader(file).instrument(data, hashlib.sha256(content).hexdigest())


class _Reader:
    """Checks the tables of one file from the top downwards."""

    def __init__(self, file: str) -> None:
        self.file = file

    def instrument(self, data: dict[str, Any], fingerprint: str) -> Instrument:
        required = ("key", "version", "title", "intro", "dimensions", "sections")
        self.fields(data, "file", required, ("layout",))
        self.name(data)
        dimensions = tuple(
            self.dimension(table, f"dimension {number}")
            for number, table in enumerate(self.tables(data, "dimensions", "file"), 1)
        )
        sections = tuple(
            self.section(table, f"section {number}", {d.key for d in dimensions})
            for number, table in enumerate(self.tables(data, "sections", "file"), 1)
        )
        instrument = Instrument(
            key=data["key"],
            version=data["version"],
            title=self.text(data, "title", "file"),
            intro=self.text(data, "intro", "file"),
            dimensions=dimensions,
            sections=sections,
            fingerprint=fingerprint,
            layout=data.get("layout", BY_SECTION),
        )
        self.whole(instrument)
        return instrument

    def name(self, data: dict[str, Any]) -> None:
        match = _FILE_NAME.fullmatch(self.file)
        if match is None:
            self.refuse("file", "is not named <key>-<version>.toml")
        version = data["version"]
        if isinstance(version, bool) or not isinstance(version, int):
            self.refuse("version", "is not a whole number")
        if (match["key"], int(match["version"])) != (data["key"], version):
            self.refuse("file", "key or version differ from the name of the file")

    def whole(self, instrument: Instrument) -> None:
        if instrument.layout not in LAYOUTS:
            self.refuse("layout", f"is none of {', '.join(LAYOUTS)}")
        if len(instrument.items) > MAX_ITEMS:
            self.refuse("file", f"has more than {MAX_ITEMS} items")
        if len({item.kind for item in instrument.items if item.dimension}) > 1:
            self.refuse("dimensions", "have items of different kinds")
        self.unique("section", [section.key for section in instrument.sections])
        keys = [item.key for item in instrument.items] + [d.key for d in instrument.dimensions]
        self.unique("key", keys)
        if OVERALL in keys:
            self.refuse(OVERALL, "is the key of the figure over all dimensions")
        for dimension in instrument.dimensions:
            if not instrument.dimension_items(dimension.key):
                self.refuse(dimension.key, "dimension has no items")

    def dimension(self, table: dict[str, Any], place: str) -> Dimension:
        self.fields(table, place, ("key", "name", "description"))
        key = self.key(table, place)
        return Dimension(key, self.text(table, "name", key), self.text(table, "description", key))

    def section(self, table: dict[str, Any], place: str, dimensions: Collection[str]) -> Section:
        self.fields(table, place, ("key", "title"), ("items", "text"))
        key = self.key(table, place)
        items = tuple(
            self.item(item, f"{key}, item {number}", dimensions)
            for number, item in enumerate(self.tables(table, "items", key), 1)
        )
        text = self.text(table, "text", key) if "text" in table else None
        return Section(key, self.text(table, "title", key), items, text)

    def item(self, table: dict[str, Any], place: str, dimensions: Collection[str]) -> Item:
        place = table["key"] if isinstance(table.get("key"), str) else place
        optional = ("dimension", "reversed", "required", "help", "options", "low", "high")
        self.fields(table, place, ("key", "kind", "text"), optional)
        key, kind = self.key(table, place), table["kind"]
        if kind not in KINDS:
            self.refuse(key, f"unknown kind {kind!r}; known are {', '.join(KINDS)}")
        dimension = table.get("dimension")
        if dimension is not None and dimension not in list(dimensions):
            self.refuse(key, f"unknown dimension {dimension!r}")
        reversed_ = self.flag(table, "reversed", key, default=False)
        if kind not in POINTS and dimension is not None:
            self.refuse(key, "only a statement to agree with belongs to a dimension")
        if dimension is None and reversed_:
            self.refuse(key, "only an item of a dimension can be reversed")
        return Item(
            key=key,
            kind=kind,
            dimension=dimension,
            text=self.text(table, "text", key),
            reversed=reversed_,
            required=self.flag(table, "required", key, default=kind != TEXT),
            help=self.text(table, "help", key) if "help" in table else None,
            options=self.options(table, key, kind),
            ends=self.ends(table, key, kind),
        )

    def options(self, table: dict[str, Any], place: str, kind: str) -> tuple[Option, ...]:
        if kind not in (SINGLE, MULTIPLE):
            if "options" in table:
                self.refuse(place, f"an item of kind {kind} has no options")
            return ()
        rows = self.rows(table, "options", place)
        if not 2 <= len(rows) <= MAX_OPTIONS:
            self.refuse(place, f"has not between 2 and {MAX_OPTIONS} options")
        found = []
        for number, row in enumerate(rows, 1):
            where = f"{place}, option {number}"
            self.fields(row, where, ("key", "label"))
            found.append(Option(self.key(row, where), self.text(row, "label", where)))
        self.unique(f"option of {place}", [option.key for option in found])
        if CANT_SAY in {option.key for option in found}:
            self.refuse(place, f"{CANT_SAY!r} means that somebody can't say")
        return tuple(found)

    def ends(self, table: dict[str, Any], place: str, kind: str) -> tuple[Text, Text] | None:
        given = [field for field in ("low", "high") if field in table]
        if not given:
            return None
        if kind != SCALE10 or len(given) == 1:
            self.refuse(place, "low and high are the two ends of a scale from 0 to 10")
        return self.text(table, "low", place), self.text(table, "high", place)

    def fields(
        self,
        table: dict[str, Any],
        place: str,
        required: Collection[str],
        optional: Collection[str] = (),
    ) -> None:
        for field in table:
            if field not in required and field not in optional:
                self.refuse(place, f"unknown field {field!r}")
        for field in required:
            if field not in table and field not in ("dimensions", "sections"):
                self.refuse(place, f"missing field {field!r}")

    def tables(self, table: dict[str, Any], field: str, place: str) -> list[dict[str, Any]]:
        rows = self.rows(table, field, place)
        # Free text alone is an instrument too, so only dimensions may be lacking.
        if not rows and field != "dimensions":
            self.refuse(place, "has no items" if field == "items" else f"has no {field}, no items")
        return rows

    def rows(self, table: dict[str, Any], field: str, place: str) -> list[dict[str, Any]]:
        rows = table.get(field, [])
        if not isinstance(rows, list):
            self.refuse(place, f"{field} is not a list of tables")
        for row in rows:
            if not isinstance(row, dict):
                self.refuse(place, f"{field} is not a list of tables")
        return rows

    def key(self, table: dict[str, Any], place: str) -> str:
        key = table["key"]
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            self.refuse(place, "key is not lower-case letters, digits and underscores")
        return str(key)

    def text(self, table: dict[str, Any], field: str, place: str) -> Text:
        words = table[field]
        if not isinstance(words, dict):
            self.refuse(place, f"{field} is not given in sv and en")
        for language in words:
            if language not in ("sv", "en"):
                self.refuse(place, f"unknown field {field}.{language}")
        for language in ("sv", "en"):
            word = words.get(language)
            if not isinstance(word, str) or not word.strip():
                self.refuse(place, f"missing translation {field}.{language}")
        return Text(sv=words["sv"], en=words["en"])

    def flag(self, table: dict[str, Any], field: str, place: str, *, default: bool) -> bool:
        value = table.get(field, default)
        if not isinstance(value, bool):
            self.refuse(place, f"{field} is not true or false")
        return bool(value)

    def unique(self, what: str, keys: Iterable[str]) -> None:
        for key, times in Counter(keys).items():
            if times > 1:
                self.refuse(key, f"duplicate {what}")

    def refuse(self, place: str, rule: str) -> NoReturn:
        raise InstrumentError(self.file, place, rule)
