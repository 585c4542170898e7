"""An organisation's data handed back (GDPR Art. 28(3)(g)): a ZIP for whoever owns it.

Made, encrypted, kept and dropped as a person's download is. What goes into it
is read from ``core.tenancy``: never a single answer, and never a key.
"""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import IO
from uuid import UUID

from flask import current_app
from flask_babel import force_locale
from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.core import tenancy
from trustivide.core.activities import CUSTOMER_RELATIONS
from trustivide.core.db import db
from trustivide.core.errors import Refused
from trustivide.core.inventory import Record
from trustivide.core.subjects import Person
from trustivide.core.tenancy import Part
from trustivide.outbox.actions import start_job
from trustivide.outbox.registry import job_id
from trustivide.privacy import export
from trustivide.privacy.actions import record
from trustivide.privacy.models import Export
from trustivide.privacy.words import show

SCHEMA = "trustivide-hand-back/1"
_STEPS = 3
Rows = Callable[[Part], Iterator[Record]]


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

    def write(session: Session, sink: IO[bytes], tell: Callable[[float], None]) -> None:
        _write(session, sink, organisation_id, locale, now, tell)

    path = f"/privacy/organisation/{organisation_id}"
    export.make(made, write, "hand_back_ready", {"path": path})


def _write(
    session: Session,
    sink: IO[bytes],
    organisation_id: UUID,
    locale: str,
    now: datetime,
    tell: Callable[[float], None],
) -> None:
    held = [(part, tenancy.count(session, part, organisation_id)) for part in tenancy.handed_back()]
    total = max(1, sum(n for _, n in held) * _STEPS)
    done = 0

    def rows(part: Part) -> Iterator[Record]:
        nonlocal done
        for row in tenancy.records(session, part, organisation_id):
            yield row
            done += 1
            if done % 500 == 0:
                tell(done / total)
        tell(done / total)

    with export.zipped(sink, now) as add:
        add("index.html", _page(held, locale, now, rows))
        add("data.json", _json(organisation_id, now, rows))
        for part, _ in held:
            add(f"{part.name}.csv", _csv(part, locale, rows))


def _page(held: list[tuple[Part, int]], locale: str, now: datetime, rows: Rows) -> Iterator[str]:
    with force_locale(locale):
        template = current_app.jinja_env.get_template("privacy/hand_back_page.html")
        yield from template.generate(
            held=held,
            rows=rows,
            kept_back=[part for part in tenancy.parts() if part.author_only],
            now=now,
            locale=locale,
            show=show,
            contact_email=current_app.config["SETTINGS"].contact_email,
        )


def _json(organisation_id: UUID, now: datetime, rows: Rows) -> Iterator[str]:
    head = {
        "schema": SCHEMA,
        "made_at": now.isoformat(timespec="seconds"),
        "organisation": str(organisation_id),
    }
    yield json.dumps(head)[:-1] + ', "tables": {'
    for n, part in enumerate(tenancy.handed_back()):
        labels = {c.name: export.both(c.label) for c in part.columns if c.label}
        described = {"label": export.both(part.label), "columns": labels}
        yield ("," if n else "") + f"\n{json.dumps(part.name)}: "
        yield json.dumps(described, ensure_ascii=False)[:-1] + ', "rows": ['
        for m, row in enumerate(rows(part)):
            values = {name: export.plain_value(value) for name, value in row.values.items()}
            yield ("," if m else "") + "\n  " + json.dumps(values, ensure_ascii=False)
        yield "]}"
    yield "\n}}\n"


def _csv(part: Part, locale: str, rows: Rows) -> Iterator[str]:
    header = [c.label.in_(locale) if c.label else c.name for c in part.columns]
    return export.csv_lines(header, (list(row.values.values()) for row in rows(part)))
