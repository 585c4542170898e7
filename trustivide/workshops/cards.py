"""Workshop cards: what a workshop is written as, read and checked.

One card is one file per language, ``<slug>.sv.md`` and ``<slug>.en.md``: YAML front
matter with the card's fields, then Markdown on how to facilitate. A card that breaks
a rule is refused as a whole, so that whoever plans a workshop can rely on its clock,
its numbers and both its languages.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import markdown
from markdown.inlinepatterns import Pattern
from markdown.treeprocessors import InlineProcessor
from markdown.util import Registry

from trustivide.core.text import Text
from trustivide.workshops.front_matter import EMPTY, CardError, Fields, line_of, split

LIBRARY = Path(__file__).parent / "library"

# The instrument's dimensions. They stand here as well as in the instrument, because
# surveys may import workshops and never the other way round.
DIMENSIONS = ("competence", "care", "integrity", "openness", "reliability")
PLACES = ("onsite", "remote", "hybrid")
LANGUAGES = ("sv", "en")

_FILE_NAME = re.compile(r"(?P<slug>[a-z][a-z0-9]*(?:-[a-z0-9]+)*)\.(?P<language>[a-z]{2})\.md")


@dataclass(frozen=True)
class AgendaStep:
    """One step of a workshop. ``note`` is for the facilitator; it and ``remote`` may be empty."""

    minutes: int
    title: str
    instruction: str
    note: str = ""
    remote: str = ""


@dataclass(frozen=True)
class HandoutPrompt:
    """A question on the handout, with so many empty lines to write on (0 to 12)."""

    text: str
    lines: int


@dataclass(frozen=True)
class Handout:
    """The sheet that participants get: one page, with at most 6 prompts and 18 lines."""

    title: str
    instruction: str
    prompts: tuple[HandoutPrompt, ...]


@dataclass(frozen=True)
class WorkshopCard:
    """One workshop in one language. Cards from :func:`load_library` keep every rule below.

    ``dimensions`` holds at least one of :data:`DIMENSIONS`, the main one first; ``place``
    at least one of :data:`PLACES`; ``duration`` is in minutes and equals the sum over the
    agenda; ``people`` is (fewest, most); ``difficulty`` and ``exposure`` (how much of
    themselves people are asked to show) go from 1 to 3; ``follow_up_days`` counts from the
    day of the workshop; ``body`` is Markdown without raw HTML, links, images and code.
    """

    slug: str
    language: str
    version: int
    title: str
    summary: str
    dimensions: tuple[str, ...]
    when: str
    when_not: str
    goal: str
    duration: int
    preparation: tuple[str, ...]
    people: tuple[int, int]
    place: tuple[str, ...]
    difficulty: int
    exposure: int
    materials: tuple[str, ...]
    agenda: tuple[AgendaStep, ...]
    debrief: tuple[str, ...]
    output: str
    follow_up_days: int
    handout: Handout
    sources: tuple[str, ...]
    licence: str
    body: str = field(repr=False)

    @property
    def min_people(self) -> int:
        """The smallest group that the workshop works for."""
        return self.people[0]

    @property
    def max_people(self) -> int:
        """The largest group that one facilitator can lead through it."""
        return self.people[1]


def body_html(card: WorkshopCard) -> str:
    """The card's body as HTML: headings, paragraphs, lists, ``strong`` and ``em``.

    No other element and no attribute can come out, whatever the body holds: rules for raw
    HTML, links, images and code are switched off, and what looks like them is escaped.
    Headings of a card from :func:`load_library` are ``h2`` and ``h3``.
    """
    renderer = markdown.Markdown(output_format="html")
    renderer.preprocessors.deregister("html_block")
    for rule in ("code", "quote", "reference", "hr", "setextheader"):
        renderer.parser.blockprocessors.deregister(rule)
    # What is kept is named, so that a rule the library adds later stays out.
    kept: Registry[Pattern] = Registry()
    for priority, name in enumerate(("em_strong", "escape")):
        kept.register(renderer.inlinePatterns[name], name, priority)
    renderer.inlinePatterns = kept
    renderer.treeprocessors.register(InlineProcessor(renderer), "inline", 20)
    return renderer.convert(card.body)


@dataclass(frozen=True)
class Source:
    """A workshop's text in each language, as card files.

    What ships with the product says its version itself; with ``numbered`` off a version in
    the text counts for nothing, since whoever stores the text numbers it.
    """

    slug: str
    texts: Mapping[str, str]
    numbered: bool = True

    @cached_property
    def fingerprint(self) -> str:
        """Tells this text from any other, in hexadecimal."""
        whole = "\0".join([self.slug, *(self.texts.get(language, "") for language in LANGUAGES)])
        return sha256(whole.encode()).hexdigest()

    @cached_property
    def cards(self) -> dict[str, WorkshopCard]:
        """The cards by language; :class:`CardError` for the first rule that is broken."""
        for fault in self.faults:
            raise fault
        return self.readable

    @property
    def readable(self) -> dict[str, WorkshopCard]:
        """The cards of those languages whose text keeps every rule by itself."""
        return self._read[0]

    @property
    def faults(self) -> tuple[CardError, ...]:
        """The first rule that each text breaks, else the first in which the two differ."""
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[dict[str, WorkshopCard], tuple[CardError, ...]]:
        cards, faults = {}, []
        for language in LANGUAGES:
            file, text = f"{self.slug}.{language}.md", self.texts.get(language)
            try:
                if text is None:
                    raise CardError(file, "language", _MISSING)
                cards[language] = _load(file, text, self.numbered)
            except CardError as error:
                faults.append(error)
        try:
            if not faults:
                _check_pair(self.slug, cards)
        except CardError as error:
            error.line = line_of(self.texts[LANGUAGES[1]], error.field)
            faults.append(error)
        return cards, tuple(faults)


_MISSING = Text("översättningen saknas", "the translation is missing")


def library(folder: Path = LIBRARY) -> tuple[Source, ...]:
    """Every workshop in ``folder``, by slug, unread as yet.

    :class:`CardError` for a file that is not named as a card.
    """
    texts: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob("*.md")):
        slug, language = _named(path.name)
        texts.setdefault(slug, {})[language] = _read(path)
    return tuple(Source(slug, found) for slug, found in sorted(texts.items()))


def load_library(folder: Path = LIBRARY) -> tuple[WorkshopCard, ...]:
    """Every card in ``folder``, by slug, Swedish before English.

    Raises :class:`CardError` for the first card that breaks a rule: an unknown, doubled or
    missing field, a wrong type, an agenda that doesn't add up, a body with raw HTML, a
    language that is missing, numbers that differ between the two languages.
    """
    return tuple(source.cards[lang] for source in library(folder) for lang in LANGUAGES)


def as_data(card: WorkshopCard) -> dict[str, Any]:
    """The card as JSON's own types; :func:`from_data` reads it again."""
    return asdict(card)


