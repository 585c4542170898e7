"""Forms of the privacy centre."""

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField
from wtforms import (
    BooleanField,
    EmailField,
    HiddenField,
    StringField,
    TextAreaField,
    ValidationError,
)

from trustivide.core.crypto import EncryptedAddress
from trustivide.core.inventory import Field
from trustivide.web.forms import Address, Form, at_most, required
from trustivide.web.locale import text

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
