"""Registration, and the page that a signed-in person comes home to."""

from uuid import uuid4

from flask import Blueprint, request, session, url_for
from flask.typing import ResponseReturnValue

from trustivide.auth import login
from trustivide.core import clock
from trustivide.core.db import transaction
from trustivide.organisations import actions
from trustivide.organisations.forms import RegistrationForm
from trustivide.rights import legal_texts
from trustivide.web.access import account, public
from trustivide.web.fragments import go, page
from trustivide.web.legal import legal_html
from trustivide.web.limits import tries
from trustivide.web.locale import language

bp = Blueprint("organisations", __name__)


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
                gpc_seen=request.headers.get("Sec-GPC") == "1",
                now=clock.now(),
            )
        # Confirming in this browser needs no password. Random where there was
        # an account already: the cookie can be read, and must tell nothing.
        session["registered"] = str(user.id if user else uuid4())
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
    """Send everybody to where their work is."""
    who = login.current()
    assert who is not None
    if who.user.is_staff:
        return go(url_for("admin.index"))
    return go(url_for("teams.index"))