def from_data(data: Mapping[str, Any]) -> WorkshopCard:
    """The card that :func:`as_data` wrote, with no check: it was checked before."""
    handout = data["handout"]
    tuples = ("dimensions", "preparation", "people", "place", "materials", "debrief", "sources")
    return WorkshopCard(
        **{
            **data,
            **{name: tuple(data[name]) for name in tuples},
            "agenda": tuple(AgendaStep(**step) for step in data["agenda"]),
            "handout": Handout(
                handout["title"],
                handout["instruction"],
                tuple(HandoutPrompt(**prompt) for prompt in handout["prompts"]),
            ),
        }
    )


# What must be equal in both languages, so that a plan made in one holds in the other.
_PAIRED: dict[str, Callable[[WorkshopCard], object]] = {
    "version": lambda card: card.version,
    "duration": lambda card: card.duration,
    "dimensions": lambda card: card.dimensions,
    "people": lambda card: card.people,
    "place": lambda card: card.place,
    "difficulty": lambda card: card.difficulty,
    "exposure": lambda card: card.exposure,
    "follow_up_days": lambda card: card.follow_up_days,
    "agenda": lambda card: [step.minutes for step in card.agenda],
    "debrief": lambda card: len(card.debrief),
    "handout": lambda card: [prompt.lines for prompt in card.handout.prompts],
    "sources": lambda card: len(card.sources),
}


def _check_pair(slug: str, cards: Mapping[str, WorkshopCard]) -> None:
    first, second = (cards[language] for language in LANGUAGES)
    for name, value in _PAIRED.items():
        if value(first) != value(second):
            raise CardError(
                f"{slug}.{second.language}.md",
                name,
                Text(
                    f"{value(second)!r} är något annat än {value(first)!r} i den svenska texten",
                    f"{value(second)!r} differs from {value(first)!r} in the Swedish card",
                ),
            )


def _named(file: str) -> tuple[str, str]:
    name = _FILE_NAME.fullmatch(file)
    if name is None or name["language"] not in LANGUAGES:
        rule = Text(
            "ska vara <slug>.sv.md eller <slug>.en.md", "must be <slug>.sv.md or <slug>.en.md"
        )
        raise CardError(file, "file name", rule)
    return name["slug"], name["language"]


def _load(file: str, text: str, numbered: bool) -> WorkshopCard:
    try:
        return _card(file, text, numbered)
    except CardError as error:
        error.line = error.line or line_of(text, error.field)
        raise


