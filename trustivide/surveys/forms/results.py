"""The forms beside a result: the leader's note, and what the team agreed on."""

from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import DateField, Field, TextAreaField, ValidationError
from wtforms.validators import Optional

from trustivide.core.clock import STOCKHOLM
from trustivide.web.forms import Form, at_most, required

FARTHEST = timedelta(days=5 * 365)
TOO_FAR = _l("Välj en dag inom fem år.")


class NoteForm(Form):
    """What the leader says above the figures; left empty, nothing."""

    text = TextAreaField(_l("Din kommentar"), [Optional(), at_most(4000)])


class NearDay:
    """A day not farther than five years from today, so that a slip of the finger is seen."""

    def __call__(self, form: Any, field: Field) -> None:
        """Raise :class:`ValidationError` with words that say what to do."""
        day: date | None = field.data
        if day is not None and abs(day - datetime.now(STOCKHOLM).date()) > FARTHEST:
            raise ValidationError(TOO_FAR)


class AgreedForm(Form):
    """Something to do, and by when."""

    what = TextAreaField(
        _l("Vad ska ni göra?"), [required(_l("Skriv vad ni har kommit överens om.")), at_most(500)]
    )
    due_on = DateField(_l("Klart senast"), [Optional(), NearDay()], invalid_value_message=TOO_FAR)
