"""Reading a workshop and downloading its guide. A GET never writes."""

from typing import Any

from flask import Response, g, request
from flask.typing import ResponseReturnValue
from flask_babel import force_locale
from markupsafe import Markup

from trustivide.core import clock
from trustivide.core.activities import WORKSHOP_USE
from trustivide.core.db import db, transaction
from trustivide.web.access import found, member
from trustivide.web.fragments import page
from trustivide.web.locale import language
from trustivide.workshops import actions, attachments, queries
from trustivide.workshops.cards import LANGUAGES, WorkshopCard, body_html
from trustivide.workshops.forms import StartForm
from trustivide.workshops.views.base import bp, pdf_of


@bp.get("/<slug>")
@member("workshops.use")
def show(slug: str) -> ResponseReturnValue:
    """One workshop, with all that it takes to lead it; in the other language the whole page is."""
    session, chosen = db.session(), request.args.get("language") or language()
    card = found(queries.get(session, slug, chosen))
    own = {
        "saves": queries.saves(session, g.actor.user_id),
        "saved": queries.favourites(session, g.actor.user_id),
    }
    with force_locale(chosen):
        return card_page("workshops/show.html", card, **own)


def card_page(template: str, card: WorkshopCard, **more: Any) -> Response:
    """All that a card says, in a template that shows it."""
    return page(
        template,
        card=card,
        timetable=queries.timetable(card),
        # Written by cards.body_html, which lets nothing but a few plain tags out.
        body=Markup(body_html(card)),  # nosec B704 # noqa: S704
        names=queries.DIMENSION_NAMES,
        start=StartForm(None, meta={"csrf": False}),
        languages=sorted(LANGUAGES, key=lambda code: code != language()),
        attachments=attachments.readable(db.session(), card.slug, g.actor.organisation_id),
        keeps_downloads=queries.remembers(db.session(), g.actor.user_id, WORKSHOP_USE),
        **more,
    )


@bp.post("/<slug>/downloads")
@member("workshops.use")
def downloads(slug: str) -> ResponseReturnValue:
    """Remember the download and answer with the guide in the chosen language."""
    card = found(queries.get(db.session(), slug, request.form.get("language") or language()))
    # Before the transaction: making a guide may take a second, and a lock must not.
    response = pdf_of(card, "guide", card.title)
    with transaction() as session:
        actions.record_download(session, g.actor, slug, clock.now())
    return response
