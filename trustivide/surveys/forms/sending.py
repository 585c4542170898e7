"""The form of sending a survey: whom, what, when, and how often."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    DateField,
    Field,
    HiddenField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.fields import SelectChoice
from wtforms.validators import Optional
from wtforms.widgets import CheckboxInput, ListWidget

from trustivide.core import clock
from trustivide.core.clock import begin_of, day_of
from trustivide.surveys.launching import LONGEST
from trustivide.surveys.models import EVERY_MONTHS
from trustivide.surveys.rhythms import months_later, morning_of
from trustivide.surveys.round_queries import FIRST_CHOICE, Listed, Offer
from trustivide.surveys.rounds import Plan
from trustivide.teams.queries import TeamSummary
from trustivide.web.forms import Form, at_most, required
from trustivide.web.locale import language

USUAL = timedelta(days=14)
FARTHEST = timedelta(days=365)
"""How far ahead a round can be planned."""
MOST_REMINDERS = 5


def _today() -> date:
    return day_of(clock.now())


class Teams(SelectMultipleField):
    """Teams to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class OpeningDay:
    """Left empty, or a day from today on within a year."""

    def __call__(self, form: Any, field: Field) -> None:
        """Raise :class:`ValidationError` with words that say what to do."""
        if field.data is not None and not _today() <= field.data <= _today() + FARTHEST:
            raise ValidationError(_l("Välj en dag från i dag och ett år fram, eller lämna tomt."))


class ClosingDay:
    """A day after the opening, within the longest time that a survey may be open."""

    field_flags: ClassVar[dict[str, bool]] = {"required": True}

    def __call__(self, form: Any, field: Field) -> None:
        """Raise :class:`ValidationError` with words that say what to do."""
        first = form.opening_day
        if field.data is not None and first < field.data < first + LONGEST:
            return
        if form.opens_on.data is None:
            raise ValidationError(_l("Välj en dag mellan i morgon och tre månader fram."))
        raise ValidationError(_l("Välj en dag efter utskicket, högst tre månader senare."))


