"""Erasing a person: said before, waited for, done in steps that can be repeated, proven after.

The plan is read from the inventory; nothing here knows a feature. States of
an :class:`Erasure`: cooling → queued → rows → compacting → done, or cancelled.
Each step commits what it did together with the state that follows it, so a
killed worker goes on where it stopped, and a second run finds nothing to do.

What a legal hold keeps makes it "held" instead of done: all else is gone, of
an account only a row is left that nobody can sign in to, and when the hold
ends it is queued once more.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from trustivide.audit import actions as audit
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
from trustivide.privacy import holds, notices, receipt
from trustivide.privacy.actions import record
from trustivide.privacy.holds import Keeping, Kept
from trustivide.privacy.models import Erasure, Request
from trustivide.privacy.queries import pending_erasure
from trustivide.rights.ledger import ledger
from trustivide.rights.models import Restriction

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
    held: tuple[Kept, ...]


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
        return tuple(p for p in self.groups if p.deletes and not p.held)

    @property
    def changed(self) -> tuple[Planned, ...]:
        """Groups whose rows stay, without the person."""
        return tuple(p for p in self.groups if not p.deletes and p.blanked and not p.held)

    @property
    def kept(self) -> tuple[Planned, ...]:
        """Groups of which something stays, with its grounds."""
        return tuple(p for p in self.groups if p.kept)

    @property
    def held(self) -> tuple[Planned, ...]:
        """Groups that wait until a legal hold ends; those that only come along stand last."""
        held = (p for p in self.groups if p.held)
        return tuple(sorted(held, key=lambda p: p.held[0].owner is None))


def plan(session: Session, person: Person) -> Plan:
    """What erasing the person would delete, empty and keep, and what else would happen."""
    stores = [(store, store.find(session, person)) for store in inventory.registry.stores]
    keeping = holds.keeping(session, person)
    return Plan(
        tuple(
            _planned(group, n, keeping.of(group))
            for group in inventory.groups()
            if (n := inventory.count(session, group, person))
        ),
        tuple((store, n) for store, n in stores if n),
        tuple(_consequences(session, person)),
    )


def _consequences(session: Session, person: Person) -> Iterator[Consequence]:
    for dependent in inventory.registry.dependents:
        yield from dependent.preview(session, person)


def _planned(group: Group, count: int, held: tuple[Kept, ...]) -> Planned:
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
        held,
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
    code: str | None = None,
) -> str:
    """Decide an erasure; returns the code of its receipt, which is stored nowhere.

    An account waits for :data:`COOLING` and its owner gets a mail with the way
    back; without an account it begins at once. ``ended`` names the organisation
    whose end is why, where it was not the person's own wish. ``code`` comes
    from the page that was confirmed, so that confirming twice leads to one
    receipt. Raises :class:`Refused` when something blocks it or one is already
    on its way, also of two that ask at the same time.
    """
    if any(c.blocks for c in _consequences(session, person)):
        raise Refused("blocked")
    if pending_erasure(session, person) is not None:
        raise Refused("pending")
    code = code or receipt.new_code()
    cools = person.user_id is not None
    begins_at = now + COOLING if cools else now
    try:
        with session.begin_nested():
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
    except IntegrityError:  # somebody was a moment quicker
        raise Refused("pending") from None
    if ended is None:
        audit.record(
            session, "erasure_requested", now, actor_id=person.user_id, about_id=person.user_id
        )
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
    """Take the decision back while it cools off; False when there is none to take back.

    The row is locked and read anew: of this and the beginning one wins, and
    the other sees that it did.
    """
    pending = pending_erasure(session, person)
    if pending is None:
        return False
    erasure = session.get_one(Erasure, pending.id, with_for_update=True, populate_existing=True)
    if erasure.state != "cooling":
        return False
    asked = session.get_one(Request, erasure.request_id)
    asked.state, asked.completed_at = "cancelled", now
    erasure.state = "cancelled"
    erasure.user_id = erasure.email = None
    session.flush()
    audit.record(
        session, "erasure_cancelled", now, actor_id=person.user_id, about_id=person.user_id
    )
    return True


def by_code(session: Session, code: str) -> Erasure | None:
    """The erasure whose receipt this code opens."""
    return session.scalar(
        select(Erasure).where(Erasure.code_digest.in_(receipt.code_digests(code)))
    )


def start_due(now: datetime) -> None:
    """Queue what has cooled off, what a hold let go, and whatever lost its job; every minute.

    What something blocks (an organisation that a hold keeps from closing)
    waits, and can still be taken back.
    """
    session: Session = db.session()
    at_rest = select(Erasure).where(
        (Erasure.state == "held") | ((Erasure.state == "cooling") & (Erasure.begins_at <= now))
    )
    found = [e for e in session.scalars(at_rest).all() if _may_go_on(session, e)]
    found += session.scalars(
        select(Erasure).where(Erasure.state.in_(("queued", "rows", "compacting")))
    )
    waiting = {e.id: "erasure" if e.organisation_id is None else "ending" for e in found}
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
            .where(Erasure.id.in_(waiting), Erasure.state.in_(("cooling", "held")))
            .values(state="queued")
            .execution_options(synchronize_session=False)
        )
        for erasure_id, kind in waiting.items():
            if erasure_id not in at_work:
                start_job(session, kind, {"id": str(erasure_id)}, now=now)


def _may_go_on(session: Session, erasure: Erasure) -> bool:
    if erasure.organisation_id is not None:
        return True  # an ending looks itself, and waits a day at a time
    if erasure.state == "held":
        return holds.ended(session, erasure)
    return not any(c.blocks for c in _consequences(session, erasure.person))


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


def _note_intent(erasure_id: UUID, now: datetime) -> None:
    """The ledger first: a copy restored in the middle must know that this was decided."""
    with transaction() as session:
        erasure = session.get_one(Erasure, erasure_id)
        person = erasure.person
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
        person = erasure.person
        counts = dict(erasure.counts or {})
        gone = dict(counts.get("stores", {}))
        for store in inventory.registry.stores:
            gone[store.key] = gone.get(store.key, 0) + store.erase(session, person)
        erasure.counts = {**counts, "stores": gone}
    with transaction() as session:
        erasure = session.get_one(Erasure, erasure_id, with_for_update=True)
        if erasure.state != "rows":
            return
        person, counts = erasure.person, dict(erasure.counts or {})
        groups = inventory.groups()[::-1]
        keeping = holds.keeping(session, person)
        before = {g.name: inventory.count(session, g, person) for g in groups}
        # While the rows still say who was given them (Art. 19).
        asked = session.get_one(Request, erasure.request_id)
        kept = frozenset(keeping.whole)
        notices.tell(session, person, asked, "erased", None, now, kept=kept)
        for dependent in inventory.registry.dependents:
            dependent.carry_out(session, person, now)
        tables = {g.name: _erase_group(session, g, person, before[g.name], keeping) for g in groups}
        _hold_back(session, person, keeping, now)
        session.expire(erasure)
        erasure.state = "compacting"
        erasure.counts = {
            **counts,
            "tables": _together(counts.get("tables", {}), tables),
            "held": sorted(a.key for a in keeping.activities),
        }


def _together(first: dict[str, Any], second: dict[str, dict[str, int]]) -> dict[str, Any]:
    """The counts of an erasure that a hold cut in two. What is held now was not deleted before."""
    found = {}
    for name, n in second.items():
        was = {"deleted": 0, "blanked": 0, "kept": 0, "held": 0} | first.get(name, {})
        total = {key: was[key] + n[key] for key in ("deleted", "blanked")}
        total |= {"kept": max(was["kept"], n["kept"]), "held": n["held"]}
        if any(total.values()):
            found[name] = total
    return found


def _hold_back(session: Session, person: Person, keeping: Keeping, now: datetime) -> None:
    """What is held is stored and not used, whether looked for by account or by address."""
    references = {person.reference, *(Person.of(None, a).reference for a in person.addresses)}
    session.add_all(
        Restriction(reference=reference, activity=activity.key, at=now)
        for activity in keeping.activities
        for reference in references
    )
    session.flush()


def _erase_group(
    session: Session, group: Group, person: Person, before: int, keeping: Keeping
) -> dict[str, int]:
    """``before`` counts what was there before an ending organisation took its part along.

    Three statements whatever the number of rows; none of them comes up here.
    """
    done = {"deleted": 0, "blanked": 0, "kept": 0, "held": 0}
    mine = inventory.clause(group, person)
    if mine is None:
        return done
    n = inventory.count(session, group, person)
    done["deleted"] = before - n
    if group.name in keeping.whole:
        return {**done, "held": n}
    if group.name in keeping.emptied:
        _empty(session, group, mine, keeping)
        return {**done, "held": n}
    # On the connection, past the session's guard: digests are filled by hand below.
    connection = session.connection()
    if group.deletes_row:
        connection.execute(delete(group.table).where(mine))
        return {**done, "deleted": before}
    values = _with_digests(
        group, {f.column.name: f.erase.value for f in group.fields if isinstance(f.erase, Fill)}
    )
    if values:
        connection.execute(update(group.table).where(mine).values(values))
        done["blanked"] = n
    if any(isinstance(f.erase, Keep) for f in group.fields):
        done["kept"] = n
    return done


def _empty(session: Session, group: Group, mine: ColumnElement[bool], keeping: Keeping) -> None:
    """Leave the row with what is held in it, and nothing else."""
    emptied = group.model.__emptied__
    assert emptied is not None
    ids, goes = group.table.c.id, {f.name for f in group.fields if not keeping.leaves(group, f)}
    for row_id in session.scalars(select(ids).where(mine)).all():
        values = {name: value for name, value in emptied(row_id).items() if name in goes}
        session.connection().execute(
            update(group.table).where(ids == row_id).values(_with_digests(group, values))
        )


def _with_digests(group: Group, values: dict[str, Any]) -> dict[str, Any]:
    values = dict(values)
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
            # What may be kept needn't be erased (Art. 17(3)): the request is answered now.
            asked.state, asked.completed_at = "done", asked.completed_at or finished
            erasure.state = "held" if (erasure.counts or {}).get("held") else "done"
            if erasure.state == "done":
                erasure.receipt = receipt.issue(session, erasure, asked, finished)
            state = erasure.state
        log.info("erasure %s is %s", each, state)
