"""Forms of the office. Searches are posted: what is searched for stands in no address or log."""

from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import (
    DateField,
    EmailField,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import Length

from trustivide.core.holds import holdable
from trustivide.privacy import holds
from trustivide.web.forms import Address, Form, at_most, required
from trustivide.web.locale import day, language


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


class HoldForm(Form):
    """Whose data is kept, of which activity, why and until when; that person reads why."""

    email = EmailField(
        _l("Personens e-postadress"), [required(_l("Skriv hela e-postadressen.")), Address()]
    )
    activity = SelectField(_l("Vad som ska bevaras"))
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
        self.activity.choices = [(a.key, a.name.in_(language())) for a in holdable()]

    def validate_ends_on(self, field: Any) -> None:
        """A hold ends: after today, and within three years."""
        latest = holds.latest_end(self.today)
        if field.data is not None and not self.today < field.data <= latest:
            raise ValidationError(
                _l("Välj en dag efter i dag och senast %(day)s.", day=day(latest))
            )
