"""The base of every form, and the validators that several features share."""

from datetime import date, timedelta
from typing import Any, ClassVar

from email_validator import EmailNotValidError, validate_email
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.i18n import Translations
from wtforms import Field, ValidationError
from wtforms.validators import DataRequired, Length, StopValidation

from trustivide.core import clock
from trustivide.core.clock import day_of
from trustivide.core.crypto import normalise_address

FARTHEST = timedelta(days=5 * 365)
TOO_FAR = _l("Välj en dag inom fem år.")
_GONE = _l("Det valet finns inte längre. Välj igen.")


def strip(value: str | None) -> str | None:
    """Blanks around typed text mean nothing."""
    return value.strip() if value else value


class _Words(Translations):
    """The library's words; ours where a choice is gone, as when a colleague left meanwhile."""

    def gettext(self, string: str) -> str:
        """Of one choice."""
        gone = string.startswith("Not a valid choice")
        return str(_GONE if gone else super().gettext(string))

    def ngettext(self, singular: str, plural: str, n: int) -> str:
        """Of one choice among several."""
        gone = "not a valid choice" in singular or "not valid choices" in singular
        return str(_GONE if gone else super().ngettext(singular, plural, n))


_WORDS = _Words()


class Form(FlaskForm):
    """A form whose text fields are stripped. The CSRF token stands in ``ui.form``."""

    class Meta(FlaskForm.Meta):
        def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Field:
            """Strip what is typed, but never a password."""
            if unbound_field.field_class.__name__ in {"StringField", "EmailField", "TextAreaField"}:
                unbound_field.kwargs.setdefault("filters", [strip])
            return super().bind_field(form, unbound_field, options)

        def get_translations(self, form: Any) -> Any:
            """The words of what the library itself finds wrong."""
            return _WORDS


def required(message: str) -> DataRequired:
    """A value must be there; ``message`` says what to fill in."""
    return DataRequired(message=message)


def at_most(characters: int) -> Length:
    """No more than ``characters``."""
    return Length(max=characters, message=_l("Högst %(max)d tecken får plats."))


class Readable:
    """What was typed could be read at all; ``message`` says how to write it."""

    def __init__(self, message: str) -> None:
        self.message = message

    def __call__(self, form: Any, field: Field) -> None:
        """Raise :class:`StopValidation` in our words instead of the library's."""
        if field.process_errors:
            field.errors = []
            raise StopValidation(self.message)


class NearDay:
    """A day not farther than five years from today, so that a slip of the finger is seen."""

    def __call__(self, form: Any, field: Field) -> None:
        """Raise :class:`ValidationError` with words that say what to do."""
        day: date | None = field.data
        if day is not None and abs(day - day_of(clock.now())) > FARTHEST:
            raise ValidationError(TOO_FAR)


class Address:
    """An e-mail address that mail could reach, normalised in place (RFC 5321, RFC 6531)."""

    field_flags: ClassVar[dict[str, bool]] = {"required": True}

    def __call__(self, form: Any, field: Field) -> None:
        """Raise :class:`ValidationError` with words that say what to do."""
        try:
            field.data = clean_address(field.data or "")
        except ValueError:
            raise ValidationError(_l("Skriv en e-postadress som namn@exempel.se.")) from None


def clean_address(text: str) -> str:
    """The normalised address. Raises :class:`ValueError` when it can't be one."""
    try:
        # test_environment lets the reserved .test domain through, which no mail
        # server on the internet answers for.
        return normalise_address(
            validate_email(
                text.strip(), check_deliverability=False, test_environment=True
            ).normalized
        )
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None
