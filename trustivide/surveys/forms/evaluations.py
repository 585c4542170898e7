"""The form of asking how a workshop was."""

from flask_babel import lazy_gettext as _l
from wtforms import SelectField, TextAreaField
from wtforms.fields import SelectChoice

from trustivide.web.forms import Form, at_most, required


class EvaluationForm(Form):
    """What the mail says, and in which language; all else is decided."""

    message = TextAreaField(
        _l("Meddelande till teamet"),
        [required(_l("Skriv några rader om varför ni frågar.")), at_most(2000)],
    )
    locale = SelectField(
        _l("Mejlets språk"),
        [required(_l("Välj ett språk."))],
        choices=[SelectChoice("sv", "Svenska"), SelectChoice("en", "English")],
    )
