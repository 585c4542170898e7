"""Forms of the privacy centre."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField
from sqlalchemy import Boolean, Date, Integer
from wtforms import (
    BooleanField,
    DateField,
    EmailField,
    HiddenField,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms import Field as Control
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from trustivide.core.activities import Activity
from trustivide.core.crypto import EncryptedAddress
from trustivide.core.db import Reader
from trustivide.core.inventory import Field
from trustivide.privacy import corrections
from trustivide.privacy.models import KINDS
from trustivide.privacy.words import code
from trustivide.web.forms import Address, Form, Readable, at_most, required
from trustivide.web.locale import text

_EMPTY = _l("Fältet får inte vara tomt.")
_DAY = _l("Skriv en dag, till exempel 2026-11-25.")
_NUMBERS = 2**31 - 1  # what both databases store

_LARGEST_RECEIPT = 200_000


class FindForm(Form):
    """The address that somebody asks about."""

    email = EmailField(_l("E-postadress"), [required(_l("Skriv din e-postadress.")), Address()])


class ErasureForm(Form):
    """A last check that the consequences were read.

    ``code`` carries the sealed code of the receipt-to-be: see ``receipt.seal``.
    """

    code = HiddenField()
    understood = BooleanField(
        _l("Jag har läst vad som raderas och vad som blir kvar"),
        [required(_l("Läs igenom och kryssa i rutan först."))],
    )


class EndingForm(Form):
    """Ending an organisation's contract: its name in full, and what was decided about a copy."""

    without_copy = BooleanField(_l("Vi behöver ingen kopia"))
    name = StringField(_l("Organisationens namn"), [required(_l("Skriv organisationens namn."))])

    def __init__(self, organisation: str) -> None:
        super().__init__()
        self._organisation = organisation

    def validate_name(self, field: Any) -> None:
        """Raise :class:`ValidationError` unless it is the name, case and blanks aside."""
        if " ".join(field.data.split()).casefold() != self._organisation.casefold():
            raise ValidationError(_l("Det är inte organisationens namn. Skriv det som det står."))


class ReceiptForm(Form):
    """A receipt to be checked, as it was downloaded."""

    file = FileField(_l("Kvittot som fil"), description=_l("JSON-filen som du laddade ner."))
    receipt = TextAreaField(_l("Eller dess innehåll"), [at_most(_LARGEST_RECEIPT)])

    def validate_receipt(self, field: Any) -> None:
        """One of the two must be there; a file goes before what was pasted."""
        if self.file.data:
            read = self.file.data.read(_LARGEST_RECEIPT + 1)
            if len(read) > _LARGEST_RECEIPT:
                raise ValidationError(_l("Filen är för stor för att vara ett kvitto."))
            field.data = read.decode(errors="replace")
        elif not field.data:
            raise ValidationError(_l("Välj filen eller klistra in kvittot."))


_WRITTEN = ("access", "correct", "erase", "restrict", "object", "other")
"""What one may write about; consents have switches of their own."""
_ENOUGH = Length(min=10, message=_l("Skriv lite mer, så att vi förstår vad du menar."))


class RightForm(Form):
    """A request in the person's own words."""

    kind = SelectField(_l("Vad gäller det?"), [required(_l("Välj vad det gäller."))])
    text = TextAreaField(
        _l("Vad vill du att vi gör?"),
        [required(_l("Skriv vad du vill att vi gör.")), _ENOUGH, at_most(5000)],
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        named = [SelectChoice(kind, text(KINDS[kind])) for kind in _WRITTEN]
        self.kind.choices = [SelectChoice("", _("Välj")), *named]


def correction_request_form(field: Field) -> Form:
    """A form for what a value should say instead, checked as the column would be, and why."""

    class Storable:
        """What the column can hold, for columns that the desk can change."""

        def __call__(self, form: Any, typed: Any) -> None:
            try:
                if corrections.can_be_made(field):
                    corrections.read(field, typed.data)
            except ValueError:
                hint = field.declared.reader.hint if field.declared.reader else None
                raise ValidationError(text(hint) if hint else _DAY) from None

    class CorrectionRequestForm(Form):
        wanted = StringField(
            _l("Vad ska det stå?"),
            [required(_l("Skriv vad det ska stå.")), at_most(254), Storable()],
        )
        why = TextAreaField(
            _l("Varför är det fel?"),
            [required(_l("Skriv varför uppgiften är fel.")), _ENOUGH, at_most(5000)],
        )

    return CorrectionRequestForm()


def objection_form(activity: Activity, *, blank: bool = False) -> Form:
    """A form that asks why: what an assessment weighs (GDPR Art. 21(1)).

    A ``blank`` one reads nothing of the request: one of several on its page.
    """

    class ObjectionForm(Form):
        reason = TextAreaField(
            _l("Varför invänder du?"),
            [required(_l("Skriv några ord om varför, så att vi kan pröva det.")), at_most(4000)],
            id=f"reason-{activity.key}",
        )

    return ObjectionForm(formdata=None) if blank else ObjectionForm()


class Read:
    """What was typed passes the column's reader, and is kept as that returns it."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def __call__(self, form: Any, field: Control) -> None:
        """Raise :class:`ValidationError` with the reader's hint."""
        try:
            field.data = self.reader.read(field.data)
        except ValueError:
            raise ValidationError(text(self.reader.hint)) from None


def correction_form(field: Field, value: Any, *, demanded: bool = False) -> Form:
    """A form with the one field ``value``, of the kind that suits the column.

    Empty removes a value that may be missing, unless it is ``demanded``; see
    :func:`corrected` for what to store.
    """
    label = text(field.declared.label) if field.declared.label else field.name
    kind, validators, options = _control(field)
    if field.column.nullable and not demanded:
        validators = [Optional(), *validators]
    elif kind in (StringField, EmailField):
        validators = [required(_EMPTY), *validators]
    else:
        validators = [InputRequired(_EMPTY), *validators]

    class CorrectionForm(Form):
        value = kind(label, validators, **options)

    return CorrectionForm(data={"value": value})


def corrected(form: Form) -> Any:
    """What a valid :func:`correction_form` asks to be stored; ``None`` for nothing."""
    value = form["value"].data
    return None if value == "" else value


def _control(field: Field) -> tuple[type[Control], list[Any], dict[str, Any]]:
    """The kind of control, what it checks, and its options."""
    kind = field.column.type
    if field.declared.reader is not None:
        return StringField, [Read(field.declared.reader)], {}
    if isinstance(kind, EncryptedAddress):
        return EmailField, [Address()], {}
    if field.codes:
        return SelectField, [], _choices(field, {c: code(field.name, c) for c in field.codes})
    if isinstance(kind, Boolean):
        options = _choices(field, {"1": _("Ja"), "0": _("Nej")})
        return SelectField, [], {**options, "coerce": _yes_or_no}
    if isinstance(kind, Date):
        return DateField, [Readable(_DAY)], {}
    if isinstance(kind, Integer):
        message = _("Skriv ett heltal.")
        whole = NumberRange(-_NUMBERS, _NUMBERS, message)
        return IntegerField, [Readable(message), whole], {}
    return StringField, [at_most(254)], {}


def _choices(field: Field, labels: dict[str, str]) -> dict[str, Any]:
    none = {"": "–"} if field.column.nullable else {}
    choices = [SelectChoice(value, label) for value, label in (none | labels).items()]
    return {"choices": choices}


def _yes_or_no(value: Any) -> bool | None:
    return value if isinstance(value, bool) else {"1": True, "0": False}.get(value)
