"""The form of bringing a questionnaire as a file."""

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField
from wtforms import TextAreaField, ValidationError
from wtforms.validators import Length

from trustivide.surveys.importing import LARGEST
from trustivide.web.forms import Form


class ImportForm(Form):
    """A questionnaire as a TOML file, sent or pasted."""

    file = FileField(_l("Fil"), description=_l("En fil som slutar på .toml."))
    content = TextAreaField(
        _l("Eller innehållet"),
        [Length(max=LARGEST, message=_l("Texten är för lång för ett frågeformulär."))],
    )

    def validate_content(self, field: Any) -> None:
        """One of the two must be there; a file goes before what was pasted."""
        if self.file.data:
            read = self.file.data.read(LARGEST + 1)
            if len(read) > LARGEST:
                raise ValidationError(_l("Filen är för stor för ett frågeformulär."))
            try:
                field.data = read.decode("utf-8-sig")
            except UnicodeDecodeError:
                raise ValidationError(_l("Filen är inte text i UTF-8.")) from None
        if not field.data:
            raise ValidationError(_l("Välj en fil eller klistra in innehållet."))
