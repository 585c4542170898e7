"""What a questionnaire still lacks before anybody can be asked with it."""

from collections.abc import Iterator
from dataclasses import dataclass

from trustivide.core.text import Text
from trustivide.surveys import catalogue
from trustivide.surveys.catalogue import MULTIPLE, SINGLE, Instrument, InstrumentError, Item
from trustivide.surveys.editing import Part, find, heading_of
from trustivide.surveys.writing import dump, file_name


@dataclass(frozen=True)
class Gap:
    """Something that must be there before anybody can be asked.

    ``part`` is where it is missing (nothing for the questionnaire as a whole). ``field``
    is a field of it that lacks words in ``language``, or without a language what else
    is wrong: "no_items", "few_options", "no_statements", "kinds_differ", "rule".
    """

    part: Part | None
    field: str
    language: str | None = None


def gaps(instrument: Instrument) -> list[Gap]:
    """Everything that is missing, from the top downwards; empty when it can be sent."""
    found = list(_gaps(instrument))
    if found:
        return found
    try:
        catalogue.read(file_name(instrument), dump(instrument).encode())
    except InstrumentError as error:
        return [Gap(find(instrument, error.item), "rule")]
    return []


def _gaps(instrument: Instrument) -> Iterator[Gap]:
    heading = heading_of(instrument)
    yield from _lacking(heading, title=heading.title, intro=heading.intro)
    for dimension in instrument.dimensions:
        yield from _lacking(dimension, name=dimension.name, description=dimension.description)
        if not instrument.dimension_items(dimension.key):
            yield Gap(dimension, "no_statements")
    if not instrument.sections:
        yield Gap(None, "no_items")
    for section in instrument.sections:
        yield from _lacking(section, title=section.title, text=section.text)
        if not section.items:
            yield Gap(section, "no_items")
        for item in section.items:
            yield from _item_gaps(item)
    if len({item.kind for item in instrument.items if item.dimension}) > 1:
        yield Gap(None, "kinds_differ")


def _item_gaps(item: Item) -> Iterator[Gap]:
    low, high = item.ends or (None, None)
    yield from _lacking(item, text=item.text, help=item.help, low=low, high=high)
    if item.kind in (SINGLE, MULTIPLE) and len(item.options) < 2:
        yield Gap(item, "few_options")
    for option in item.options:
        yield from _lacking(item, option=option.label)


def _lacking(part: Part, **texts: Text | None) -> Iterator[Gap]:
    for field, text in texts.items():
        for language in ("sv", "en"):
            if text is not None and not getattr(text, language).strip():
                yield Gap(part, field, language)
