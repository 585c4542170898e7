"""The privacy policy as it stands, as it was, and what changed; beside each promise its state."""

import re
from typing import Any

from flask import Blueprint, Response, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from trustivide.auth.queries import person
from trustivide.core import clock
from trustivide.core.db import db
from trustivide.privacy import differences, news, promises
from trustivide.rights import legal_texts
from trustivide.rights.legal_texts import LegalText
from trustivide.web.access import account, found, local_path, public
from trustivide.web.fragments import page
from trustivide.web.legal import TABLE, legal_html, sections
from trustivide.web.locale import language

bp = Blueprint("policy", __name__)

POLICY = news.POLICY


def _text(version: int) -> LegalText:
    """One version of the policy, or 404."""
    known = version in legal_texts.versions(POLICY)
    text: LegalText = found(legal_texts.load(POLICY, version, language()) if known else None)
    return text


def _page(template: str, **context: Any) -> Response:
    """A page about the policy, which knows the way back to it."""
    crumbs = [(_("Integritetspolicy"), url_for("policy.current")), (context["title"], None)]
    return page(f"privacy/policy/{template}", crumbs=crumbs, states=promises.STATES, **context)


@bp.get("/privacy-policy")
@public
def current() -> ResponseReturnValue:
    """The newest policy, its tables read from the inventory, and how each promise is kept."""
    text, now = legal_texts.current(POLICY, language()), clock.now()
    return page(
        "privacy/policy/current.html",
        policy=text,
        sections=sections(text.body),
        states=promises.STATES,
        promises=promises.by_section(db.session(), now),
        before=text.version - 1 if text.version > 1 else None,
        not_yet=text.valid_from > clock.day_of(now),
    )


@bp.get("/privacy-policy/<int:version>")
@public
def version(version: int) -> ResponseReturnValue:
    """One version, in the words in which it was published."""
    text = _text(version)
    return _page(
        "version.html",
        title=_("Version %(version)s", version=version),
        policy=text,
        body=legal_html(text.body),
        newest=legal_texts.current(POLICY, language()),
    )


@bp.get("/privacy-policy/versions")
@public
def versions() -> ResponseReturnValue:
    """Every version, newest first."""
    texts = [_text(number) for number in reversed(legal_texts.versions(POLICY))]
    return _page("versions.html", title=_("Versioner"), texts=texts)


@bp.get("/privacy-policy/changes/<int:older>/<int:newer>")
@public
def changes(older: int, newer: int) -> ResponseReturnValue:
    """What was added and removed between two versions."""
    before, after = _text(older), _text(newer)
    pieces = differences.compare(before.body, after.body)
    return _page(
        "changes.html",
        title=_("Vad som ändrats"),
        before=before,
        after=after,
        pieces=[(piece.changed, _marked_html(piece.markdown)) for piece in pieces],
    )


def _marked_html(markdown: str) -> Markup:
    """A piece of a difference as HTML: marks as elements, and words for who can't see them."""
    table = _("En tabell ur systemets förteckning.")
    html = str(legal_html(TABLE.sub(f"*{table}*", markdown)))
    added, removed = _("tillagt:"), _("borttaget:")
    elements = {
        differences.ADDED: f'<ins><span class="visually-hidden">{added} </span>',
        differences.ADDED_END: "</ins>",
        differences.REMOVED: f'<del><span class="visually-hidden">{removed} </span>',
        differences.REMOVED_END: "</del>",
    }
    marks = "[" + "".join(elements) + "]"
    return Markup(re.sub(marks, lambda mark: elements[mark.group()], html))  # nosec B704 # noqa: S704  our own


@bp.get("/privacy-policy/promises")
@public
def kept() -> ResponseReturnValue:
    """Every promise of the policy: how it is kept, what proves it, and its state now."""
    text = legal_texts.current(POLICY, language())
    return _page(
        "promises.html",
        title=_("Så håller vi det vi lovar"),
        headings={section.number: section.title for section in sections(text.body)},
        promises=promises.by_section(db.session(), clock.now()),
    )


@bp.get("/privacy-policy/news")
@account
def latest() -> ResponseReturnValue:
    """What is new in the newest version, shown once after signing in. Reading records nothing."""
    text = legal_texts.current(POLICY, language())
    return _page(
        "news.html",
        title=_("Policyn har ändrats"),
        policy=text,
        asks_again=news.consents_to_renew(db.session(), person(g.actor.user)),
        onward=local_path(request.args.get("next")) or url_for("organisations.home"),
    )


@bp.get("/processing-agreement")
@public
def agreement() -> ResponseReturnValue:
    """The data processing agreement that organisations accept (GDPR Art. 28)."""
    text = legal_texts.current("processing-agreement", language())
    return page("privacy/policy/agreement.html", agreement=text, body=legal_html(text.body))
