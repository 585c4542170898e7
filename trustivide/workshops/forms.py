"""The search form, and what forms about a workshop's time share."""

from datetime import datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import (
    BooleanField,
    DateField,
    Field,
    IntegerField,
    RadioField,
    SearchField,
    SelectField,
    SelectMultipleField,
    TimeField,
    ValidationError,
)
from wtforms.fields import SelectChoice
from wtforms.validators import NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from trustivide.core import clock
from trustivide.web.forms import Form, Readable, at_most, required, strip
from trustivide.web.locale import language, text
from trustivide.workshops.finding import Filters
from trustivide.workshops.queries import DIMENSION_NAMES
from trustivide.workshops.search import LONGEST_QUERY

_PEOPLE = _l("Skriv ett antal från 2 till 200.")
_SEVERAL = {"widget": ListWidget(prefix_label=False), "option_widget": CheckboxInput()}
ANY = SelectChoice("", _l("Spelar ingen roll"))


class SearchForm(Form):
    """What to look for, and ways to narrow it down; everything may be left out.

    The same form comes by GET, where it only reads and so needs no token, and by POST,
    where the search is remembered.
    """

    q = SearchField(_l("Vad vill du arbeta med?"), [at_most(LONGEST_QUERY)], filters=[strip])
    dimension = SelectMultipleField(_l("Del av tilliten"), **_SEVERAL)
    longest = RadioField(
        _l("Tid"),
        default="",
        choices=[
            ANY,
            SelectChoice("15", _l("Högst en kvart")),
            SelectChoice("30", _l("Högst en halvtimme")),
            SelectChoice("60", _l("Högst en timme")),
            SelectChoice("90", _l("Högst en och en halv timme")),
            SelectChoice("240", _l("Högst en halv dag")),
        ],
    )
    people = IntegerField(
        _l("Hur många är ni?"),
        [Optional(), Readable(_PEOPLE), NumberRange(2, 200, _PEOPLE)],
    )
    place = SelectMultipleField(
        _l("Plats"),
        choices=[
            SelectChoice("onsite", _l("På plats")),
            SelectChoice("remote", _l("På distans")),
            SelectChoice("hybrid", _l("Delvis på distans")),
        ],
        **_SEVERAL,
    )
    difficulty = RadioField(
        _l("Att leda"),
        default="",
        choices=[
            ANY,
            SelectChoice("1", _l("Lätt")),
            SelectChoice("2", _l("Kräver högst lite vana")),
        ],
    )
    exposure = RadioField(
        _l("Hur personligt"),
        default="",
        choices=[ANY, SelectChoice("1", _l("Lite")), SelectChoice("2", _l("Högst en del"))],
    )
    language = RadioField(
        _l("Språk"),
        default="",
        choices=[SelectChoice("sv", _l("Svenska")), SelectChoice("en", _l("Engelska"))],
    )
    saved = BooleanField(_l("Bara de jag sparat"))
    sort = SelectField(
        _l("Ordning"),
        default="best",
        choices=[
            SelectChoice("best", _l("Passar bäst först")),
            SelectChoice("shortest", _l("Kortast först")),
            SelectChoice("newest", _l("Nyast först")),
            SelectChoice("personal", _l("Minst personlig först")),
            SelectChoice("title", _l("Efter namn")),
        ],
    )
    page = IntegerField(validators=[Optional(), NumberRange(1, 10_000)])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dimension.choices = [
            SelectChoice(key, text(name)) for key, name in DIMENSION_NAMES.items()
        ]
        self.language.data = self.language.data or language()

    @property
    def query(self) -> str:
        """The words to look for, maybe none."""
        return self.q.data or ""

    def filters(self, saved: frozenset[str]) -> Filters:
        """The chosen filters; ``saved`` are the workshops that the person saved."""
        return Filters(
            dimensions=frozenset(self.dimension.data or ()),
            places=frozenset(self.place.data or ()),
            longest=int(self.longest.data or 0) or None,
            people=self.people.data,
            difficulty=int(self.difficulty.data or 0) or None,
            exposure=int(self.exposure.data or 0) or None,
            slugs=saved if self.saved.data else None,
        )

    @property
    def chosen(self) -> dict[str, Any]:
        """The filters that are chosen, by name: the language is one only if it isn't one's own."""
        narrowing = ("dimension", "place", "longest", "people", "difficulty", "exposure")
        given = {name: self[name].data for name in narrowing}
        given["language"] = self.language.data if self.language.data != language() else None
        given["saved"] = int(self.saved.data) or None
        return {name: value for name, value in given.items() if value}

    def said(self, name: str) -> str:
        """A chosen filter in words, for whoever takes it away."""
        if name == "people":
            return ngettext("%(num)d person", "%(num)d personer", self.people.data)
        if name == "saved":
            return str(self.saved.label.text)
        data = self[name].data
        wanted = data if isinstance(data, list) else [data]
        return ", ".join(str(c.label) for c in self[name].choices if c.value in wanted)

    def without(self, name: str) -> dict[str, Any]:
        """:attr:`address` without one of the filters."""
        return {key: value for key, value in self.address.items() if key != name}

    @property
    def address(self) -> dict[str, Any]:
        """What the address of this search holds: only what was filled in."""
        query = {"q": self.query} if self.query else {}
        sort = {"sort": self.sort.data} if self.sort.data != "best" else {}
        return query | self.chosen | sort


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
        # Of a day that is refused nothing more is asked: the year 1 has no moment in UTC.
        if (
            self.day.data
            and not self.day.errors
            and clock.moment_of(self.day.data, field.data) is None
        ):
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
