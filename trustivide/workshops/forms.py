"""The search form."""

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import SearchField, SelectField

from trustivide.web.forms import Form, at_most, strip
from trustivide.web.locale import text
from trustivide.workshops.queries import DIMENSION_NAMES
from trustivide.workshops.search import LONGEST_QUERY


class SearchForm(Form):
    """What to look for, and three ways to narrow it down; everything may be left out.

    The same form comes by GET, where it only reads and so needs no token, and by POST,
    where the search is remembered.
    """

    q = SearchField(_l("Vad vill du arbeta med?"), [at_most(LONGEST_QUERY)], filters=[strip])
    dimension = SelectField(_l("Del av tilliten"), default="")
    longest = SelectField(
        _l("Tid"),
        default="",
        choices=[
            ("", _l("Spelar ingen roll")),
            ("30", _l("Högst 30 minuter")),
            ("60", _l("Högst en timme")),
            ("90", _l("Högst en och en halv timme")),
        ],
    )
    place = SelectField(
        _l("Plats"),
        default="",
        choices=[
            ("", _l("Spelar ingen roll")),
            ("onsite", _l("På plats")),
            ("remote", _l("På distans")),
            ("hybrid", _l("Delvis på distans")),
        ],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [(key, text(name)) for key, name in DIMENSION_NAMES.items()]
        self.dimension.choices = [("", _l("Alla delar")), *names]

    @property
    def query(self) -> str:
        """The words to look for, maybe none."""
        return self.q.data or ""

    @property
    def filters(self) -> dict[str, Any]:
        """The chosen filters, as :func:`trustivide.workshops.queries.search` takes them."""
        longest = self.longest.data
        return {
            "dimension": self.dimension.data or None,
            "longest": int(longest) if longest else None,
            "place": self.place.data or None,
        }

    @property
    def address(self) -> dict[str, Any]:
        """What the address of this search holds: only what was filled in."""
        given = {"q": self.query, **self.filters}
        return {name: value for name, value in given.items() if value}
