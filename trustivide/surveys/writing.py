"""Instruments as text: the other half of :func:`catalogue.read`."""

from typing import Any

import tomli_w

from trustivide.core.text import Text
from trustivide.surveys.catalogue import (
    BY_SECTION,
    TEXT,
    Dimension,
    Instrument,
    Item,
    Option,
    Section,
)


def file_name(instrument: Instrument) -> str:
    """The name that :func:`catalogue.read` expects for this instrument's file."""
    return f"{instrument.key}-{instrument.version}.toml"


def dump(instrument: Instrument) -> str:
    """The instrument as a TOML file (https://toml.io/en/v1.0.0), without what goes unsaid.

    :func:`catalogue.read` makes an equal instrument of it, its fingerprint apart: that
    is always of the text that was read. Nothing is checked here, so that a draft that
    breaks a rule can be written down too; reading it names the rule.
    """
    return tomli_w.dumps(
        {
            "key": instrument.key,
            "version": instrument.version,
            **({} if instrument.layout == BY_SECTION else {"layout": instrument.layout}),
            "title": _words(instrument.title),
            "intro": _words(instrument.intro),
            "dimensions": [_dimension(dimension) for dimension in instrument.dimensions],
            "sections": [_section(section) for section in instrument.sections],
        }
    )


def _words(text: Text) -> dict[str, str]:
    return {"sv": text.sv, "en": text.en}


def _dimension(dimension: Dimension) -> dict[str, Any]:
    return {
        "key": dimension.key,
        "name": _words(dimension.name),
        "description": _words(dimension.description),
    }


def _section(section: Section) -> dict[str, Any]:
    return {
        "key": section.key,
        "title": _words(section.title),
        **({"text": _words(section.text)} if section.text else {}),
        "items": [_item(item) for item in section.items],
    }


def _item(item: Item) -> dict[str, Any]:
    low, high = item.ends or (None, None)
    usual = item.kind != TEXT
    return {
        "key": item.key,
        "kind": item.kind,
        **({"dimension": item.dimension} if item.dimension else {}),
        **({"reversed": True} if item.reversed else {}),
        **({} if item.required is usual else {"required": item.required}),
        "text": _words(item.text),
        **({"help": _words(item.help)} if item.help else {}),
        **({"low": _words(low), "high": _words(high)} if low and high else {}),
        **({"options": [_option(option) for option in item.options]} if item.options else {}),
    }


def _option(option: Option) -> dict[str, Any]:
    return {"key": option.key, "label": _words(option.label)}
