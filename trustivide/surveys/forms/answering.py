"""What somebody typed while answering, and the forms of opening answers by receipt code."""

import re
from typing import Any

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField

from trustivide.surveys.actions import Edit
from trustivide.surveys.catalogue import (
    BOTH,
    CANT_SAY,
    MISSING,
    MULTIPLE,
    TEXT,
    TOO_LONG,
    Instrument,
)
from trustivide.web.forms import Form, at_most, required

_EDIT = re.compile(r"([0-9a-z]{1,16})-([0-9]{1,9})")


class ReceiptForm(Form):
    """A receipt code as somebody types it."""

    code = StringField(_l("Kvittokod"), [required(_l("Skriv din kvittokod.")), at_most(60)])


class ConfirmForm(Form):
    """Nothing but the CSRF token: a button that was pressed."""


def typed_in(instrument: Instrument, keys: set[str]) -> dict[str, str]:
    """What the form says of these items; several options come with commas between.

    What it says of items that aren't there is ignored.
    """
    typed = {}
    for key in keys & set(instrument.by_key) & set(request.form):
        several = instrument.by_key[key].kind == MULTIPLE
        chosen = [value for value in request.form.getlist(key) if value]
        typed[key] = ",".join(chosen) if several else request.form[key]
    return typed


def as_typed(answers: dict[str, Any]) -> dict[str, str]:
    """Stored answers as a form would have submitted them."""
    return {
        key: CANT_SAY
        if value is None
        else ",".join(value)
        if isinstance(value, list)
        else str(value)
        for key, value in answers.items()
    }


def edit() -> Edit | None:
    """Where the script says that this save stands; ``None`` without a script."""
    match = _EDIT.fullmatch(request.form.get("edit", ""))
    return Edit(match[1], int(match[2])) if match else None


def errors_in(instrument: Instrument, typed: dict[str, str], keys: set[str]) -> dict[str, str]:
    """What to do about these items, in words, by their key."""
    _clean, errors = instrument.validate(typed)
    return {
        key: explain(error, instrument.by_key[key].kind)
        for key, error in errors.items()
        if key in keys
    }


def explain(error: str, kind: str) -> str:
    """What to do about one of the catalogue's errors, at an item of this kind."""
    if kind == TEXT and error == MISSING:
        return _("Skriv ett svar.")
    words = {
        MISSING: _("Välj ett svar. ”Kan inte svara” är också ett svar."),
        BOTH: _("Välj antingen svar eller ”Kan inte svara”, inte både och."),
        TOO_LONG: _("Högst 5 000 tecken får plats. Korta texten."),
    }
    return words.get(error, _("Välj ett av svaren."))
