"""The forms of building a questionnaire. A draft may lack anything, so little is required."""

from typing import Any, ClassVar

from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    Field,
    HiddenField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.fields import SelectChoice

from trustivide.surveys.catalogue import (
    AGREEMENT5,
    AGREEMENT7,
    BY_SECTION,
    MAX_OPTIONS,
    MULTIPLE,
    ON_ONE_PAGE,
    POINTS,
    SCALE10,
    SINGLE,
    TEXT,
    Dimension,
    Instrument,
    Item,
    Section,
    tidy,
)
from trustivide.surveys.editing import (
    LONGEST,
    Heading,
    Words,
    mark,
    new_key,
    options_from,
    words,
)
from trustivide.web.forms import Form, at_most, required
from trustivide.web.locale import language

KINDS = {
    AGREEMENT5: _l("Påstående, fem steg"),
    AGREEMENT7: _l("Påstående, sju steg"),
    SCALE10: _l("Skala från 0 till 10"),
    SINGLE: _l("Ett val bland flera"),
    MULTIPLE: _l("Flera val"),
    TEXT: _l("Fri text"),
}
"""What each kind of item is called."""
LAYOUTS = {
    BY_SECTION: _l("En del i taget"),
    ON_ONE_PAGE: _l("Alla frågor på en sida"),
}


class InEither:
    """Words in at least one language: this field's or those of the field ``other``."""

    def __init__(self, other: str, message: Any) -> None:
        self.other, self.message = other, message

    def __call__(self, form: Any, field: Field) -> None:
        """Raise :class:`ValidationError` when both are empty."""
        if not tidy(field.data or "") and not tidy(form[self.other].data or ""):
            raise ValidationError(self.message)


def _line(kind: str, *checks: Any, code: str) -> StringField:
    return StringField(_LANGUAGES[code], [*checks, at_most(LONGEST[kind])])


def _lines(kind: str, *checks: Any, code: str) -> TextAreaField:
    return TextAreaField(_LANGUAGES[code], [*checks, at_most(LONGEST[kind])])


_LANGUAGES = {"sv": _l("Svenska"), "en": _l("Engelska")}


class PartForm(Form):
    """The form of one part of a questionnaire. ``seen`` tells what its writer began from."""

    seen = HiddenField()

    def texts(self, field: str) -> Words:
        """What was typed for ``field`` in both languages."""
        return words(self[f"{field}_sv"].data, self[f"{field}_en"].data)

    def show(self, part: Heading | Section | Item | Dimension, *fields: str) -> None:
        """Fill in what stands in ``part``, unless something was typed."""
        self.seen.data = mark(part)
        for field in fields:
            text = getattr(part, field)
            if text is not None:
                self[f"{field}_sv"].data, self[f"{field}_en"].data = text.sv, text.en


class HeadingForm(PartForm):
    """Title and introduction, and how the questions are shown."""

    _TITLE = _l("Skriv en titel på minst ett av språken.")
    title_sv = _line("title", InEither("title_en", _TITLE), code="sv")
    title_en = _line("title", code="en")
    intro_sv = _lines("intro", code="sv")
    intro_en = _lines("intro", code="en")
    layout = RadioField(
        _l("Så visas frågorna"),
        choices=[SelectChoice(value, label) for value, label in LAYOUTS.items()],
        default=BY_SECTION,
        validate_choice=True,
    )

    @property
    def part(self) -> Heading:
        """What was typed."""
        return Heading(self.texts("title"), self.texts("intro"), self.layout.data)

    def fill(self, part: Heading) -> None:
        """Show what stands there."""
        self.show(part, "title", "intro")
        self.layout.data = part.layout


class SectionForm(PartForm):
    """A section's title and the words under it."""

    _TITLE = _l("Skriv en rubrik på minst ett av språken.")
    title_sv = _line("section", InEither("title_en", _TITLE), code="sv")
    title_en = _line("section", code="en")
    text_sv = _lines("section_text", code="sv")
    text_en = _lines("section_text", code="en")

    def part(self, key: str | None) -> Section:
        """What was typed; the items of a section that exists stay with it."""
        text = self.texts("text")
        return Section(key or new_key("s"), self.texts("title"), (), text or None)

    def fill(self, part: Section) -> None:
        """Show what stands there."""
        self.show(part, "title", "text")


class DimensionForm(PartForm):
    """A dimension's name and what it is about."""

    _NAME = _l("Skriv ett namn på minst ett av språken.")
    name_sv = _line("name", InEither("name_en", _NAME), code="sv")
    name_en = _line("name", code="en")
    description_sv = _lines("description", code="sv")
    description_en = _lines("description", code="en")

    def part(self, key: str | None) -> Dimension:
        """What was typed."""
        return Dimension(key or new_key("d"), self.texts("name"), self.texts("description"))

    def fill(self, part: Dimension) -> None:
        """Show what stands there."""
        self.show(part, "name", "description")


