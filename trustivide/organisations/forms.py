"""Registering an organisation, inviting into it, and the roles in it."""

import re
from typing import Any, ClassVar

from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    EmailField,
    Field,
    HiddenField,
    PasswordField,
    RadioField,
    StringField,
    ValidationError,
)
from wtforms.fields import SelectChoice

from trustivide.auth.forms import NewPassword
from trustivide.core.roles import CUSTOMER_ROLES, givable
from trustivide.organisations.invitations import Invited
from trustivide.organisations.numbers import clean
from trustivide.web.forms import Address, Form, at_most, required
from trustivide.web.locale import language


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


class RoleForm(Form):
    """One of the roles that somebody with the role ``own`` may give."""

    role = RadioField(_l("Roll"), [required(_l("Välj en roll."))], validate_choice=False)

    def __init__(self, own: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.givable = givable(own)
        self.role.choices = [
            SelectChoice(role, CUSTOMER_ROLES[role].in_(language())) for role in self.givable
        ]

    def validate_role(self, field: RadioField) -> None:
        """Nobody gives a role above their own."""
        if field.data not in self.givable:
            raise ValidationError(_l("Du kan inte ge den rollen."))


class InvitationForm(RoleForm):
    """Whom to invite, and as what: the least unless another role is chosen."""

    email = EmailField(_l("Kollegans e-postadress"), [Address()])
    role = RadioField(
        _l("Roll"), [required(_l("Välj en roll."))], default="member", validate_choice=False
    )


class AcceptForm(Form):
    """A name, and a password or a passkey, for a new account; the rest is the invitation's."""

    organisation = StringField()
    email = EmailField(_l("E-postadress"), [Address()])
    name = StringField(
        _l("Ditt namn"), [required(_l("Skriv ditt namn.")), at_most(120)], filters=[one_line]
    )
    password = PasswordField(_l("Lösenord"), [NewPassword()])
    credential = HiddenField()

    def __init__(self, invited: Invited) -> None:
        super().__init__()
        if self.by_passkey:
            self.password.validators = ()
        # Whatever was posted: the password must not be made of either.
        self.organisation.data, self.email.data = invited.organisation.name, invited.row.email

    @property
    def by_passkey(self) -> bool:
        """Whether a passkey was chosen: the browser sends its field then, and else it doesn't."""
        return bool(self.credential.raw_data)
