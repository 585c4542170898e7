"""The form for what a team agreed to do, as results and workshops have it."""

from flask_babel import lazy_gettext as _l
from wtforms import DateField, TextAreaField
from wtforms.validators import Optional

from trustivide.web.forms import TOO_FAR, Form, NearDay, at_most, required


class AgreedForm(Form):
    """Something to do, and by when."""

    what = TextAreaField(
        _l("Vad ska ni göra?"), [required(_l("Skriv vad ni har kommit överens om.")), at_most(500)]
    )
    due_on = DateField(_l("Klart senast"), [Optional(), NearDay()], invalid_value_message=TOO_FAR)
