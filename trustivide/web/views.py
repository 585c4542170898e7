"""Pages that belong to no feature: the front page, the policy, the language, health."""

import email
import re
from email.message import EmailMessage
from email.policy import default as email_policy
from pathlib import Path
from xml.etree.ElementTree import Element

import markdown
from flask import Blueprint, Flask, Response, current_app, render_template, request
from flask.typing import ResponseReturnValue
from markdown.treeprocessors import Treeprocessor
from markupsafe import Markup
from sqlalchemy import text
from werkzeug.exceptions import NotFound

from trustivide.core.cookies import LANGUAGE
from trustivide.core.db import db
from trustivide.core.inventory import recipients, record_of_processing
from trustivide.rights import legal_texts
from trustivide.web import cookies
from trustivide.web.access import local_path, public
from trustivide.web.fragments import go, page
from trustivide.web.locale import LOCALES, language

bp = Blueprint("web", __name__)
dev = Blueprint("dev", __name__, url_prefix="/dev")

_GPC_SINCE = "2026-11-25"
"""When what we do about Sec-GPC last changed."""


@bp.get("/")
@public
def index() -> ResponseReturnValue:
    """What Trustivide is."""
    return page("web/landing.html")


@bp.get("/healthz")
@public
def health() -> ResponseReturnValue:
    """200 when the database answers."""
    db.session.execute(text("SELECT 1"))
    return Response("ok\n", mimetype="text/plain")


@bp.get("/.well-known/gpc.json")
@public
def gpc_support() -> ResponseReturnValue:
    """That Sec-GPC is honoured, for browsers and auditors (Global Privacy Control, section 5)."""
    return {"gpc": True, "lastUpdate": _GPC_SINCE}


@bp.post("/language", endpoint="language")
@public
def set_language() -> ResponseReturnValue:
    """Choose the language; kept in a cookie, and by the account where there is one."""
    chosen = request.form.get("lang", "")
    response = go(local_path(request.form.get("next")) or "/")
    if chosen in LOCALES:
        cookies.keep(response, LANGUAGE, chosen)
        # Not while answering: a row about the account would be written beside the answers.
        answering = response.headers.get("Location", "").startswith("/s/")
        if "remember_language" in current_app.extensions and not answering:
            current_app.extensions["remember_language"](chosen)
    return response


class _CellLabels(Treeprocessor):
    """Tell each cell the heading of its column: on a phone a row becomes a card."""

    def run(self, root: Element) -> None:
        for table in root.iter("table"):
            heads = ["".join(head.itertext()) for head in table.iter("th")]
            for row in table.iter("tr"):
                for head, cell in zip(heads, row.findall("td"), strict=False):
                    cell.set("data-label", head)
                    content = Element("div")
                    content.text, content[:] = cell.text, cell[:]
                    cell.text, cell[:] = None, [content]


def legal_html(body: str) -> Markup:
    """A legal text as HTML; placeholders like ``{{ table:activities }}`` become tables."""
    reader = markdown.Markdown(extensions=["tables"])
    reader.treeprocessors.register(_CellLabels(reader), "cell-labels", 5)
    html = reader.convert(body)
    html = re.sub(
        r"<p>\{\{ table:(\w+) \}\}</p>",
        lambda match: str(_table(match.group(1))),
        html,
    )
    return Markup(html)  # noqa: S704  the texts ship with the product


def _table(name: str) -> str:
    activities = [activity for activity, _ in record_of_processing()]
    return render_template(
        f"web/_table_{name}.html", activities=activities, recipients=recipients()
    )


@bp.get("/privacy-policy")
@public
def policy() -> ResponseReturnValue:
    """The privacy policy, with its tables read from the inventory."""
    current = legal_texts.current("privacy-policy", language())
    return page("web/policy.html", policy=current, body=legal_html(current.body))


@bp.get("/processing-agreement")
@public
def agreement() -> ResponseReturnValue:
    """The data processing agreement that organisations accept (GDPR Art. 28)."""
    current = legal_texts.current("processing-agreement", language())
    return page("web/policy.html", policy=current, body=legal_html(current.body))


# The development mailbox. Registered only where mail is kept as files.


def _mails(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.eml"), reverse=True)


def _read(path: Path) -> EmailMessage:
    with path.open("rb") as file:
        return email.message_from_binary_file(file, policy=email_policy)


@dev.get("/mail")
@public
def mailbox() -> ResponseReturnValue:
    """Every mail kept so far, newest first."""
    folder: Path = current_app.extensions["mail_folder"]
    mails = [(path.stem, _read(path)) for path in _mails(folder)[:200]]
    return page("web/mailbox.html", mails=mails)


@dev.get("/mail/<name>")
@public
def mail(name: str) -> ResponseReturnValue:
    """One mail: its text with clickable links, and the way to its HTML part."""
    message = _read(_find(name))
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    return page(
        "web/mail.html",
        name=name,
        message=message,
        plain=plain.get_content() if plain else "",
        has_html=html is not None,
    )


@dev.get("/mail/<name>/html")
@public
def mail_html(name: str) -> ResponseReturnValue:
    """The HTML part alone, as a mail program would show it."""
    body = _read(_find(name)).get_body(("html",))
    response = Response(body.get_content() if body else "", mimetype="text/html")
    # Mail programs know no external stylesheets; nothing else may run or load.
    response.headers["Content-Security-Policy"] = (
        "sandbox allow-top-navigation-by-user-activation; default-src 'none'; "
        "style-src 'unsafe-inline'"
    )
    return response


def _find(name: str) -> Path:
    folder: Path = current_app.extensions["mail_folder"]
    wanted = {path.stem: path for path in _mails(folder)}
    if name not in wanted:
        raise NotFound
    return wanted[name]


def init_app(app: Flask, mail_folder: Path | None) -> None:
    """Register the pages; the mailbox only where mails are kept as files."""
    app.register_blueprint(bp)
    if mail_folder is not None:
        app.extensions["mail_folder"] = mail_folder
        app.register_blueprint(dev)
