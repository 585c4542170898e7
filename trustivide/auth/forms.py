"""Forms of signing in and of passwords."""

from typing import Any, ClassVar

from flask_babel import lazy_gettext as _l
from wtforms import (
    EmailField,
    Field,
    HiddenField,
    PasswordField,
    StringField,
    ValidationError,
)
from wtforms.validators import Regexp

from trustivide.auth.passwords import MAXIMUM, MINIMUM, is_guessable
from trustivide.web.forms import Address, Form, at_most, required

_ABOUT = ("name", "email", "organisation")


class NewPassword:
    """12–128 characters, and not one that is guessed first."""

    field_flags: ClassVar[dict[str, bool]] = {"required": True}

    def __call__(self, form: Any, field: Field) -> None:
        """Raise :class:`ValidationError` with words that say what to do."""
        password = field.data or ""
        if not MINIMUM <= len(password) <= MAXIMUM:
            raise ValidationError(_l("Lösenordet behöver vara mellan 12 och 128 tecken."))
        about = [getattr(form, name).data or "" for name in _ABOUT if name in form]
        about += getattr(form, "about", ())
        about += [part for text in about for part in text.replace("@", " ").split()]
        if is_guessable(password, *about):
            raise ValidationError(
                _l("Det lösenordet är lätt att gissa. Välj några ord som inte hör ihop.")
            )


class LoginForm(Form):
    """Address and password."""

    email = EmailField(_l("E-postadress"), [required(_l("Skriv din e-postadress.")), at_most(254)])
    password = PasswordField(
        _l("Lösenord"), [required(_l("Skriv ditt lösenord.")), at_most(MAXIMUM)]
    )


class AddressForm(Form):
    """One address."""

    email = EmailField(_l("E-postadress"), [required(_l("Skriv din e-postadress.")), Address()])


class ResetForm(Form):
    """A new password, of an account that ``about`` tells the words of."""

    about: tuple[str, ...] = ()
    password = PasswordField(_l("Nytt lösenord"), [NewPassword()])


class PasswordForm(Form):
    """The current password, given again before something weighty."""

    password = PasswordField(
        _l("Ditt lösenord"), [required(_l("Skriv ditt lösenord.")), at_most(MAXIMUM)]
    )


class ChangePasswordForm(ResetForm):
    """A new password, and the current one; ``current`` goes where there is none."""

    current = PasswordField(
        _l("Nuvarande lösenord"),
        [required(_l("Skriv ditt nuvarande lösenord.")), at_most(MAXIMUM)],
    )


class CodeForm(Form):
    """A six-digit code from an authenticator app."""

    code = StringField(
        _l("Kod från appen"),
        [
            required(_l("Skriv koden från appen.")),
            # ASCII digits only: \d would let others through.
            Regexp(r"[0-9]{6}\Z", message=_l("Koden är sex siffror.")),
        ],
        filters=[lambda value: (value or "").replace(" ", "")],
    )


class RecoveryCodeForm(Form):
    """One of the codes that were written down for the day without phone or passkey."""

    code = StringField(
        _l("Återställningskod"), [required(_l("Skriv en av dina koder.")), at_most(60)]
    )


class PasskeyForm(Form):
    """What a browser answered about a passkey."""

    credential = HiddenField(validators=[required(_l("Ingen passkey kom fram. Försök igen."))])


class NewPasskeyForm(PasskeyForm):
    """A passkey that a browser made, and what to call it."""

    name = StringField(_l("Namn på din passkey"), [at_most(60)])


class PasskeyNameForm(Form):
    """What to call a passkey."""

    name = StringField(_l("Namn på din passkey"), [required(_l("Skriv ett namn.")), at_most(60)])
