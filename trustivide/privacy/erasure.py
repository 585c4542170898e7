"""Erasing a person: said before, waited for, done in steps that can be repeated, proven after.

The plan is read from the inventory; nothing here knows a feature. States of
an :class:`Erasure`: cooling → queued → rows → compacting → done, or cancelled.
Each step commits what it did together with the state that follows it, so a
killed worker goes on where it stopped, and a second run finds nothing to do.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from trustivide.core import clock, inventory
from trustivide.core.activities import PRIVACY_RIGHTS
from trustivide.core.clock import day_of
from trustivide.core.compaction import compact
from trustivide.core.crypto import Digest
from trustivide.core.db import Fill, Keep, db, transaction
from trustivide.core.errors import Refused
from trustivide.core.inventory import Consequence, Field, Group, Store
from trustivide.core.subjects import Person
from trustivide.core.text import Text
from trustivide.outbox import jobs
from trustivide.outbox.actions import send_mail, start_job
from trustivide.outbox.models import Job
from trustivide.outbox.registry import job_id
from trustivide.privacy import receipt
from trustivide.privacy.actions import record
from trustivide.privacy.models import Erasure, Request
from trustivide.privacy.queries import pending_erasure
from trustivide.rights.ledger import ledger

log = logging.getLogger(__name__)

COOLING = timedelta(days=7)


@dataclass(frozen=True)
class Planned:
    """What erasure does to the person's rows of one group."""

    group: Group
    count: int
    deletes: bool
    blanked: tuple[Field, ...]
    kept: tuple[tuple[Text, tuple[Field, ...]], ...]


@dataclass(frozen=True)
class Plan:
    """Everything that an erasure would do now. Making one changes nothing."""

    groups: tuple[Planned, ...]
    stores: tuple[tuple[Store, int], ...]
    consequences: tuple[Consequence, ...]

    @property
    def is_blocked(self) -> bool:
        """Whether somebody has to act before it can be done."""
        return any(c.blocks for c in self.consequences)

    @property
    def deleted(self) -> tuple[Planned, ...]:
        """Groups whose rows go."""
        return tuple(p for p in self.groups if p.deletes)

    @property
    def changed(self) -> tuple[Planned, ...]:
        """Groups whose rows stay, without the person."""
        return tuple(p for p in self.groups if not p.deletes and p.blanked)

    @property
    def kept(self) -> tuple[Planned, ...]:
        """Groups of which something stays, with its grounds."""
        return tuple(p for p in self.groups if p.kept)


def plan(session: Session, person: Person) -> Plan:
    """What erasing the person would delete, empty and keep, and what else would happen."""
    stores = [(store, store.find(session, person)) for store in inventory.registry.stores]
    return Plan(
        tuple(
            _planned(group, n)
            for group in inventory.groups()
            if (n := inventory.count(session, group, person))
        ),
        tuple((store, n) for store, n in stores if n),
        tuple(c for d in inventory.registry.dependents for c in d.preview(session, person)),
    )


def _planned(group: Group, count: int) -> Planned:
    kept: dict[Text, list[Field]] = {}
    for item in group.fields:
        if isinstance(item.erase, Keep) and not item.declared.derived:
            kept.setdefault(item.erase.ground, []).append(item)
    return Planned(
        group,
        count,
        group.deletes_row,
        tuple(f for f in group.fields if isinstance(f.erase, Fill)),
        tuple((ground, tuple(fields)) for ground, fields in kept.items()),
    )


def request(
    session: Session,
    person: Person,
    *,
    address: str,
    name: str,
    locale: str,
    now: datetime,
    ended: str | None = None,
) -> str:
    """Decide an erasure; returns the code of its receipt, which is stored nowhere.

    An account waits for :data:`COOLING` and its owner gets a mail with the way
    back; without an account it begins at once. ``ended`` names the organisation
    whose end is why, where it was not the person's own wish. Raises :class:`Refused` when
    something blocks it or one is already on its way.
    """
    if plan(session, person).is_blocked:
        raise Refused("blocked")
    if pending_erasure(session, person) is not None:
        raise Refused("pending")
    code = receipt.new_code()
    cools = person.user_id is not None
    begins_at = now + COOLING if cools else now
    asked = record(session, person, "erase", now, done=False)
    erasure = Erasure(
        request_id=asked.id,
        reference=person.reference,
        user_id=person.user_id,
        email=min(person.addresses) if person.addresses else None,
        state="cooling" if cools else "queued",
        requested_at=now,
        begins_at=begins_at,
        code_digest=receipt.code_digests(code)[0],
        subject_reference=receipt.subject_reference(code, address),
    )
    session.add(erasure)
    session.flush()
    if not cools:
        start_job(session, "erasure", {"id": str(erasure.id)}, now=now)
        return code
    send_mail(
        session,
        "erasure_scheduled",
        address,
        {
            "name": name,
            "path": "/privacy/erasure",
            "receipt_path": f"/privacy/receipt/{code}",
            "begins_at": begins_at.isoformat(),
            "ended": ended,
        },
        purpose=PRIVACY_RIGHTS,
        locale=locale,
        now=now,
    )
    return code


def cancel(session: Session, person: Person, now: datetime) -> bool:
    """Take the decision back while it cools off; False when there is none to take back."""
    erasure = pending_erasure(session, person)
    if erasure is None or erasure.state != "cooling":
        return False
    asked = session.get_one(Request, erasure.request_id)
    asked.state, asked.completed_at = "cancelled", now
    erasure.state = "cancelled"
    erasure.user_id = erasure.email = None
    session.flush()
    return True


