"""Registration, where a signed-in person comes home to, and which organisation they work in."""

from uuid import UUID, uuid4

from flask import request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.auth import login
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.organisations import actions, invitations, queries
from trustivide.organisations.forms import RegistrationForm
from trustivide.organisations.views.base import bp, choose, chosen
from trustivide.rights import legal_texts
from trustivide.web.access import account, found, public
from trustivide.web.fragments import go, page, tell
from trustivide.web.headers import gpc
from trustivide.web.legal import legal_html
from trustivide.web.limits import tries
from trustivide.web.locale import language


@bp.route("/auth/register", methods=["GET", "POST"])
@public
@tries
def register() -> ResponseReturnValue:
    """Register an organisation and its owner's account."""
    if request.method == "GET" and login.current():
        return go(url_for("organisations.home"))
    form = RegistrationForm()
    if form.validate_on_submit():
        with transaction() as db_session:
            user = actions.register(
                db_session,
                organisation=form.organisation.data,
                number=form.number.data,
                name=form.name.data,
                email=form.email.data,
                password=form.password.data,
                locale=language(),
                marketing=form.marketing.data,
                gpc_seen=gpc(),
                now=clock.now(),
            )
            # Confirming in this browser needs no password. Random where there was
            # an account already: the cookie can be read, and must tell nothing.
            registered = user.id if user else uuid4()
        session["registered"] = str(registered)
        return go(url_for("auth.check_mail"))
    notice = legal_texts.current("privacy-notice", language())
    return page(
        "organisations/register.html",
        fragment="registration",
        status=422 if form.is_submitted() else 200,
        form=form,
        notice=notice,
        notice_html=legal_html(notice.body),
        marketing=legal_texts.current("marketing", language()),
        agreement=legal_texts.current("processing-agreement", language()),
    )


@bp.get("/home")
@account
def home() -> ResponseReturnValue:
    """Send everybody to where their work is; who belongs nowhere is told what they can do."""
    who: login.SignedIn = found(login.current())
    if who.user.is_staff:
        return go(url_for("admin.index"))
    actor = queries.acting(db.session(), who.user.id, chosen())
    if actor is None:
        mine = invitations.received(db.session(), who.user, clock.now())
        return page("organisations/home.html", invitations=mine)
    return go(url_for("teams.index" if actor.may("teams.manage") else "workshops.index"))


@bp.post("/organisation/choice")
@account
def choice() -> ResponseReturnValue:
    """Work in another of the organisations that one belongs to."""
    who: login.SignedIn = found(login.current())
    mine = queries.organisations_of(db.session(), who.user.id)
    wanted = request.form.get("organisation", "")
    organisation_id: UUID = found(next((key for key in mine if str(key) == wanted), None))
    choose(organisation_id)
    tell(_("Nu arbetar du i %(organisation)s.", organisation=mine[organisation_id]))
    return go(url_for("organisations.home"))
