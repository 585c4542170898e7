"""Forms of the privacy centre."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    EmailField,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.fields import SelectChoice
from wtforms.validators import Length

from trustivide.core.crypto import EncryptedAddress
from trustivide.core.inventory import Field
from trustivide.privacy import corrections
from trustivide.privacy.models import KINDS
from trustivide.web.forms import Address, Form, at_most, required
from trustivide.web.locale import text


class FindForm(Form):
    """The address that somebody asks about."""

    email = EmailField(_l("E-postadress"), [required(_l("Skriv din e-postadress.")), Address()])


class ErasureForm(Form):
    """A last check that the consequences were read."""

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

    receipt = TextAreaField(
        _l("Kvittot, som JSON"), [required(_l("Klistra in kvittot.")), Length(max=200_000)]
    )


_WRITTEN = ("access", "correct", "erase", "restrict", "other")
"""What one may write about; objections and consents have switches of their own."""
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

    class Readable:
        """What the column can hold, for columns that the desk can change."""

        def __call__(self, form: Any, typed: Any) -> None:
            try:
                if corrections.can_be_made(field):
                    corrections.read(field, typed.data)
            except ValueError:
                hint = field.declared.reader.hint if field.declared.reader else None
                raise ValidationError(
                    text(hint) if hint else _l("Skriv datumet som 2026-11-25.")
                ) from None

    class CorrectionRequestForm(Form):
        wanted = StringField(
            _l("Vad ska det stå?"),
            [required(_l("Skriv vad det ska stå.")), at_most(254), Readable()],
        )
        why = TextAreaField(
            _l("Varför är det fel?"),
            [required(_l("Skriv varför uppgiften är fel.")), _ENOUGH, at_most(5000)],
        )

    return CorrectionRequestForm()


def correction_form(field: Field, value: Any) -> Form:
    """A form with the one field ``value`` that suits the column."""
    label = text(field.declared.label) if field.declared.label else field.name
    validators: list[Any] = [at_most(254)]
    if not field.column.nullable:
        validators.append(required(_l("Fältet får inte vara tomt.")))
    kind = StringField
    if isinstance(field.column.type, EncryptedAddress):
        kind, validators = EmailField, [required(_l("Skriv en e-postadress.")), Address()]

    class CorrectionForm(Form):
        value = kind(label, validators)

    return CorrectionForm(data={"value": value})
