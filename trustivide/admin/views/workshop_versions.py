"""What a workshop said in each version: as it was written, as readers see it, and what changed."""

import re
from collections.abc import Iterator

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import force_locale
from flask_babel import gettext as _
from markupsafe import Markup

from trustivide.admin.views.base import bp, page
from trustivide.admin.views.catalogue import card_of, past_of, title_of
from trustivide.core.db import db
from trustivide.privacy.differences import ADDED, ADDED_END, REMOVED, REMOVED_END, blocks_compared
from trustivide.web.access import found, staff
from trustivide.web.fragments import go, tell
from trustivide.web.locale import language
from trustivide.workshops import queries as workshops
from trustivide.workshops import versions
from trustivide.workshops.cards import LANGUAGES, body_html
from trustivide.workshops.models import WorkshopVersion

Piece = tuple[str, str]
"""Some words of a line, after "ins", "del" or nothing."""


@bp.get("/catalogue/<slug>/versions/<int:number>")
@staff("catalogue.manage")
def workshop_version(slug: str, number: int) -> ResponseReturnValue:
    """A version as it was written, in both languages."""
    past = past_of(slug)
    version = found(past.version(number))
    writers = versions.writers(db.session(), [version])
    return page(
        "workshop_version.html", past=past, title=title_of(past), version=version, writers=writers
    )


@bp.get("/catalogue/<slug>/versions/<int:number>/preview")
@staff("catalogue.manage")
def preview_version(slug: str, number: int) -> ResponseReturnValue:
    """A version as readers see it, in the chosen language."""
    past, locale = past_of(slug), request.args.get("language", language())
    locale = locale if locale in LANGUAGES else language()
    version: WorkshopVersion = found(past.version(number))
    card = card_of(past, version, locale)
    if card is None:
        tell(
            _("Texten på det språket följer inte alla regler än, så den kan inte visas."),
            "attention",
        )
        return go(url_for("admin.draft", slug=slug))
    with force_locale(locale):
        return page(
            "preview_workshop.html",
            past=past,
            version=version,
            locale=locale,
            card=card,
            timetable=workshops.timetable(card),
            # Written by cards.body_html, which lets nothing but a few plain tags out.
            body=Markup(body_html(card)),  # nosec B704 # noqa: S704
            names=workshops.DIMENSION_NAMES,
        )


@bp.get("/catalogue/<slug>/differences")
@staff("catalogue.manage")
def workshop_differences(slug: str) -> ResponseReturnValue:
    """What changed between two versions, line by line; else between the two newest."""
    past = past_of(slug)
    newer = found(past.version(request.args.get("newer", past.versions[0].number, int)))
    before = past.versions[min(1, len(past.versions) - 1)].number
    older = found(past.version(request.args.get("older", before, int)))
    return page(
        "workshop_differences.html",
        past=past,
        title=title_of(past),
        older=older,
        newer=newer,
        parts={
            "sv": list(differences(older.swedish, newer.swedish)),
            "en": list(differences(older.english, newer.english)),
        },
    )


_MARKS = {ADDED: "ins", REMOVED: "del", ADDED_END: "", REMOVED_END: ""}


def differences(older: str, newer: str) -> Iterator[tuple[bool, list[list[Piece]]]]:
    """Runs of lines, and whether they changed; a line is its pieces, each with ins, del or ""."""
    changed, run = False, list[list[Piece]]()
    for is_new, line in blocks_compared(older.splitlines(), newer.splitlines()):
        if run and is_new != changed:
            yield changed, run
            run = []
        changed = is_new
        run.append(_pieces(line))
    if run:
        yield changed, run


def _pieces(line: str) -> list[Piece]:
    pieces: list[Piece] = []
    kind = ""
    for part in re.split(f"([{''.join(_MARKS)}])", line):
        if part in _MARKS:
            kind = _MARKS[part]
        elif part:
            pieces.append((kind, part))
    return pieces