class Options:
    """At most so many options, one a line, each of a length that fits beside a button."""

    field_flags: ClassVar[dict[str, bool]] = {"required": True}

    def __call__(self, form: Any, field: Field) -> None:
        """Raise :class:`ValidationError` with words that say what to do."""
        if form.kind.data not in (SINGLE, MULTIPLE):
            return
        lines = _split(field.data)
        if len(lines) > MAX_OPTIONS:
            raise ValidationError(_l("Högst 20 alternativ får plats. Ta bort några rader."))
        if max(map(len, lines), default=0) > LONGEST["option"]:
            raise ValidationError(_l("Ett alternativ får ha högst 200 tecken."))
        written = [line for line in lines if line]
        if len(set(written)) < len(written):
            raise ValidationError(_l("Två alternativ heter likadant."))


class ItemForm(PartForm):
    """One item. Which fields count depends on its kind."""

    _TEXT = _l("Skriv frågan på minst ett av språken.")
    kind = SelectField(
        _l("Frågetyp"),
        [required(_l("Välj en frågetyp."))],
        choices=[SelectChoice(value, label) for value, label in KINDS.items()],
        default=AGREEMENT5,
    )
    text_sv = _lines("item", InEither("text_en", _TEXT), code="sv")
    text_en = _lines("item", code="en")
    help_sv = _lines("help", code="sv")
    help_en = _lines("help", code="en")
    options_sv = TextAreaField(_LANGUAGES["sv"], [Options()])
    options_en = TextAreaField(_LANGUAGES["en"], [Options()])
    low_sv = _line("end", code="sv")
    low_en = _line("end", code="en")
    high_sv = _line("end", code="sv")
    high_en = _line("end", code="en")
    required = BooleanField(_l("Frågan måste besvaras"), default=True)
    dimension = SelectField(_l("Dimension"), default="", validate_choice=False)
    reversed = BooleanField(_l("Påståendet är vänt: den som håller med drar ner dimensionen"))

    class Meta(PartForm.Meta):
        """The lines of options keep their blanks: they tell which translation is missing."""

        def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Field:
            """Strip as every form does, options apart."""
            if options["name"].startswith("options_"):
                unbound_field.kwargs.setdefault("filters", [])
            return super().bind_field(form, unbound_field, options)

    def offer(self, instrument: Instrument) -> None:
        """Let one of the questionnaire's dimensions be chosen, or none."""
        self.dimension.choices = [SelectChoice("", _l("Ingen"))] + [
            SelectChoice(d.key, d.name.in_(language())) for d in instrument.dimensions
        ]

    def validate_dimension(self, field: Field) -> None:
        """Raise :class:`ValidationError` for one that somebody has removed meanwhile."""
        if field.data not in {choice.value for choice in field.choices}:
            raise ValidationError(_l("Dimensionen finns inte längre. Välj en annan."))

    def part(self, before: Item | None) -> Item:
        """What was typed; ``before`` is the item as it stands, whose keys stay."""
        kind = self.kind.data
        text = self.texts("help")
        dimension = self.dimension.data if kind in POINTS else None
        return Item(
            key=before.key if before else new_key("q"),
            kind=kind,
            dimension=dimension or None,
            text=self.texts("text"),
            reversed=bool(dimension) and self.reversed.data,
            required=self.required.data,
            help=text or None,
            options=options_from(self._labels(), before.options if before else ())
            if kind in (SINGLE, MULTIPLE)
            else (),
            ends=self._ends() if kind == SCALE10 else None,
        )

    def _labels(self) -> list[Words]:
        sv, en = _split(self.options_sv.data), _split(self.options_en.data)
        longest = max(len(sv), len(en))
        rows = zip(_padded(sv, longest), _padded(en, longest), strict=True)
        return [label for row in rows if (label := words(*row))]

    def _ends(self) -> tuple[Words, Words] | None:
        low, high = self.texts("low"), self.texts("high")
        return (low, high) if low or high else None

    def fill(self, part: Item) -> None:
        """Show what stands there."""
        self.show(part, "text", "help")
        for code in ("sv", "en"):
            labels = [getattr(option.label, code) for option in part.options]
            self[f"options_{code}"].data = "\n".join(labels).rstrip("\n")
            for end, text in zip(("low", "high"), part.ends or (), strict=False):
                self[f"{end}_{code}"].data = getattr(text, code)
        self.kind.data, self.required.data = part.kind, part.required
        self.dimension.data, self.reversed.data = part.dimension or "", part.reversed


def _split(typed: str | None) -> list[str]:
    """The lines of a field: blank ones count in between, but not at the end."""
    kept = tidy(f".{typed or ''}")[1:]  # the full stop keeps blank lines at the beginning
    return [line.strip() for line in kept.split("\n")] if kept else []


def _padded(lines: list[str], length: int) -> list[str]:
    return lines + [""] * (length - len(lines))
