"""Ending an organisation's contract: handed back, waited for, erased, proven (Art. 28(3)(g)).

An ending is an :class:`Erasure` with an ``organisation_id`` and goes the way
of a person's: cooling → queued → rows → compacting → done, each step repeatable
after a crash. What goes is read from ``core.tenancy``. Accounts that are left
without an organisation are erased as accounts are: with a mail, a receipt of
their own, and seven days to change their mind.
"""

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from trustivide.audit import actions as audit
from trustivide.auth import queries as accounts
from trustivide.core import inventory, tenancy
from trustivide.core.activities import CUSTOMER_RELATIONS, PRIVACY_RIGHTS
from trustivide.core.clock import day_of
from trustivide.core.crypto import ring
from trustivide.core.db import transaction
from trustivide.core.errors import Refused
from trustivide.core.inventory import Consequence
from trustivide.core.subjects import Person
from trustivide.core.tenancy import Part
from trustivide.outbox.actions import send_mail
from trustivide.outbox.registry import job_id
from trustivide.privacy import erasure, export, handback, receipt
from trustivide.privacy.actions import record
from trustivide.privacy.models import Erasure, Export, Request
from trustivide.privacy.queries import PENDING
from trustivide.rights.ledger import ledger

log = logging.getLogger(__name__)

FEWEST = 5
"""Below this many, a number of rights used could be somebody's in particular."""
_BATCH = 500
_AGAIN = timedelta(days=1)
"""How long an ending that something blocks waits before it looks again."""


def held(session: Session, organisation_id: UUID) -> list[tuple[Part, int]]:
    """What the organisation holds: each table with its number of rows, but for single answers."""
    return [(part, tenancy.count(session, part, organisation_id)) for part in tenancy.handed_back()]


def rights_used(session: Session, organisation_id: UUID, now: datetime) -> int | None:
    """How many rights the organisation's people used in twelve months; ``None`` below FEWEST.

    The customer learns that the self-service works, and not who used it (GDPR Art. 28(3)(e)).
    """
    people = tenancy.tenancy().people_of(session, organisation_id)
    references = sorted({reference for person in people for reference in person.references})
    used = 0
    for start in range(0, len(references), _BATCH):
        used += (
            session.scalar(
                select(func.count())
                .select_from(Request)
                .where(
                    Request.reference.in_(references[start : start + _BATCH]),
                    Request.received_at > now - timedelta(days=365),
                )
            )
            or 0
        )
    return used if used >= FEWEST else None


def consequences(session: Session, organisation_id: UUID) -> list[Consequence]:
    """What ending the contract would do besides erasing the organisation's rows."""
    dependents = inventory.registry.dependents
    return [c for d in dependents for c in d.ending(session, organisation_id)]


def pending(session: Session, organisation_id: UUID) -> Erasure | None:
    """The ending that is decided and not done yet."""
    return session.scalar(
        select(Erasure)
        .where(Erasure.organisation_id == organisation_id, Erasure.state.in_(PENDING))
        .limit(1)
    )


def request(
    session: Session,
    person: Person,
    organisation_id: UUID,
    *,
    name: str,
    without_copy: bool,
    now: datetime,
) -> str:
    """Decide that the contract ends in seven days; returns the code of the receipt.

    Every owner gets the mail with the way back and to the receipt; ``name`` is
    how they read of who decided. Raises :class:`Refused`: "gone" when the
    organisation or the ownership is, "pending" when it was decided already,
    "blocked" when somebody has to act first, and "copy" when there is no
    download to fetch and nobody said that none is needed.
    """
    if not tenancy.lock(session, organisation_id):
        raise Refused("gone")
    owned = tenancy.tenancy().owned_by(session, person.user_id) if person.user_id else {}
    if organisation_id not in owned:
        raise Refused("gone")
    if pending(session, organisation_id) is not None:
        raise Refused("pending")
    if any(c.blocks for c in consequences(session, organisation_id)):
        raise Refused("blocked")
    if not without_copy and handback.ready(session, organisation_id, now) is None:
        raise Refused("copy")
    code = receipt.new_code()
    asked = record(session, person, "other", now, done=False, activity=CUSTOMER_RELATIONS)
    ending = Erasure(
        request_id=asked.id,
        reference=person.reference,
        organisation_id=organisation_id,
        state="cooling",
        requested_at=now,
        begins_at=now + erasure.COOLING,
        code_digest=receipt.code_digests(code)[0],
        subject_reference=receipt.subject_reference(code, owned[organisation_id]),
    )
    session.add(ending)
    session.flush()
    audit.record(
        session, "ending_requested", now, actor_id=person.user_id, thing_id=organisation_id
    )
    _tell_owners(session, ending, owned[organisation_id], name, code, now)
    return code