class RoundForm(Form):
    """Which teams, what to ask, and when. ``round`` makes sending twice send once."""

    teams = Teams(_l("Team"), [required(_l("Välj minst ett team."))])
    instrument = SelectField(
        _l("Frågeformulär"), [required(_l("Välj ett frågeformulär."))], default=FIRST_CHOICE
    )
    message = TextAreaField(
        _l("Meddelande till teamet"),
        [required(_l("Skriv några rader om varför ni frågar.")), at_most(2000)],
    )
    locale = SelectField(
        _l("Mejlets språk"),
        [required(_l("Välj ett språk."))],
        choices=[SelectChoice("sv", "Svenska"), SelectChoice("en", "English")],
        default="sv",
    )
    opens_on = DateField(_l("Skicka den"), [Optional(), OpeningDay()])
    closes_on = DateField(
        _l("Sista dag att svara"), [ClosingDay()], default=lambda: _today() + USUAL
    )
    reminders = StringField(_l("Påminn efter så här många dagar"), [at_most(40)], default="3, 5")
    repeat = SelectField(
        _l("Upprepa"),
        choices=[
            SelectChoice("", _l("Nej, bara den här gången")),
            SelectChoice("1", _l("En månad efter att den förra stängt")),
            SelectChoice("2", _l("Varannan månad")),
            SelectChoice("3", _l("Var tredje månad")),
            SelectChoice("6", _l("Var sjätte månad")),
            SelectChoice("12", _l("En gång om året")),
        ],
        default="",
    )
    round = HiddenField(default=lambda: str(uuid4()))

    def offer(self, teams: Sequence[TeamSummary], offers: Sequence[Offer]) -> None:
        """Say between which teams and questionnaires one chooses."""
        self._teams = {str(known.team.id): known for known in teams}
        self._offers = {offer.instrument.key: offer for offer in offers}
        self.teams.choices = [SelectChoice(key, s.team.name) for key, s in self._teams.items()]
        self.instrument.choices = [
            SelectChoice(key, offer.instrument.title.in_(language()))
            for key, offer in self._offers.items()
        ]

    def validate_teams(self, field: Field) -> None:
        """A team without people can't be asked."""
        chosen = [self._teams[key] for key in field.data if key in self._teams]
        empty = [known.team.name for known in chosen if not known.members]
        if empty:
            raise ValidationError(
                _(
                    "Det finns inga personer i %(teams)s. Lägg till dem först.",
                    teams=", ".join(empty),
                )
            )

    def validate_instrument(self, field: Field) -> None:
        """A questionnaire without questions asks nothing."""
        offer = self._offers.get(field.data)
        if offer is not None and not offer.instrument.items:
            raise ValidationError(_l("Det finns inga frågor i frågeformuläret."))

    def validate_reminders(self, field: Field) -> None:
        """Whole days after the opening, before the survey closes."""
        try:
            days = self.reminder_days
        except ValueError:
            raise ValidationError(
                _l("Skriv antal dagar med komma emellan, till exempel 3, 5.")
            ) from None
        if len(days) > MOST_REMINDERS:
            raise ValidationError(
                _("Högst %(number)d påminnelser kan skickas.", number=MOST_REMINDERS)
            )
        last = self.closes_on.data
        late = [day for day in days if last and self.opening_day + timedelta(days=day) > last]
        if late:
            words = _("Dag %(day)d kommer efter sista dagen att svara. Ta bort den.", day=late[0])
            raise ValidationError(words)

    def validate_repeat(self, field: Field) -> None:
        """One round closes before the next opens."""
        months, last = self.every_months, self.closes_on.data
        if months and last and last >= months_later(self.opening_day, months):
            raise ValidationError(
                _l("Enkäten är öppen när nästa ska skickas. Stäng tidigare, eller upprepa glesare.")
            )

    @property
    def reminder_days(self) -> list[int]:
        """The days after the opening on which all are reminded. Raises :class:`ValueError`."""
        typed = (self.reminders.data or "").split(",")
        days = {int(part) for part in typed if part.strip()}
        if any(not 0 < day < LONGEST.days for day in days):
            raise ValueError("no day of a survey")
        return sorted(days)

    @property
    def every_months(self) -> int | None:
        """How often it comes again; ``None`` is never."""
        chosen = self.repeat.data or ""
        return int(chosen) if chosen in map(str, EVERY_MONTHS) else None

    @property
    def opening_day(self) -> date:
        """The day on which it is sent, in Sweden."""
        day: date | None = self.opens_on.data
        return day or _today()

    @property
    def is_later(self) -> bool:
        """Whether it waits for its time."""
        return self.opens_on.data is not None and morning_of(self.opens_on.data) > clock.now()

    @property
    def reminder_dates(self) -> list[date]:
        """The days on which all are reminded."""
        return [self.opening_day + timedelta(days=day) for day in self.reminder_days]

    @property
    def chosen(self) -> Offer:
        """The chosen questionnaire."""
        return self._offers[self.instrument.data]

    @property
    def team_ids(self) -> list[UUID]:
        """The chosen teams; validation has made sure that they are among the choices."""
        return [UUID(key) for key in dict.fromkeys(self.teams.data)]

    @property
    def round_id(self) -> UUID:
        """The id that the preview gave the round; a fresh one for anything unreadable."""
        try:
            return UUID(self.round.data)
        except ValueError:
            return uuid4()

    @property
    def plan(self) -> Plan:
        """What was decided, once the form is valid."""
        return Plan(
            team_ids=self.team_ids,
            instrument=self.chosen.instrument,
            own_version_id=self.chosen.own_version_id,
            message=self.message.data,
            locale=self.locale.data,
            opens_at=morning_of(self.opening_day) if self.is_later else clock.now(),
            closes_at=begin_of(self.closes_on.data + timedelta(days=1)),
            reminder_days=self.reminder_days,
            every_months=self.every_months,
        )


def written(listed: Listed) -> dict[str, Any]:
    """A planned round as the form would have been filled in."""
    planned = listed.round
    assert planned is not None
    rhythm = listed.rhythm
    return {
        "teams": [str(one.team.id) for one in listed.asked if one.team],
        "instrument": planned.instrument,
        "message": planned.message,
        "locale": planned.locale,
        "opens_on": day_of(planned.opens_at),
        "closes_on": day_of(planned.closes_at) - timedelta(days=1),
        "reminders": ", ".join(map(str, planned.reminder_days)),
        "repeat": str(rhythm.every_months) if rhythm and not rhythm.ended_on else "",
        "round": str(planned.id),
    }
