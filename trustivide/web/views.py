"""Pages that belong to no feature: the front page, the language, health."""

import email
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default as email_policy
from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from werkzeug.exceptions import NotFound

from trustivide.core import clock
from trustivide.core.cookies import LANGUAGE
from trustivide.core.db import db
from trustivide.rights import legal_texts
from trustivide.web import cookies
from trustivide.web.access import local_path, public
from trustivide.web.fragments import go, page
from trustivide.web.legal import legal_html
from trustivide.web.locale import LOCALES, language

bp = Blueprint("web", __name__)
dev = Blueprint("dev", __name__, url_prefix="/dev")

_SECURITY_TXT_FOR = timedelta(days=180)
"""RFC 9116 advises less than a year."""
_GPC_SINCE = "2026-11-25"
"""When what we do about Sec-GPC last changed."""


@bp.get("/")
@public
def index() -> ResponseReturnValue:
    """What Trustivide is."""
    return page("web/landing.html")


@bp.get("/.well-known/security.txt")
@public
def security_txt() -> ResponseReturnValue:
    """Whom to tell of a security flaw (RFC 9116). Read anew it never expires, kept it does."""
    settings = current_app.config["SETTINGS"]
    expires = (clock.now() + _SECURITY_TXT_FOR).replace(microsecond=0)
    fields = {
        "Contact": f"mailto:{settings.contact_email}",
        "Expires": expires.isoformat().replace("+00:00", "Z"),
        "Preferred-Languages": "sv, en",
        "Canonical": settings.public_url + url_for("web.security_txt"),
        "Policy": settings.public_url + url_for("web.security"),
    }
    lines = "".join(f"{name}: {value}\n" for name, value in fields.items())
    return Response(lines, mimetype="text/plain")


@bp.get("/security")
@public
def security() -> ResponseReturnValue:
    """How to report a security flaw, and what to expect."""
    text = legal_texts.current("security-reporting", language())
    return page("web/security.html", text=text, body=legal_html(text.body))


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


@bp.get("/.well-known/change-password")
@public
def change_password() -> ResponseReturnValue:
    """Where password managers lead people (W3C, "A Well-Known URL for Changing Passwords")."""
    return go(url_for("auth.change_password"))


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
