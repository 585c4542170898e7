"""The security log: read, filtered, taken along, and its chain checked."""

from collections.abc import Mapping
from typing import Any

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.admin import colleagues
from trustivide.admin.forms import TrailFilter
from trustivide.admin.queries import PER_PAGE, Slice, clamp
from trustivide.admin.views.base import bp, page, page_number
from trustivide.audit import actions as audit
from trustivide.audit import export
from trustivide.audit import queries as trail
from trustivide.audit.events import EVENTS
from trustivide.audit.models import AuditEntry
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.web.access import found, staff
from trustivide.web.files import attachment
from trustivide.web.fragments import go, tell
from trustivide.web.locale import text


@bp.get("/audit")
@staff("audit.read")
def security_log() -> ResponseReturnValue:
    """The newest entries that fit. Colleagues by name, everybody else by id."""
    form = _filter(request.args)
    if not form.validate():
        return page("audit.html", fragment="entries", status=422, form=form, **_check_state())
    entries = _entries(form.wanted)
    ids = {i for e in entries.items for i in (e.actor_id, e.about_id) if i}
    return page(
        "audit.html",
        fragment="entries",
        form=form,
        entries=entries,
        names=colleagues.names(db.session(), ids),
        events=EVENTS,
        here=url_for("admin.security_log", **_typed(form)),
        **_check_state(),
    )


def _filter(data: Mapping[str, str]) -> TrailFilter:
    # Reading by GET needs no token; the posting view is behind the application's own check.
    return TrailFilter(data, meta={"csrf": False})


def _typed(form: TrailFilter) -> dict[str, Any]:
    """What was filled in, as an address carries it."""
    return {field.name: str(field.data) for field in form if field.data}


def _entries(wanted: trail.Wanted) -> Slice[AuditEntry]:
    session = db.session()
    number, pages = clamp(page_number(), trail.count(session, wanted))
    offset = (number - 1) * PER_PAGE
    return Slice(trail.newest(session, wanted, offset, PER_PAGE), number, pages)


def _check_state() -> dict[str, object]:
    """What the last check of the chain found, and who asked for it."""
    last = trail.last_check(db.session())
    if last is None:
        return {"last": None}
    asked = last.actor_id
    by = colleagues.names(db.session(), [asked]).get(asked) if asked else None
    return {"last": last, "by": by, "whole": last.detail == "whole"}


@bp.post("/audit/check")
@staff("audit.read")
def check_audit() -> ResponseReturnValue:
    """Check the chain from beginning to end, and record what was found."""
    verdict = audit.check(clock.now(), g.actor.user.id)
    if verdict.faults:
        first = verdict.faults[0]
        what = text(trail.FAULTS[first.what])
        tell(
            _("Kedjan är bruten vid %(number)d: %(what)s.", number=first.number, what=what), "loss"
        )
    else:
        tell(_("Kedjan är hel. Anteckna huvudet någon annanstans: %(head)s", head=verdict.head))
    return go(url_for("admin.security_log"))


@bp.post("/audit/export")
@staff("audit.read")
def export_audit() -> ResponseReturnValue:
    """Note that the log is taken along, then send what is filtered as CSV or JSON Lines."""
    form, kind = _filter(request.form), request.form.get("kind", "")
    write, mimetype = found(export.KINDS.get(kind))
    if not form.validate():
        return page("audit.html", fragment="entries", status=422, form=form, **_check_state())
    now = clock.now()
    with transaction() as session:
        audit.record(session, "audit_exported", now, actor_id=g.actor.user.id, detail=kind)
    body = write(export.entries(db.engine, form.wanted))
    return attachment(body, f"security-log-{clock.day_of(now)}.{kind}", mimetype)
