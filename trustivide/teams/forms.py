"""Forms of teams and members."""

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, FileRequired
from wtforms import EmailField, HiddenField, StringField, TextAreaField
from wtforms.validators import Length

from trustivide.web.forms import Address, Form, at_most, required


class TeamForm(Form):
    """A team's name."""

    name = StringField(
        _l("Teamets namn"), [required(_l("Skriv ett namn på teamet.")), at_most(120)]
    )


class PasteForm(Form):
    """Addresses as somebody pastes them."""

    addresses = TextAreaField(
        _l("E-postadresser"),
        [
            required(_l("Klistra in minst en e-postadress.")),
            Length(max=100_000, message=_l("Texten är för lång. Dela upp den.")),
        ],
    )


class MemberForm(Form):
    """A member's address and name."""

    name = StringField(_l("Namn"), [at_most(120)])
    email = EmailField(_l("E-postadress"), [Address()])


class UndoForm(Form):
    """The signed description of somebody who was just removed."""

    token = StringField()


class FileForm(Form):
    """People in a file."""

    file = FileField(_l("Fil med personer"), [FileRequired(_l("Välj en fil."))])


class ListingForm(Form):
    """The people that a preview showed, sealed."""

    people = HiddenField()
