"""Forms of the office. Searches are posted: what is searched for stands in no address or log."""

from flask_babel import lazy_gettext as _l
from wtforms import DateField, EmailField, Field, StringField, TextAreaField, ValidationError
from wtforms.validators import Length

from trustivide.core import clock
from trustivide.privacy.evidence import LONGEST
from trustivide.web.forms import Address, Form, at_most, required


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
