"""The report on looks. Reading it is noted: it is opened by POST, for half an hour."""

from datetime import datetime
from typing import Any

from flask import g, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import format_date

from trustivide.admin import looks as seen
from trustivide.admin.forms import LooksFilter
from trustivide.admin.queries import LOOK_FOR
from trustivide.admin.views.base import bp, page, page_number
from trustivide.audit import actions as audit
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.web.access import staff
from trustivide.web.files import attachment
from trustivide.web.fragments import go

_OPENED = "opened_looks"


@bp.get("/looks")
@staff("looks.report")
def looks() -> ResponseReturnValue:
    """Who of us looked, once opened; before that, what opening it does."""
    if not _is_open():
        return page("looks.html", fragment="looks", opened=False)
    form = _filter(request.args)
    if not form.validate():
        return page("looks.html", fragment="looks", status=422, opened=True, form=form)
    session, wanted = db.session(), form.wanted
    return page(
        "looks.html",
        fragment="looks",
        opened=True,
        form=form,
        totals=seen.totals(session, wanted),
        looks=seen.report(session, wanted, page_number()),
        here=url_for("admin.looks", colleague=form.colleague.data, month=form.month.data),
    )


def _filter(data: Any) -> LooksFilter:
    session = db.session()
    known = seen.totals(session, seen.Wanted())
    return LooksFilter(
        data,
        meta={"csrf": False},  # reading by GET; the posting view is behind the app's own check
        colleagues={str(t.staff_id): t.who for t in known if t.who},
        months={f"{m:%Y-%m}": str(format_date(m, "LLLL yyyy")) for m in seen.months(session)},
    )


def _is_open() -> bool:
    until = cookie.get(_OPENED)
    return until is not None and datetime.fromisoformat(until) > clock.now()


@bp.post("/looks/opening")
@staff("looks.report")
def open_looks() -> ResponseReturnValue:
    """Note that the report is read, then show it."""
    _note("page")
    cookie[_OPENED] = (clock.now() + LOOK_FOR).isoformat()
    return go(url_for("admin.looks"))


@bp.post("/looks/export")
@staff("looks.report")
def export_looks() -> ResponseReturnValue:
    """Note that the report is taken along, then send what is filtered as CSV."""
    form = _filter(request.form)
    if not form.validate():
        return page("looks.html", fragment="looks", status=422, opened=True, form=form)
    _note("csv")
    body = seen.as_csv(db.engine, form.wanted)
    return attachment(body, f"looks-{clock.day_of(clock.now())}.csv", "text/csv")


def _note(how: str) -> None:
    with transaction() as session:
        audit.record(session, "looks_reported", clock.now(), actor_id=g.actor.user.id, detail=how)
