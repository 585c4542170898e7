"""Forms of opening answers by receipt code."""

from flask_babel import lazy_gettext as _l
from wtforms import StringField

from trustivide.web.forms import Form, at_most, required


class ReceiptForm(Form):
    """A receipt code as somebody types it."""

    code = StringField(_l("Kvittokod"), [required(_l("Skriv din kvittokod.")), at_most(60)])


class ConfirmForm(Form):
    """Nothing but the CSRF token: a button that was pressed."""
