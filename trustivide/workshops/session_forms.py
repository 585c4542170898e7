"""The forms of planning a workshop for a team, and of what became of it."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    DateField,
    Field,
    HiddenField,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, NumberRange, Optional

from trustivide.core import clock
from trustivide.core.clock import STOCKHOLM, day_of
from trustivide.teams.agreed_form import AgreedForm
from trustivide.teams.models import TeamMember
from trustivide.web.forms import (
    TOO_FAR,
    Form,
    NearDay,
    Readable,
    at_most,
    clean_address,
    required,
)
from trustivide.workshops.cards import WorkshopCard
from trustivide.workshops.forms import StartForm
from trustivide.workshops.models import SessionAction
from trustivide.workshops.session_queries import Listed
from trustivide.workshops.sessions import Facilitator, Plan, written

MOST_PEOPLE = 500
_ATTENDANCE = _l("Skriv ett tal mellan 1 och 500.")
NOBODY, MYSELF, OTHER = "", "me", "other"


class PlanForm(StartForm):
    """When, where and with whom. ``session`` makes pressing twice plan once.

    Everything about the team is given by :meth:`offer`, since who leads is chosen among it.
    """

    place = StringField(_l("Plats eller länk"), [at_most(300)])
    facilitator = SelectField(_l("Vem leder?"), default=NOBODY)
    facilitator_name = StringField(_l("Namn"), [at_most(200)])
    facilitator_email = StringField(_l("E-postadress"), [at_most(254)])
    message = TextAreaField(_l("Meddelande till teamet"), [at_most(2000)])
    locale = SelectField(
        _l("Mejlets språk"),
        [required(_l("Välj ett språk."))],
        choices=[SelectChoice("sv", "Svenska"), SelectChoice("en", "English")],
        default="sv",
    )
    session = HiddenField(default=lambda: str(uuid4()))

    def offer(self, myself: Facilitator, members: Sequence[TeamMember]) -> None:
        """Say among whom one chooses who leads."""
        self._people = {MYSELF: myself} | {
            str(m.id): Facilitator(m.name or m.email, m.email)
            for m in members
            if m.email != myself.email
        }
        self.facilitator.choices = [
            SelectChoice(NOBODY, _l("Det är inte bestämt än")),
            SelectChoice(MYSELF, _("Jag, %(name)s", name=myself.name)),
            *(SelectChoice(k, p.name) for k, p in self._people.items() if k != MYSELF),
            SelectChoice(OTHER, _l("Någon annan, som jag skriver in här under")),
        ]

    def validate_time(self, field: Field) -> None:
        """A time that is still to come."""
        super().validate_time(field)
        if not self.day.errors and self.starts_at <= clock.now():
            raise ValidationError(_l("Den tiden har redan varit. Välj en senare."))

    def validate_facilitator_name(self, field: Field) -> None:
        """Whoever is typed in has a name."""
        if self.facilitator.data == OTHER and not field.data:
            raise ValidationError(_l("Skriv namnet på den som leder."))

    def validate_facilitator_email(self, field: Field) -> None:
        """Whoever is typed in has an address that the invitation can go to."""
        if self.facilitator.data == OTHER:
            try:
                field.data = clean_address(field.data or "")
            except ValueError:
                raise ValidationError(_l("Skriv en e-postadress som namn@exempel.se.")) from None

    @property
    def session_id(self) -> UUID:
        """The id that the form gave the workshop; a fresh one for anything unreadable."""
        try:
            return UUID(self.session.data)
        except ValueError:
            return uuid4()

    @property
    def led_by(self) -> Facilitator | None:
        """Who was chosen or typed in."""
        if self.facilitator.data == OTHER:
            return Facilitator(self.facilitator_name.data, self.facilitator_email.data)
        return self._people.get(self.facilitator.data)

    def plan(self, card: WorkshopCard) -> Plan:
        """What was decided, once the form is valid."""
        return Plan(
            workshop=card.slug,
            version=card.version,
            minutes=card.duration,
            starts_at=self.starts_at,
            place=self.place.data or None,
            message=self.message.data or None,
            facilitator=self.led_by,
            locale=self.locale.data,
        )

    def fill(self, what: Plan) -> None:
        """Show what was decided. Who isn't among those offered is shown as typed in."""
        local = what.starts_at.astimezone(STOCKHOLM)
        self.day.data, self.time.data = local.date(), local.time()
        self.place.data, self.message.data = what.place, what.message
        self.locale.data = what.locale
        if what.facilitator is None:
            return
        chosen = (k for k, p in self._people.items() if p.email == what.facilitator.email)
        self.facilitator.data = next(chosen, OTHER)
        if self.facilitator.data == OTHER:
            self.facilitator_name.data = what.facilitator.name
            self.facilitator_email.data = what.facilitator.email


