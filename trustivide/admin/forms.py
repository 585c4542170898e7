"""Forms of the office. Searches are posted: what is searched for stands in no address or log."""

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, FileRequired
from wtforms import (
    DateField,
    EmailField,
    Field,
    HiddenField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.fields import SelectChoice
from wtforms.validators import Length, StopValidation

from trustivide.admin import looks
from trustivide.audit import queries as trail
from trustivide.audit.events import EVENTS
from trustivide.core import clock
from trustivide.core.activities import ALL, BY_KEY, Activity, LegalBasis
from trustivide.core.holds import holdable
from trustivide.core.roles import STAFF_ROLES
from trustivide.core.text import Text
from trustivide.privacy import holds
from trustivide.privacy.answers import GROUNDS
from trustivide.privacy.evidence import LONGEST
from trustivide.privacy.models import CHANNELS, KINDS
from trustivide.web.forms import Address, Form, at_most, required
from trustivide.web.locale import day, text
from trustivide.workshops import editing


class CustomerSearch(Form):
    """An organisation's exact name or number."""

    search = StringField(
        _l("Namn eller organisationsnummer"),
        [required(_l("Skriv hela namnet eller numret.")), at_most(120)],
    )


class AccountSearch(Form):
    """One exact address."""

    email = EmailField(_l("E-postadress"), [required(_l("Skriv hela e-postadressen.")), Address()])


class LookForm(Form):
    """Why somebody's data is opened; that person reads the reason."""

    reason = TextAreaField(
        _l("Skäl"),
        [
            required(_l("Skriv varför du behöver se uppgifterna.")),
            Length(min=10, message=_l("Skriv lite mer, så att personen förstår varför.")),
            at_most(300),
        ],
    )


class WordsForm(Form):
    """An answer, or the reasons for something, as the person reads them."""

    words = TextAreaField(
        _l("Vad personen får läsa"),
        [
            required(_l("Skriv vad personen ska få läsa.")),
            Length(min=10, message=_l("Skriv lite mer, så att personen förstår varför.")),
            at_most(5000),
        ],
    )


class RefusalForm(WordsForm):
    """A no takes one of the law's grounds besides words."""

    ground = SelectField(_l("Grund"), [required(_l("Välj en grund."))])

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ground.choices = _choices(_NONE | {key: g.whole for key, g in GROUNDS.items()})


class RoleForm(Form):
    """What a colleague may do."""

    role = RadioField(_l("Roll"), [required(_l("Välj en roll."))])

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.role.choices = _choices(dict(STAFF_ROLES))


class ColleagueForm(RoleForm):
    """Who is to work in the office."""

    email = EmailField(_l("E-postadress"), [required(_l("Skriv hela e-postadressen.")), Address()])
    name = StringField(_l("Namn"), [at_most(120)])


class CameOn:
    """Today or before: the clock runs from that day."""

    field_flags: ClassVar[dict[str, bool]] = {"required": True}

    def __call__(self, form: Any, field: Field) -> None:
        """Raise :class:`StopValidation` in our words instead of the library's."""
        if field.data is None or field.data > clock.day_of(clock.now()):
            field.errors = []
            raise StopValidation(_l("Välj dagen då den kom, i dag eller tidigare."))


class EntryForm(Form):
    """A request that came by e-mail, letter or phone."""

    channel = SelectField(_l("Kom via"), [required(_l("Välj hur den kom."))])
    received_on = DateField(_l("Inkom"), [CameOn()])
    email = EmailField(_l("E-postadress"), [required(_l("Skriv adressen.")), Address()])
    name = StringField(_l("Namn"), [at_most(120)])
    locale = SelectField(
        _l("Svarets språk"),
        [required(_l("Välj ett språk."))],
        choices=[SelectChoice("sv", "Svenska"), SelectChoice("en", "English")],
    )
    kind = SelectField(_l("Rättighet"), [required(_l("Välj en rättighet."))])
    activity = SelectField(_l("Ändamål"))
    text = TextAreaField(
        _l("Vad personen bad om"),
        [
            required(_l("Skriv vad personen bad om.")),
            Length(min=10, message=_l("Skriv lite mer, så att en kollega förstår.")),
            at_most(5000),
        ],
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channel.choices = _choices({k: CHANNELS[k] for k in ("mail", "letter", "phone")})
        kinds = {k: v for k, v in KINDS.items() if k not in _BY_SWITCH}
        self.kind.choices = _choices(_NONE | kinds)
        everything = {"": Text("Inget särskilt", "None in particular")}
        self.activity.choices = _choices(everything | {a.key: a.name for a in ALL})

    @property
    def concerns(self) -> Activity | None:
        """The chosen activity."""
        return BY_KEY.get(self.activity.data)

    def validate_activity(self, field: SelectField) -> None:
        """An objection is to something, and only an interest can be objected to (Art. 21(1))."""
        concerned = self.concerns
        weighed = concerned is not None and (
            concerned.objectable or concerned.legal_basis is LegalBasis.LEGITIMATE_INTEREST
        )
        if self.kind.data == "object" and not weighed:
            raise ValidationError(_l("Välj vad invändningen gäller. Mot det här går det inte."))


_NONE = {"": Text("Välj", "Choose")}
_BY_SWITCH = ("export", "consent")
"""What nobody at the desk can do for a person."""


def _choices(words: dict[str, Text]) -> list[SelectChoice]:
    return [SelectChoice(key, text(both)) for key, both in words.items()]


class EvidenceForm(Form):
    """What was found, who answers for it, and until when it counts."""

    statement = TextAreaField(
        _l("Vad vi förvissat oss om"),
        [
            required(_l("Skriv vad ni gått igenom och kommit fram till.")),
            Length(min=20, message=_l("Skriv lite mer, så att en granskare förstår.")),
            at_most(2000),
        ],
    )
    owner = StringField(
        _l("Ansvarig roll"), [required(_l("Skriv vilken roll som svarar för det.")), at_most(80)]
    )
    valid_until = DateField(
        _l("Gäller till och med"),
        [required(_l("Välj vilken dag intyget ska förnyas."))],
    )

    def validate_valid_until(self, field: Field) -> None:
        """Ahead, and no further than evidence keeps."""
        today = clock.day_of(clock.now())
        if field.data <= today:
            raise ValidationError(_l("Välj en dag som ligger framåt i tiden."))
        if field.data > today + LONGEST:
            raise ValidationError(_l("Ett intyg gäller högst två år. Välj en tidigare dag."))


class HoldForm(Form):
    """Whose data is kept, of which activity, why and until when; that person reads why."""

    email = EmailField(
        _l("Personens e-postadress"), [required(_l("Skriv hela e-postadressen.")), Address()]
    )
    activity = SelectField(_l("Vad som ska bevaras"), [required(_l("Välj vad som ska bevaras."))])
    ground = TextAreaField(
        _l("Grund"),
        [
            required(_l("Skriv varför uppgifterna måste bevaras.")),
            Length(
                min=holds.SHORTEST_GROUND,
                message=_l("Skriv minst %(min)d tecken, så att personen förstår varför."),
            ),
            at_most(500),
        ],
    )
    ends_on = DateField(_l("Längst till och med"), [required(_l("Välj ett slutdatum."))])

    def __init__(self, today: date) -> None:
        super().__init__()
        self.today = today
        self.activity.choices = _choices(_NONE | {a.key: a.name for a in holdable()})

    def validate_ends_on(self, field: Any) -> None:
        """A hold ends: after today, and within three years."""
        latest = holds.latest_end(self.today)
        if field.data is not None and not self.today < field.data <= latest:
            raise ValidationError(
                _l("Välj en dag efter i dag och senast %(day)s.", day=day(latest))
            )


class IsId:
    """Left out, or an id as the pages show it."""

    def __call__(self, form: Any, field: Field) -> None:
        """Raise :class:`ValidationError` with words that say where to find one."""
        try:
            UUID(field.data or str(UUID(int=0)))
        except ValueError:
            raise ValidationError(_l("Klistra in ett helt id från loggen.")) from None


class IsDay:
    """Left out, or a day."""

    def __call__(self, form: Any, field: Field) -> None:
        """Raise :class:`StopValidation` in our words instead of the library's."""
        field.errors = []
        if field.data is None and any(text.strip() for text in field.raw_data or ()):
            raise StopValidation(_l("Skriv dagen som 2026-11-25."))
        if field.data is None:
            raise StopValidation


class TrailFilter(Form):
    """Which entries of the security log are looked for; everything may be left out."""

    event = SelectField(_l("Händelse"), default="")
    actor_id = StringField(_l("Vem som gjorde det"), [IsId()])
    about_id = StringField(_l("Vem det gäller"), [IsId()])
    since = DateField(_l("Från och med"), [IsDay()])
    until = DateField(_l("Till och med"), [IsDay()])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.event.choices = _choices({"": Text("Alla", "All")} | dict(EVENTS))

    @property
    def wanted(self) -> trail.Wanted:
        """What to look for, once the form is valid."""
        actor, about = self.actor_id.data, self.about_id.data
        return trail.Wanted(
            event=self.event.data or None,
            actor_id=UUID(actor) if actor else None,
            about_id=UUID(about) if about else None,
            since=self.since.data,
            until=self.until.data,
        )


class LooksFilter(Form):
    """Whose looks are reported, and of which month."""

    colleague = SelectField(_l("Kollega"), default="")
    month = SelectField(_l("Månad"), default="")

    def __init__(
        self,
        *args: Any,
        colleagues: Mapping[str, str],
        months: Mapping[str, str],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        for field, known in ((self.colleague, colleagues), (self.month, months)):
            all_of_them = SelectChoice("", gettext("Alla"))
            field.choices = [all_of_them, *(SelectChoice(*pair) for pair in known.items())]

    @property
    def wanted(self) -> looks.Wanted:
        """What to report, once the form is valid."""
        staff_id, month = self.colleague.data, self.month.data
        return looks.Wanted(
            UUID(staff_id) if staff_id else None,
            date.fromisoformat(f"{month}-01") if month else None,
        )


class DraftForm(Form):
    """A workshop's text in both languages, and what the writer went on from."""

    swedish = TextAreaField(
        _l("Svenska"),
        [required(_l("Skriv den svenska texten.")), at_most(editing.LONGEST)],
        filters=[editing.tidied],
    )
    english = TextAreaField(
        _l("Engelska"),
        [required(_l("Skriv den engelska texten.")), at_most(editing.LONGEST)],
        filters=[editing.tidied],
    )
    seen = HiddenField()


class NewWorkshopForm(DraftForm):
    """A workshop that isn't there yet."""

    slug = StringField(_l("Namn i adressen"), [required(_l("Skriv ett namn."))])

    def validate_slug(self, field: StringField) -> None:
        """As :func:`editing.is_slug` wants it."""
        if not editing.is_slug(field.data):
            raise ValidationError(
                _l("Använd bara små bokstäver a–z, siffror och bindestreck, högst 60 tecken.")
            )


class AttachmentForm(Form):
    """A file to go with a workshop."""

    file = FileField(_l("Fil"), [FileRequired(_l("Välj en fil."))])
    language = SelectField(
        _l("Filens språk"),
        [required(_l("Välj ett språk."))],
        choices=[SelectChoice("sv", "Svenska"), SelectChoice("en", "English")],
    )
