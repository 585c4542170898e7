"""Forms of the office. Searches are posted: what is searched for stands in no address or log."""

from flask_babel import lazy_gettext as _l
from wtforms import EmailField, StringField, TextAreaField
from wtforms.validators import Length

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
