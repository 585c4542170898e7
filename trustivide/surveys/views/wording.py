"""What the pages of questionnaires call things: what is missing, and what is wrong with a file."""

import re
from collections.abc import Callable

from flask_babel import gettext as _

from trustivide.surveys.catalogue import (
    Dimension,
    Instrument,
    InstrumentError,
    Item,
    Section,
)
from trustivide.surveys.editing import Heading, Part
from trustivide.surveys.gaps import Gap
from trustivide.web.locale import language


def place_of(part: Part | None, instrument: Instrument) -> str:
    """Which part that is, as the outline numbers them; nothing for the whole."""
    match part:
        case Item():
            return _("Fråga %(number)d", number=instrument.items.index(part) + 1)
        case Section():
            return _("Del %(number)d", number=instrument.sections.index(part) + 1)
        case Dimension():
            return _("Dimensionen %(name)s", name=part.name.in_(language()))
        case Heading():
            return _("Titel och inledning")
        case _:
            return ""


def gap_words(gap: Gap) -> str:
    """What is missing, in a sentence."""
    if gap.language is None:
        return {
            "no_items": _("Det finns ingen fråga här än."),
            "few_options": _("Minst två alternativ behövs."),
            "no_statements": _("Inget påstående hör till den."),
            "kinds_differ": _("Påståenden i dimensioner måste ha lika många steg."),
        }.get(gap.field, _("En regel för frågeformulär följs inte."))
    what = {
        "title": _("Rubriken") if isinstance(gap.part, Section) else _("Titeln"),
        "intro": _("Inledningen"),
        "name": _("Namnet"),
        "description": _("Beskrivningen"),
        "text": _("Texten"),
        "help": _("Hjälptexten"),
        "low": _("Ordet vid 0"),
        "high": _("Ordet vid 10"),
        "option": _("Ett alternativ"),
    }[gap.field]
    if gap.language == "sv":
        return _("%(what)s saknas på svenska.", what=what)
    return _("%(what)s saknas på engelska.", what=what)


# The catalogue's rules are written for whoever writes files by hand, and in English.
_RULES: list[tuple[str, Callable[..., str]]] = [
    (r"missing translation (\S+)", lambda f: _("Texten %(field)s saknas.", field=f)),
    (r"missing field '(.+)'", lambda f: _("Fältet %(field)s saknas.", field=f)),
    (r"unknown field '?(.+?)'?", lambda f: _("Fältet %(field)s finns inte i formatet.", field=f)),
    (
        r"unknown kind (.+); known are (.+)",
        lambda kind, known: _(
            "Frågetypen %(kind)s finns inte. Välj bland %(known)s.", kind=kind, known=known
        ),
    ),
    (r"unknown dimension (.+)", lambda d: _("Dimensionen %(key)s finns inte i filen.", key=d)),
    (
        r"(\w+) is not given in sv and en",
        lambda f: _("Fältet %(field)s ska ha texter för sv och en.", field=f),
    ),
    (
        r"(\w+) is not a list of tables",
        lambda f: _("Fältet %(field)s ska vara en lista av tabeller.", field=f),
    ),
    (
        r"(\w+) is not true or false",
        lambda f: _("Fältet %(field)s ska vara true eller false.", field=f),
    ),
    (
        r"key is not .+",
        lambda: _("Nyckeln får bara ha små bokstäver a–z, siffror och understreck."),
    ),
    (r"has not between 2 and 20 options", lambda: _("Frågan ska ha mellan 2 och 20 alternativ.")),
    (
        r"an item of kind (\w+) has no options",
        lambda kind: _("Frågetypen %(kind)s har inga alternativ.", kind=kind),
    ),
    (
        r"low and high are .+",
        lambda: _("low och high hör ihop och bara till en skala från 0 till 10."),
    ),
    (
        r"only a statement to agree with .+",
        lambda: _("Bara ett påstående kan höra till en dimension."),
    ),
    (
        r"only an item of a dimension .+",
        lambda: _("Bara en fråga som hör till en dimension kan vara vänd."),
    ),
    (
        r"have items of different kinds",
        lambda: _("Påståenden i dimensioner måste ha lika många steg."),
    ),
    (r"dimension has no items", lambda: _("Inget påstående hör till dimensionen.")),
    (r"has no items|has no sections, no items", lambda: _("Här finns ingen fråga.")),
    (r"duplicate (?:\w+)(?: of .+)?", lambda: _("Nyckeln används två gånger.")),
    (r"is the key of the figure .+", lambda: _("Nyckeln overall är upptagen. Välj en annan.")),
    (
        r"'x' means .+",
        lambda: _("Nyckeln x betyder ”kan inte svara”. Välj en annan."),
    ),
    (r"is none of (.+)", lambda known: _("Värdet ska vara något av %(known)s.", known=known)),
    (
        r"has more than (\d+) items",
        lambda most: _("Högst %(most)s frågor får plats.", most=most),
    ),
    (
        r"has more than (\d+) sections",
        lambda most: _("Högst %(most)s delar får plats.", most=most),
    ),
    (
        r"has more than (\d+) dimensions",
        lambda most: _("Högst %(most)s dimensioner får plats.", most=most),
    ),
    (
        r"a text has more than (\d+) characters",
        lambda most: _("En text är längre än %(most)s tecken.", most=most),
    ),
    (
        r"is not readable TOML .*\(at line (\d+), column (\d+)\)\)",
        lambda line, column: _(
            "Går inte att läsa som TOML: rad %(line)s, tecken %(column)s.",
            line=line,
            column=column,
        ),
    ),
    (r"is not readable TOML .*", lambda: _("Går inte att läsa som TOML.")),
]


def rule_words(error: InstrumentError) -> str:
    """The rule that a file breaks, in the reader's language; as it stands where it is unknown."""
    for pattern, said in _RULES:
        if found := re.fullmatch(pattern, error.rule, re.DOTALL):
            return said(*(str(group)[:80] for group in found.groups()))
    return error.rule


def place_words(error: InstrumentError) -> str:
    """Where in the file that is."""
    return _("Filen") if error.item == "file" else error.item[:80]