def _tell_owners(
    session: Session, ending: Erasure, organisation: str, by: str, code: str, now: datetime
) -> None:
    assert ending.organisation_id is not None
    for user_id in tenancy.tenancy().owners_of(session, ending.organisation_id):
        owner = accounts.by_id(session, user_id)
        assert owner is not None
        send_mail(
            session,
            "contract_ending",
            owner.email,
            {
                "name": owner.name,
                "organisation": organisation,
                "by": by,
                "path": f"/privacy/organisation/{ending.organisation_id}",
                "receipt_path": f"/privacy/receipt/{code}",
                "begins_at": ending.begins_at.isoformat(),
            },
            purpose=PRIVACY_RIGHTS,
            locale=owner.locale,
            now=now,
        )


def cancel(session: Session, person: Person, organisation_id: UUID, now: datetime) -> bool:
    """Take the decision back while it cools off, as an owner; False when there is none."""
    tenancy.lock(session, organisation_id)
    ending = session.scalar(
        select(Erasure)
        .where(Erasure.organisation_id == organisation_id, Erasure.state == "cooling")
        .with_for_update()
    )
    if ending is None:
        return False
    asked = session.get_one(Request, ending.request_id)
    asked.state, asked.completed_at = "cancelled", now
    ending.state = "cancelled"
    session.flush()
    audit.record(
        session, "ending_cancelled", now, actor_id=person.user_id, thing_id=organisation_id
    )
    return True


def on_closing(organisation: Any, *, session: Session, now: datetime) -> None:
    """An organisation is about to be erased: whoever is left without one leaves in a week.

    Sent for an ended contract as for a last owner who leaves. Accounts that
    nobody confirmed are forgotten anyway, and one that leaves already, leaves.
    """
    for user_id in tenancy.tenancy().accounts_of(session, organisation.id):
        user = accounts.by_id(session, user_id)
        if user is None or user.confirmed_at is None:
            continue
        try:
            erasure.request(
                session,
                accounts.person(user),
                address=user.email,
                name=user.name,
                locale=user.locale,
                now=now,
                ended=organisation.name,
            )
        except Refused as refused:
            log.info("account %s stays: %s", user_id, refused)


def run(params: dict[str, str], now: datetime) -> None:
    """The job "ending": carry one out, from wherever it stands. A finished one is left alone."""
    ending_id = job_id(params)
    steps = {"queued": _note_intent, "rows": _erase, "compacting": erasure.finish}
    while (state := erasure.state_of(ending_id)) in steps:
        steps[state](ending_id, now)


def _note_intent(ending_id: UUID, now: datetime) -> None:
    """The ledger first. What blocks by now puts the ending off, and can still be undone."""
    with transaction() as session:
        ending = session.get_one(Erasure, ending_id, with_for_update=True)
        organisation_id = ending.organisation_id
        assert organisation_id is not None
        if any(c.blocks for c in consequences(session, organisation_id)):
            ending.state, ending.begins_at = "cooling", now + _AGAIN
            return
        ledger().append(
            "organisation-closed",
            ring().digest(organisation_id.bytes, "organisation"),
            day_of(now),
            {"erasure": str(ending_id), "organisation": str(organisation_id)},
        )
        ending.state = "rows"


def _erase(ending_id: UUID, now: datetime) -> None:
    """Files first, since rows say whose they are; then every row, in one transaction."""
    with transaction() as session:
        ending = session.get_one(Erasure, ending_id)
        counts = dict(ending.counts or {})
        gone = dict(counts.get("stores", {}))
        gone["exports"] = gone.get("exports", 0) + _drop_files(session, ending)
        ending.counts = {**counts, "stores": gone}
    with transaction() as session:
        ending = session.get_one(Erasure, ending_id, with_for_update=True)
        if ending.state != "rows":
            return
        organisation_id, counts = ending.organisation_id, dict(ending.counts or {})
        assert organisation_id is not None
        before = held(session, organisation_id)
        tenancy.tenancy().close(session, organisation_id, now)
        tables = {part.name: {"deleted": n, "blanked": 0, "kept": 0} for part, n in before if n}
        ending.state = "compacting"
        ending.counts = {**counts, "tables": tables}


def _drop_files(session: Session, ending: Erasure) -> int:
    mine = session.scalars(
        select(Export).where(Export.organisation_id == ending.organisation_id)
    ).all()
    there = [path for each in mine if (path := export.path_of(each.id)).exists()]
    for path in there:
        path.unlink(missing_ok=True)
    for each in mine:
        session.delete(each)
    return len(there)
