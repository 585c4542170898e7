"""The form of sending a survey."""

from datetime import date, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4

from flask_babel import lazy_gettext as _l
from wtforms import (
    DateField,
    Field,
    HiddenField,
    SelectField,
    TextAreaField,
    ValidationError,
)
from wtforms.fields import SelectChoice

from trustivide.core.clock import STOCKHOLM, begin_of
from trustivide.surveys.launching import LONGEST
from trustivide.web.forms import Form, at_most, required

USUAL = timedelta(days=14)


class ClosingDate:
    """A day after today, within the longest time that a survey may be open."""

    field_flags: ClassVar[dict[str, bool]] = {"required": True}

    def __call__(self, form: Any, field: Field) -> None:
        """Raise :class:`ValidationError` with words that say what to do."""
        today = datetime.now(STOCKHOLM).date()
        if field.data is None or not today < field.data < today + LONGEST:
            raise ValidationError(_l("Välj en dag mellan i morgon och tre månader fram."))


class LaunchForm(Form):
    """Which team, what to say, and until when. ``survey`` makes sending twice send once."""

    team = SelectField(_l("Team"), [required(_l("Välj ett team."))])
    message = TextAreaField(
        _l("Meddelande till teamet"),
        [required(_l("Skriv några rader om varför ni frågar.")), at_most(2000)],
    )
    closes_on = DateField(
        _l("Sista dag att svara"),
        [ClosingDate()],
        default=lambda: datetime.now(STOCKHOLM).date() + USUAL,
    )
    locale = SelectField(
        _l("Mejlets språk"),
        [required(_l("Välj ett språk."))],
        choices=[SelectChoice("sv", "Svenska"), SelectChoice("en", "English")],
        default="sv",
    )
    survey = HiddenField(default=lambda: str(uuid4()))

    @property
    def closes_at(self) -> datetime:
        """The end of the chosen day in Sweden."""
        day: date = self.closes_on.data
        return begin_of(day + timedelta(days=1))

    @property
    def team_id(self) -> UUID:
        """The chosen team; validation has made sure that it is one of the choices."""
        return UUID(self.team.data)

    @property
    def survey_id(self) -> UUID:
        """The id that the preview gave the survey; a fresh one for anything unreadable."""
        try:
            return UUID(self.survey.data)
        except ValueError:
            return uuid4()
