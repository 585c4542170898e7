"""Questionnaires from files that people bring: nothing about such a file is taken for granted."""

import tomllib
from collections.abc import Iterator
from typing import Any

import tomli_w

from trustivide.core.text import Text
from trustivide.surveys import catalogue, editing
from trustivide.surveys.catalogue import Instrument, InstrumentError, tidy

FILE = "imported-1.toml"
LARGEST = 240_000
"""Characters, of which the largest built-in questionnaire has fewer than 10,000."""


def imported(content: str) -> Instrument:
    """The questionnaire in the text of a TOML file, which keeps every rule of the catalogue.

    The file's own key and version may be missing and are not used: it becomes version 1
    of a questionnaire with a key of ours. Raises :class:`InstrumentError`.
    """
    try:
        data = _tidied(tomllib.loads(content.removeprefix("\ufeff")))
        whole = tomli_w.dumps({**data, "key": "imported", "version": 1})
    except (ValueError, RecursionError) as error:
        # Also what tomllib lets through: numbers with too many digits, a thousand brackets.
        raise InstrumentError(FILE, "file", f"is not readable TOML in UTF-8 ({error})") from error
    instrument = catalogue.read(FILE, whole.encode())
    for place, kind, text in _texts(instrument):
        if text and max(len(text.sv), len(text.en)) > editing.LONGEST[kind]:
            raise InstrumentError(
                FILE, place, f"a text has more than {editing.LONGEST[kind]} characters"
            )
    if len(instrument.sections) > editing.MAX_SECTIONS:
        raise InstrumentError(FILE, "file", f"has more than {editing.MAX_SECTIONS} sections")
    if len(instrument.dimensions) > editing.MAX_DIMENSIONS:
        raise InstrumentError(FILE, "file", f"has more than {editing.MAX_DIMENSIONS} dimensions")
    return instrument


def _tidied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tidied(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_tidied(inner) for inner in value]
    return tidy(value) if isinstance(value, str) else value


def _texts(instrument: Instrument) -> Iterator[tuple[str, str, Text | None]]:
    """Every text with its place and what it is, as ``editing.LONGEST`` calls it."""
    yield "file", "title", instrument.title
    yield "file", "intro", instrument.intro
    for dimension in instrument.dimensions:
        yield dimension.key, "name", dimension.name
        yield dimension.key, "description", dimension.description
    for section in instrument.sections:
        yield section.key, "section", section.title
        yield section.key, "section_text", section.text
    for item in instrument.items:
        yield item.key, "item", item.text
        yield item.key, "help", item.help
        for end in item.ends or ():
            yield item.key, "end", end
        for option in item.options:
            yield item.key, "option", option.label
