"""The forms beside a result: the leader's note, and what the team agreed on."""

from flask_babel import lazy_gettext as _l
from wtforms import DateField, TextAreaField
from wtforms.validators import Optional

from trustivide.web.forms import TOO_FAR, Form, NearDay, at_most, required


class NoteForm(Form):
    """What the leader says above the figures; left empty, nothing."""

    text = TextAreaField(_l("Din kommentar"), [Optional(), at_most(4000)])


class AgreedForm(Form):
    """Something to do, and by when."""

    what = TextAreaField(
        _l("Vad ska ni göra?"), [required(_l("Skriv vad ni har kommit överens om.")), at_most(500)]
    )
    due_on = DateField(_l("Klart senast"), [Optional(), NearDay()], invalid_value_message=TOO_FAR)
