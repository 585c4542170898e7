"""The form beside a result: the leader's note."""

from flask_babel import lazy_gettext as _l
from wtforms import TextAreaField
from wtforms.validators import Optional

from trustivide.web.forms import Form, at_most


class NoteForm(Form):
    """What the leader says above the figures; left empty, nothing."""

    text = TextAreaField(_l("Din kommentar"), [Optional(), at_most(4000)])
