"""What one leads a workshop with: its steps on a screen, its handout, its place in the calendar.

None of it is remembered, so all of it comes by GET.
"""

from uuid import UUID

from flask import current_app, request, url_for
from flask.typing import ResponseReturnValue

from trustivide.core import clock
from trustivide.core.db import db
from trustivide.web.access import found, member
from trustivide.web.fragments import page
from trustivide.web.locale import language
from trustivide.web.used import used
from trustivide.workshops import queries
from trustivide.workshops.cards import WorkshopCard
from trustivide.workshops.forms import StartForm
from trustivide.workshops.views.base import bp, meeting_of, pdf_of, to_save


def _card(slug: str, locale: str | None = None) -> WorkshopCard:
    card: WorkshopCard = found(queries.get(db.session(), slug, locale or language()))
    return card


@bp.get("/<slug>/facilitation")
@member("workshops.use")
def facilitation(slug: str) -> ResponseReturnValue:
    """All steps on one page, to be shown one at a time."""
    return _steps(_card(slug), url_for("workshops.show", slug=slug))


@bp.get("/sessions/<uuid:session_id>/facilitation")
@member("teams.manage")
def session_facilitation(session_id: UUID) -> ResponseReturnValue:
    """The steps of what a team planned, in that version."""
    card = meeting_of(session_id).card
    return _steps(card, url_for("workshops.session", session_id=session_id))


def _steps(card: WorkshopCard, back: str) -> ResponseReturnValue:
    timetable = queries.timetable(card)
    return page("workshops/facilitation.html", card=card, timetable=timetable, back=back)


@bp.get("/<slug>/handout")
@member("workshops.use")
def handout(slug: str) -> ResponseReturnValue:
    """The sheet for those who take part, as a PDF in the chosen language."""
    card = _card(slug, request.args.get("language"))
    return pdf_of(card, "handout", card.handout.title)


@bp.get("/sessions/<uuid:session_id>/handout")
@member("teams.manage")
def session_handout(session_id: UUID) -> ResponseReturnValue:
    """The sheet of what a team planned, in that version."""
    card = meeting_of(session_id).card
    return pdf_of(card, "handout", card.handout.title)


@bp.get("/<slug>/agenda")
@member("workshops.use")
def agenda(slug: str) -> ResponseReturnValue:
    """The workshop as a calendar file, once day and time are chosen."""
    card, form = _card(slug), StartForm(request.args, meta={"csrf": False})
    if not (request.args and form.validate()):
        status = 422 if request.args else 200
        used("workshops.views")  # the page alone, and no file yet
        return page("workshops/agenda.html", status=status, card=card, form=form)
    # Not before it is needed: the library would stay in the web process's memory.
    from trustivide.workshops import calendars

    there = current_app.config["SETTINGS"].public_url + url_for("workshops.show", slug=slug)
    file = calendars.agenda(card, form.starts_at, clock.now(), there)
    return to_save(file, f"{card.title}.ics", "text/calendar")
