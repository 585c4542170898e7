"""The way in without an account, and stopping mail without signing in (RFC 8058)."""

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.privacy import access, actions, links
from trustivide.privacy.forms import FindForm
from trustivide.privacy.views.base import bp
from trustivide.web.access import found, public
from trustivide.web.fragments import go, page, tell
from trustivide.web.limits import tries
from trustivide.web.locale import language


@bp.route("/find", methods=["GET", "POST"])
@public
@tries
def find() -> ResponseReturnValue:
    """Ask for a link to what is kept about an address. The answer is always the same."""
    form = FindForm()
    if form.validate_on_submit():
        with transaction() as session:
            links.ask(session, form.email.data, language(), clock.now())
        return go(url_for("privacy.link_sent"))
    status = 422 if form.is_submitted() else 200
    return page("privacy/find.html", fragment="find", status=status, form=form)


@bp.get("/find/sent")
@public
def link_sent() -> ResponseReturnValue:
    """The same words, whether or not anything is known."""
    return page("privacy/link_sent.html")


@bp.route("/enter/<token>", methods=["GET", "POST"])
@public
def enter(token: str) -> ResponseReturnValue:
    """Opening the link shows a button; pressing it uses the link up and opens the visit."""
    if request.method == "GET":
        still_open = links.is_open(db.session(), token, clock.now())
        return page("privacy/enter.html", token=token, open=still_open, status=_gone(still_open))
    with transaction() as session:
        opened = links.enter(session, token, clock.now())
        if opened is not None:
            actions.record(session, Person.of(None, opened[0]), "access", clock.now())
    if opened is None:
        return page("privacy/enter.html", token=token, open=False, status=404)
    return access.begin(go(url_for("privacy.index")), opened[1])


def _gone(still_open: bool) -> int:
    return 200 if still_open else 404


@bp.post("/leave")
@public
def leave() -> ResponseReturnValue:
    """End a visit by mailed link."""
    with transaction() as session:
        links.leave(session, access.token())
    tell(_("Du har lämnat integritetscentret. Länken går inte att använda igen."))
    return access.end(go(url_for("privacy.find")))


# Mail that somebody doesn't want (RFC 8058)


@bp.get("/unsubscribe/<token>")
@public
def unsubscribe(token: str) -> ResponseReturnValue:
    """Say what stops, and offer the button. Opening the link changes nothing."""
    _address, activity = found(actions.read_unsubscribe(token))
    return page("privacy/unsubscribe.html", token=token, activity=activity, done=False)


@bp.post("/unsubscribe/<token>")
@public
def one_click_unsubscribe(token: str) -> ResponseReturnValue:
    """Stop the mail, for whoever holds the link: no session, no questions."""
    address, activity = found(actions.read_unsubscribe(token))
    with transaction() as session:
        actions.unsubscribe(session, address, activity, language(), clock.now())
    return page("privacy/unsubscribe.html", token=token, activity=activity, done=True)
