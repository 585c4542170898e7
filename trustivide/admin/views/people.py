"""Customers and accounts. Opening a person takes a reason, and leaves a trace that they see."""

from collections.abc import Collection
from uuid import UUID

from flask import g, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.admin import actions, queries
from trustivide.admin.forms import AccountSearch, CustomerSearch, LookForm
from trustivide.admin.views.base import bp, page, page_number
from trustivide.auth import queries as accounts
from trustivide.core import clock
from trustivide.core.activities import BY_KEY
from trustivide.core.db import db, transaction
from trustivide.rights.queries import EVERYTHING
from trustivide.web.access import found, staff
from trustivide.web.fragments import go
from trustivide.web.locale import language
from trustivide.workshops.queries import catalogue


@bp.get("/")
@staff("office.open")
def index() -> ResponseReturnValue:
    """The office's overview: numbers, no people."""
    return page(
        "index.html",
        fragment="overview",
        overview=queries.overview(db.session(), clock.now()),
        workshops=len(catalogue(db.session(), language())),
    )


@bp.route("/organisations", methods=["GET", "POST"])
@staff("customers.read")
def organisations() -> ResponseReturnValue:
    """Customers by name, or those of exactly the posted name or number."""
    form = CustomerSearch()
    search = form.search.data if form.validate_on_submit() else None
    return page(
        "organisations.html",
        fragment="customers",
        status=422 if form.errors else 200,
        form=form,
        search=search,
        customers=queries.customers(db.session(), page_number(), search),
    )


@bp.get("/organisations/<uuid:organisation_id>")
@staff("customers.read")
def organisation(organisation_id: UUID) -> ResponseReturnValue:
    """One customer and its accounts, masked."""
    return page(
        "organisation.html",
        fragment="accounts",
        customer=found(queries.customer(db.session(), organisation_id)),
        accounts=queries.accounts_in_lists(db.session(), page_number(), organisation_id),
    )


@bp.route("/users", methods=["GET", "POST"])
@staff("people.open")
def users() -> ResponseReturnValue:
    """Every account, masked; or the way to the one with exactly the posted address."""
    form = AccountSearch()
    if form.validate_on_submit():
        user = accounts.by_address(db.session(), form.email.data)
        if user is not None:
            return go(url_for("admin.user", user_id=user.id))
        form.email.errors = [_("Inget konto har den adressen.")]
    return page(
        "users.html",
        fragment="accounts",
        status=422 if form.errors else 200,
        form=form,
        accounts=queries.accounts_in_lists(db.session(), page_number()),
    )


@bp.get("/users/<uuid:user_id>")
@staff("people.open")
def user(user_id: UUID) -> ResponseReturnValue:
    """Ask for the reason; opening this page shows nothing and logs nothing."""
    person = found(accounts.by_id(db.session(), user_id))
    return page(
        "reason.html",
        fragment="reason",
        form=LookForm(),
        account=queries.masked(db.session(), person),
    )


@bp.post("/users/<uuid:user_id>/looks")
@staff("people.open")
def look_at(user_id: UUID) -> ResponseReturnValue:
    """Log the look, then show what it opened."""
    user, form = found(accounts.by_id(db.session(), user_id)), LookForm()
    if not form.validate_on_submit():
        account = queries.masked(db.session(), user)
        return page("reason.html", fragment="reason", status=422, form=form, account=account)
    with transaction() as session:
        look = actions.look_at(
            session,
            g.actor.user,
            accounts.person(user),
            user.locale,
            form.reason.data,
            clock.now(),
        )
    return go(url_for("admin.look", look_id=look.id))


@bp.get("/looks/<uuid:look_id>")
@staff("people.open")
def look(look_id: UUID) -> ResponseReturnValue:
    """The data that a look opened, to the one who began it, for half an hour."""
    session = db.session()
    held = found(queries.look_of(session, look_id, g.actor.user.id, clock.now()))
    profile = found(queries.profile(session, held.user_id))
    return page(
        "user.html",
        fragment="person",
        until=held.at + queries.LOOK_FOR,
        profile=profile,
        restricted=_names(profile.restricted),
        objected=_names(profile.objected),
    )


def _names(activities: Collection[str]) -> str:
    """Activities in words; a restriction can also stand for all of them."""
    words = [BY_KEY[key].name.in_(language()) for key in activities if key in BY_KEY]
    return _("allt") if EVERYTHING in activities else ", ".join(sorted(words))