class ChangeForm(PlanForm):
    """The same for what is planned, where another workshop can be chosen too."""

    workshop = SelectField(_l("Workshop"), [required(_l("Välj en workshop."))])

    def offer_workshops(self, planned: WorkshopCard, cards: Sequence[WorkshopCard]) -> None:
        """The catalogue's, and the one that is planned in the version that it was planned in."""
        self._cards = {card.slug: card for card in cards} | {planned.slug: planned}
        by_title = sorted(self._cards.values(), key=lambda card: card.title.casefold())
        self.workshop.choices = [
            SelectChoice(
                card.slug,
                _("%(title)s, %(minutes)d minuter", title=card.title, minutes=card.duration),
            )
            for card in by_title
        ]

    @property
    def chosen(self) -> WorkshopCard:
        """The chosen workshop; validation has made sure that it is among the choices."""
        return self._cards[self.workshop.data]

    def show(self, listed: Listed) -> None:
        """Fill in what is planned."""
        self.workshop.data = listed.meeting.workshop
        self.fill(written(listed.meeting))


class RunForm(Form):
    """That it was run: on which day, with how many, and when to look back."""

    run_on = DateField(
        _l("Dag"), [required(_l("Välj dagen när ni höll den."))], invalid_value_message=TOO_FAR
    )
    attendance = IntegerField(
        _l("Hur många var med?"),
        [
            InputRequired(_l("Skriv hur många som var med, till exempel 7.")),
            Readable(_ATTENDANCE),
            NumberRange(1, MOST_PEOPLE, _ATTENDANCE),
        ],
    )
    note = TextAreaField(_l("Anteckning"), [at_most(4000)])
    follow_up_on = DateField(_l("Följ upp"), [Optional(), NearDay()], invalid_value_message=TOO_FAR)

    def show(self, listed: Listed, now: datetime) -> None:
        """Fill in what was said, else the planned day and the day the workshop proposes."""
        meeting = listed.meeting
        if meeting.run_on:
            self.run_on.data, self.follow_up_on.data = meeting.run_on, meeting.follow_up_on
            self.attendance.data, self.note.data = meeting.attendance, meeting.note
            return
        self.run_on.data = min(day_of(meeting.starts_at), day_of(now))
        after = timedelta(days=listed.card.follow_up_days)
        self.follow_up_on.data = self.run_on.data + after

    def validate_run_on(self, field: Field) -> None:
        """A day that has come, and not so long ago that it must be a slip of the finger."""
        today = day_of(clock.now())
        if not today - timedelta(days=365) <= field.data <= today:
            raise ValidationError(_l("Välj i dag eller en dag det senaste året."))

    def validate_follow_up_on(self, field: Field) -> None:
        """After the workshop."""
        run_on: date | None = self.run_on.data
        if field.data and run_on and field.data <= run_on:
            raise ValidationError(_l("Välj en dag efter workshopen, eller lämna tomt."))


class OwnedForm(AgreedForm):
    """Something to do, by when, and who sees to it."""

    owner = SelectField(_l("Vem ser till det?"), default="")

    def offer(self, members: Sequence[TeamMember]) -> None:
        """Say among whom one chooses who sees to it."""
        self.owner.choices = [
            SelectChoice("", _l("Ingen särskild")),
            *(SelectChoice(str(m.id), m.name or m.email) for m in members),
        ]

    def show(self, action: SessionAction) -> None:
        """Fill in what stands there."""
        self.what.data, self.due_on.data = action.what, action.due_on
        self.owner.data = str(action.owner_id or "")

    @property
    def owner_id(self) -> UUID | None:
        """The chosen member; validation has made sure that they are among the choices."""
        return UUID(self.owner.data) if self.owner.data else None