def _card(file: str, text: str, numbered: bool) -> WorkshopCard:
    slug, language = _named(file)
    front, body = split(file, text)
    fields = Fields(file, front if numbered else {**front, "version": 1})
    card = WorkshopCard(
        slug=slug,
        language=fields.one_of("language", LANGUAGES),
        version=fields.number("version", 1, 10_000),
        title=fields.line("title", 60),
        summary=fields.line("summary"),
        dimensions=fields.several_of("dimensions", DIMENSIONS),
        when=fields.text("when"),
        when_not=fields.text("when_not"),
        goal=fields.text("goal"),
        duration=fields.number("duration", 5, 480),
        preparation=fields.texts("preparation"),
        people=fields.people("people"),
        place=fields.several_of("place", PLACES),
        difficulty=fields.number("difficulty", 1, 3),
        exposure=fields.number("exposure", 1, 3),
        materials=fields.texts("materials"),
        agenda=tuple(_step(step) for step in fields.mappings("agenda")),
        debrief=fields.texts("debrief"),
        output=fields.text("output"),
        follow_up_days=fields.number("follow_up_days", 1, 365),
        handout=_handout(fields.mapping("handout")),
        sources=fields.texts("sources"),
        licence=fields.text("licence"),
        body=body,
    )
    fields.refuse_unknown()
    _check_card(file, language, card)
    _check_body(file, body, text[: len(text) - len(text[text.index("\n---\n") + 5 :].lstrip())])
    return card


def _step(fields: Fields) -> AgendaStep:
    step = AgendaStep(
        minutes=fields.number("minutes", 1, 240),
        title=fields.line("title"),
        instruction=fields.text("instruction"),
        note=fields.text("note", default=""),
        remote=fields.text("remote", default=""),
    )
    fields.refuse_unknown()
    return step


def _handout(fields: Fields) -> Handout:
    handout = Handout(
        title=fields.line("title"),
        instruction=fields.text("instruction"),
        prompts=tuple(_prompt(prompt) for prompt in fields.mappings("prompts")),
    )
    fields.refuse_unknown()
    # More than this does not fit on the one page that the guide gives it.
    if len(handout.prompts) > 6 or sum(prompt.lines for prompt in handout.prompts) > 18:
        rule = Text(
            "får vara högst 6, med högst 18 rader tillsammans",
            "must be at most 6, with at most 18 lines together",
        )
        raise fields.fail("prompts", rule)
    return handout


def _prompt(fields: Fields) -> HandoutPrompt:
    prompt = HandoutPrompt(text=fields.text("text"), lines=fields.number("lines", 0, 12))
    fields.refuse_unknown()
    return prompt


def _check_card(file: str, language: str, card: WorkshopCard) -> None:
    if card.language != language:
        rule = Text(
            f"{card.language!r} är inte filnamnets {language!r}",
            f"{card.language!r} is not the file name's {language!r}",
        )
        raise CardError(file, "language", rule)
    total = sum(step.minutes for step in card.agenda)
    if total != card.duration:
        rule = Text(
            f"stegen tar {total} minuter, men duration säger {card.duration}",
            f"the steps take {total} minutes, the duration says {card.duration}",
        )
        raise CardError(file, "agenda", rule)
    if set(card.place) - {"onsite"} and not any(step.remote for step in card.agenda):
        rule = Text(
            "en workshop på distans behöver remote i minst ett steg",
            "a remote or hybrid workshop needs a remote variant",
        )
        raise CardError(file, "agenda", rule)


def _check_body(file: str, body: str, before: str) -> None:
    """``before`` is what stands before the body in the file."""

    def fault(rule: Text, at: int = 0) -> CardError:
        return CardError(file, "body", rule, before.count("\n") + body.count("\n", 0, at) + 1)

    for pattern, rule in _REFUSED_IN_BODY:
        if refused := pattern.search(body):
            raise fault(rule, refused.end())
    if not body.strip():
        raise fault(EMPTY)
    level = 1
    for heading in re.finditer(r"^(#+)", body, re.MULTILINE):
        # A skipped level would be a hole in the outline that screen readers use.
        if not 2 <= len(heading[1]) <= min(3, level + 1):
            rule = Text(
                "rubriker är ## och, under en sådan, ###", "headings are ## and, below one, ###"
            )
            raise fault(rule, heading.end())
        level = len(heading[1])


_REFUSED_IN_BODY = (
    (
        re.compile(r"<[a-zA-Z/!?]|&#?\w+;"),
        Text("HTML får inte vara med", "raw HTML is not allowed"),
    ),
    (
        re.compile(r"\]\s*[(\[:]"),
        Text(
            "länkar och bilder får inte vara med; källor har ett eget fält",
            "links and images are not allowed; sources have their own field",
        ),
    ),
    (
        re.compile(r"`|^(?: {4,}|\t)[^-*\d\s]", re.MULTILINE),
        Text("kod får inte vara med", "code is not allowed"),
    ),
    (
        re.compile(r"^ {0,3}(?:>|\||={3,}|-{3,}|\*{3,})", re.MULTILINE),
        Text(
            "citat, tabeller och linjer får inte vara med",
            "quotes, tables and rules are not allowed",
        ),
    ),
    (
        re.compile(r"^\s*(?:[-*+]|\d+\.)[ \t]+(?:[-*+]|\d+\.)[ \t]", re.MULTILINE),
        Text(
            "två listtecken på samma rad får inte vara med",
            "two list marks on one line are not allowed",
        ),
    ),
)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CardError(path.name, "file", Text("ska vara UTF-8", "must be UTF-8")) from None
