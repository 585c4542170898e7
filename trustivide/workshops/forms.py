"""The search form, and what forms about a workshop's time share."""

from datetime import datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import DateField, Field, SearchField, SelectField, TimeField, ValidationError

from trustivide.core import clock
from trustivide.web.forms import Form, at_most, required, strip
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


FARTHEST = timedelta(days=2 * 365)


class StartForm(Form):
    """On which day and at what time a workshop begins, in Swedish time, from today on."""

    day = DateField(_l("Dag"), [required(_l("Välj en dag."))])
    time = TimeField(_l("Klockan"), [required(_l("Skriv en tid, till exempel 09:00."))])

    def validate_day(self, field: Field) -> None:
        """Not past, and not so far ahead that it must be a slip of the finger."""
        today = clock.day_of(clock.now())
        if field.data < today:
            raise ValidationError(_l("Dagen har redan varit. Välj en dag från och med i dag."))
        if field.data > today + FARTHEST:
            raise ValidationError(_l("Välj en dag inom två år."))

    def validate_time(self, field: Field) -> None:
        """A time that the clock shows on that day."""
        if self.day.data and clock.moment_of(self.day.data, field.data) is None:
            raise ValidationError(
                _l("Den tiden finns inte den dagen, för klockan ställs fram. Välj en annan.")
            )

    @property
    def starts_at(self) -> datetime:
        """The moment; ask for it once the form is valid."""
        assert self.day.data
        assert self.time.data
        moment = clock.moment_of(self.day.data, self.time.data)
        assert moment is not None
        return moment
