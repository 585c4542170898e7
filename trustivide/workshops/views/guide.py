"""Reading a workshop and downloading its guide. A GET never writes."""

import re
from typing import Any

from flask import Response, current_app, g, request, send_file
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from trustivide.core import clock
from trustivide.core.activities import WORKSHOP_USE
from trustivide.core.db import db, transaction
from trustivide.web.access import found, member
from trustivide.web.fragments import page
from trustivide.web.locale import language
from trustivide.workshops import actions, attachments, queries
from trustivide.workshops.cards import LANGUAGES, WorkshopCard, body_html
from trustivide.workshops.guide_files import guide_file
from trustivide.workshops.views.base import bp


@bp.get("/<slug>")
@member("workshops.use")
def show(slug: str) -> ResponseReturnValue:
    """One workshop, with all that it takes to lead it."""
    card = found(queries.get(db.session(), slug, language()))
    return card_page("workshops/show.html", card)


def card_page(template: str, card: WorkshopCard, **more: Any) -> Response:
    """All that a card says, in a template that shows it."""
    return page(
        template,
        card=card,
        timetable=queries.timetable(card),
        # Written by cards.body_html, which lets nothing but a few plain tags out.
        body=Markup(body_html(card)),  # nosec B704 # noqa: S704
        names=queries.DIMENSION_NAMES,
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
    file = guide_file(current_app.config["SETTINGS"].instance / "guides", card)
    with transaction() as session:
        actions.record_download(session, g.actor, slug, clock.now())
    name = " ".join(re.sub(r"[^\w\s-]", "", card.title).split())
    response = send_file(
        file, mimetype="application/pdf", as_attachment=True, download_name=f"{name}.pdf"
    )
    response.headers["Cache-Control"] = "no-store"
    return response
