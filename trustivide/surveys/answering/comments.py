"""Could this identify you? Between the questions and the review, for those who wrote something."""

from dataclasses import dataclass
from uuid import UUID

from flask import Response, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core.db import db
from trustivide.surveys import identifying, queries
from trustivide.surveys.answering.base import (
    bp,
    context,
    in_language,
    other_language,
    over,
    save,
    screens_of,
    written,
)
from trustivide.surveys.catalogue import MAX_TEXT, TEXT, TOO_LONG, Item
from trustivide.surveys.forms.answering import explain, typed_in
from trustivide.surveys.models import Survey
from trustivide.surveys.respondents import Respondent
from trustivide.web.access import respondent
from trustivide.web.fragments import go, page

KEEP, CHANGE, REMOVE = "keep", "change", "remove"


@dataclass
class Checked:
    """One text: as it was shown, what it may become, and what the writer chose."""

    item: Item
    shown: str
    new: str
    parts: list[tuple[str, str | None]]
    choice: str
    error: str | None = None

    @property
    def found(self) -> list[tuple[str, str]]:
        """What could identify somebody, each once, with its kind."""
        return list(dict.fromkeys((piece, kind) for piece, kind in self.parts if kind))

    @property
    def kept(self) -> str:
        """The text by the writer's choice."""
        return {KEEP: self.shown, CHANGE: self.new}.get(self.choice, "")

    def check(self) -> None:
        """Say what is wrong with the choice, if anything."""
        if self.choice not in self.choices:
            self.error = _("Välj vad du vill göra med texten.")
        elif len(self.kept) > MAX_TEXT:
            self.error = explain(TOO_LONG, TEXT)

    @property
    def choices(self) -> tuple[str, ...]:
        """What may be chosen: a text that has to be there can't be removed."""
        return (KEEP, CHANGE) if self.item.required else (KEEP, CHANGE, REMOVE)


def look(survey: Survey, text: str) -> list[tuple[str, str | None]]:
    """The text in pieces, each with what it could identify; nothing of a text that is too long."""
    if len(text) > MAX_TEXT:
        return [(text, None)]
    return identifying.parts(text, identifying.find(text, queries.called(db.session(), survey)))


@bp.route("/survey/<uuid:survey_id>/comments", methods=["GET", "POST"])
@respondent
def comments(survey_id: UUID) -> ResponseReturnValue:
    """Keep, change or remove each text, with what could identify somebody pointed out in it.

    What is found is shown, and neither stored nor logged.
    """
    holder: Respondent = g.actor
    if gone := over(holder):
        return gone
    checked = _checked(holder)
    if not checked:
        return go(url_for("answering.review", survey_id=survey_id))
    if request.method == "GET":
        return _page(holder, checked)
    if locale := other_language():
        return in_language(locale, lambda: _page(holder, checked))
    if request.form.get("go") == "back":
        changed = {c.item.key: c.new for c in checked if c.choice == CHANGE}
        return save(holder, changed, go(_last_screen(holder)))
    for one in checked:
        one.check()
    if any(one.error for one in checked):
        return _page(holder, checked, 422)
    # A changed text is looked through once more, unless nothing is found in it.
    again = any(
        kind for c in checked if c.choice == CHANGE for _piece, kind in look(holder.survey, c.new)
    )
    target = request.path if again else url_for("answering.review", survey_id=survey_id)
    return save(holder, {c.item.key: c.kept for c in checked}, go(target))


def _page(holder: Respondent, checked: list[Checked], status: int = 200) -> Response:
    return page("surveys/comments.html", status=status, checked=checked, **context(holder))


def _checked(holder: Respondent) -> list[Checked]:
    """The texts of the draft, with what the form says of them where it was sent."""
    found = []
    texts = written(holder.instrument, holder.draft)
    typed = typed_in(holder.instrument, set(texts))
    for key, text in texts.items():
        shown = request.form.get(f"{key}.shown", text)
        parts = look(holder.survey, shown)
        clean = not any(kind for _piece, kind in parts)
        preset = CHANGE if len(shown) > MAX_TEXT else KEEP if clean else ""
        choice = request.form.get(f"{key}.choice", preset)
        item = holder.instrument.by_key[key]
        found.append(Checked(item, shown, typed.get(key, shown), parts, choice))
    return found


def _last_screen(holder: Respondent) -> str:
    number = len(screens_of(holder.instrument))
    return url_for("answering.section", survey_id=holder.survey.id, number=number)
