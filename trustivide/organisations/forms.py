"""Registering an organisation and its owner's account."""

import re
from typing import Any, ClassVar

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, EmailField, Field, PasswordField, StringField, ValidationError

from trustivide.auth.forms import NewPassword
from trustivide.organisations.numbers import clean
from trustivide.web.forms import Address, Form, at_most, required


class OrganisationNumber:
    """A Swedish organisation number with a right check digit, brought into one form."""

    field_flags: ClassVar[dict[str, bool]] = {"required": True}

    def __call__(self, form: Any, field: Field) -> None:
        """Raise :class:`ValidationError` with words that say what to do."""
        try:
            field.data = clean(field.data or "")
        except ValueError:
            raise ValidationError(
                _l("Numret går inte ihop. Ett organisationsnummer ser ut som 556016-0680.")
            ) from None


def one_line(text: str | None) -> str | None:
    """Names stand on one line: no line breaks or other control characters (PostgreSQL's NUL)."""
    return None if text is None else re.sub(r"[\s\x00-\x1f\x7f]+", " ", text).strip()


class RegistrationForm(Form):
    """Organisation, person, agreement, and an unticked box for marketing."""

    organisation = StringField(
        _l("Organisationens namn"),
        [required(_l("Skriv organisationens namn.")), at_most(120)],
        filters=[one_line],
    )
    number = StringField(_l("Organisationsnummer"), [OrganisationNumber()])
    name = StringField(
        _l("Ditt namn"), [required(_l("Skriv ditt namn.")), at_most(120)], filters=[one_line]
    )
    email = EmailField(_l("E-postadress"), [Address()])
    password = PasswordField(_l("Lösenord"), [NewPassword()])
    agreement = BooleanField(
        _l("Jag godkänner personuppgiftsbiträdesavtalet för organisationens räkning"),
        [required(_l("Avtalet behöver godkännas för att vi ska få hantera era uppgifter."))],
    )
    marketing = BooleanField(_l("Ja, skicka mig nyheter per e-post"))
