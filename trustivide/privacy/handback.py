"""An organisation's data handed back (GDPR Art. 28(3)(g)): a ZIP for whoever owns it.

Made, encrypted, kept and dropped as a person's download is. What goes into it
is read from ``core.tenancy``: never a single answer, and never a key.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import IO
from uuid import UUID

from flask import current_app
from flask_babel import force_locale
from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.audit import actions as audit
from trustivide.core import tenancy
from trustivide.core.activities import CUSTOMER_RELATIONS
from trustivide.core.db import db
from trustivide.core.errors import Refused
from trustivide.core.subjects import Person
from trustivide.core.tenancy import Part
from trustivide.outbox.actions import start_job
from trustivide.outbox.registry import job_id
from trustivide.privacy import archive, export
from trustivide.privacy.actions import record
from trustivide.privacy.archive import Table, both
from trustivide.privacy.export import Tell
from trustivide.privacy.models import Export
from trustivide.privacy.words import show

SCHEMA = "trustivide-hand-back/1"


def request(
    session: Session,
    person: Person,
    organisation_id: UUID,
    *,
    address: str,
    locale: str,
    now: datetime,
) -> Export:
    """Ask for the organisation's data. A file that is already being made is given back instead.

    Raises :class:`Refused` when the organisation is gone.
    """
    if not tenancy.lock(session, organisation_id):
        raise Refused("gone")
    newest = latest(session, organisation_id)
    if newest is not None and newest.state in ("queued", "running"):
        return newest
    asked = record(session, person, "other", now, done=False, activity=CUSTOMER_RELATIONS)
    made = Export(
        request_id=asked.id,
        reference=person.reference,
        organisation_id=organisation_id,
        user_id=person.user_id,
        email=address,
        locale=locale,
        requested_at=now,
        expires_at=now + export.KEPT_FOR,
    )
    session.add(made)
    session.flush()
    audit.record(session, "copy_requested", now, actor_id=person.user_id, thing_id=organisation_id)
    start_job(session, "hand_back", {"id": str(made.id)}, now=now)
    return made


def latest(session: Session, organisation_id: UUID) -> Export | None:
    """The newest download of the organisation's data, whoever of its owners asked for it."""
    return session.scalar(
        select(Export)
        .where(Export.organisation_id == organisation_id)
        .order_by(Export.requested_at.desc())
        .limit(1)
    )


def ready(session: Session, organisation_id: UUID, now: datetime) -> Export | None:
    """A finished download that can still be fetched."""
    return session.scalar(
        select(Export)
        .where(
            Export.organisation_id == organisation_id,
            Export.state == "ready",
            Export.expires_at > now,
        )
        .order_by(Export.requested_at.desc())
        .limit(1)
    )


def run(params: dict[str, str], now: datetime) -> None:
    """The job "hand_back": make the file."""
    made = db.session.get(Export, job_id(params))
    if made is None or made.organisation_id is None:
        return
    organisation_id, locale = made.organisation_id, made.locale

    def write(session: Session, sink: IO[bytes], tell: Tell) -> None:
        _write(session, sink, organisation_id, locale, now, tell)

    path = f"/privacy/organisation/{organisation_id}"
    export.make(made, write, "hand_back_ready", {"path": path})


def _write(
    session: Session,
    sink: IO[bytes],
    organisation_id: UUID,
    locale: str,
    now: datetime,
    tell: Tell,
) -> None:
    """All that the organisation holds: a page to read, one file for machines, tables."""
    head = {
        "schema": SCHEMA,
        "made_at": now.isoformat(timespec="seconds"),
        "organisation": str(organisation_id),
    }
    tables = [_table(session, part, organisation_id, locale) for part in tenancy.handed_back()]
    with archive.zipped(sink, now) as add:
        add("index.html", _page(session, organisation_id, tables, locale, now))
        tell(0)
        archive.write_tables(add, head, tables, export.folder(), tell)


def _table(session: Session, part: Part, organisation_id: UUID, locale: str) -> Table:
    columns = {
        c.name: {"label": both(c.label) if c.label else None, "type": archive.type_name(c.shown)}
        for c in part.columns
    }
    count = tenancy.count(session, part, organisation_id)
    return Table(
        part.name,
        {"label": both(part.label), "count": count, "columns": columns},
        [c.name for c in part.columns],
        [c.label.in_(locale) if c.label else c.name for c in part.columns],
        count,
        lambda: tenancy.batches(session, part, organisation_id),
    )


def _page(
    session: Session, organisation_id: UUID, tables: list[Table], locale: str, now: datetime
) -> Iterator[str]:
    with force_locale(locale):
        template = current_app.jinja_env.get_template("privacy/hand_back_page.html")
        pieces = template.stream(
            held=[(p, t.count) for p, t in zip(tenancy.handed_back(), tables, strict=True)],
            rows=lambda part: tenancy.records(session, part, organisation_id, limit=export.ON_PAGE),
            on_page=export.ON_PAGE,
            kept_back=[part for part in tenancy.parts() if part.author_only],
            now=now,
            locale=locale,
            show=show,
            contact_email=current_app.config["SETTINGS"].contact_email,
        )
        pieces.enable_buffering(100)
        yield from pieces