def by_code(session: Session, code: str) -> Erasure | None:
    """The erasure whose receipt this code opens."""
    return session.scalar(
        select(Erasure).where(Erasure.code_digest.in_(receipt.code_digests(code)))
    )


def start_due(now: datetime) -> None:
    """Queue what has cooled off, and whatever lost its job; the worker calls it every minute."""
    found = db.session.execute(
        select(Erasure.id, Erasure.organisation_id).where(
            Erasure.state.in_(("queued", "rows", "compacting"))
            | ((Erasure.state == "cooling") & (Erasure.begins_at <= now))
        )
    )
    waiting = {row.id: "erasure" if row.organisation_id is None else "ending" for row in found}
    if not waiting:
        return
    with transaction() as session:
        alive = session.scalars(
            select(Job).where(
                Job.kind.in_(("erasure", "ending")), Job.state.in_(("queued", "running"))
            )
        )
        at_work = {UUID(job.params["id"]) for job in alive}
        session.execute(
            update(Erasure)
            .where(Erasure.id.in_(waiting), Erasure.state == "cooling")
            .values(state="queued")
            .execution_options(synchronize_session=False)
        )
        for erasure_id, kind in waiting.items():
            if erasure_id not in at_work:
                start_job(session, kind, {"id": str(erasure_id)}, now=now)


def run(params: dict[str, str], now: datetime) -> None:
    """Carry one erasure out, from wherever it stands. A finished one is left alone."""
    erasure_id = job_id(params)
    steps = {"queued": _note_intent, "rows": _erase, "compacting": finish}
    while (state := state_of(erasure_id)) in steps:
        steps[state](erasure_id, now)


def state_of(erasure_id: UUID) -> str | None:
    """How far an erasure has come, read anew."""
    state = db.session.scalar(select(Erasure.state).where(Erasure.id == erasure_id))
    db.session.rollback()  # VACUUM waits for no reader, and least of all for ourselves
    return state


def _person(erasure: Erasure) -> Person:
    return Person.of(erasure.user_id, *([erasure.email] if erasure.email else []))


def _note_intent(erasure_id: UUID, now: datetime) -> None:
    """The ledger first: a copy restored in the middle must know that this was decided."""
    with transaction() as session:
        erasure = session.get_one(Erasure, erasure_id)
        person = _person(erasure)
        ledger().append(
            "erasure",
            person.reference,
            day_of(now),
            {
                "erasure": str(erasure_id),
                "references": sorted(r.hex() for r in person.references),
                "user": str(person.user_id) if person.user_id else None,
            },
        )
        erasure.state = "rows"


def _erase(erasure_id: UUID, now: datetime) -> None:
    """Files first, since rows say whose they are; then every row, in one transaction."""
    with transaction() as session:
        erasure = session.get_one(Erasure, erasure_id)
        person = _person(erasure)
        counts = dict(erasure.counts or {})
        gone = dict(counts.get("stores", {}))
        for store in inventory.registry.stores:
            gone[store.key] = gone.get(store.key, 0) + store.erase(session, person)
        erasure.counts = {**counts, "stores": gone}
    with transaction() as session:
        erasure = session.get_one(Erasure, erasure_id, with_for_update=True)
        if erasure.state != "rows":
            return
        person, counts = _person(erasure), dict(erasure.counts or {})
        groups = inventory.groups()[::-1]
        before = {g.name: inventory.count(session, g, person) for g in groups}
        for dependent in inventory.registry.dependents:
            dependent.carry_out(session, person, now)
        tables = {g.name: _erase_group(session, g, person, before[g.name]) for g in groups}
        session.expire(erasure)
        erasure.state = "compacting"
        erasure.counts = {**counts, "tables": {k: v for k, v in tables.items() if any(v.values())}}


def _erase_group(session: Session, group: Group, person: Person, before: int) -> dict[str, int]:
    """``before`` counts what was there before an ending organisation took its part along."""
    done = {"deleted": 0, "blanked": 0, "kept": 0}
    where = inventory.clause(group, person)
    if where is None:
        return done
    # On the connection, past the session's guard: digests are filled by hand below.
    connection = session.connection()
    mine = group.table.c.id.in_(select(group.model.id).where(where))  # type: ignore[attr-defined]
    n = inventory.count(session, group, person)
    if group.deletes_row:
        connection.execute(delete(group.table).where(mine))
        return {**done, "deleted": before}
    done["deleted"] = before - n
    values = _filled(group)
    if values:
        connection.execute(update(group.table).where(mine).values(values))
        done["blanked"] = n
    if any(isinstance(f.erase, Keep) for f in group.fields):
        done["kept"] = n
    return done


def _filled(group: Group) -> dict[str, Any]:
    values = {f.column.name: f.erase.value for f in group.fields if isinstance(f.erase, Fill)}
    for column in group.table.columns:
        kind = column.type
        if isinstance(kind, Digest) and values.get(kind.of or "") is not None:
            values[column.name] = kind.compute(values[kind.of or ""])
    return values


def finish(erasure_id: UUID, now: datetime) -> None:
    """Scrub the file once for every erasure that waits for it, then issue the receipts."""
    waiting = db.session.scalars(select(Erasure.id).where(Erasure.state == "compacting")).all()
    db.session.rollback()
    for kind in ("erasure", "ending"):
        jobs.keep_alive(kind, clock.now())
    compact()
    for each in waiting:
        with transaction() as session:
            erasure = session.get_one(Erasure, each, with_for_update=True)
            if erasure.state != "compacting":
                continue
            asked = session.get_one(Request, erasure.request_id)
            finished = clock.now()
            erasure.receipt = receipt.issue(erasure, asked, finished)
            erasure.state = "done"
            asked.state, asked.completed_at = "done", finished
        log.info("erasure %s is done", each)
