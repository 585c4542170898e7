"""Exercising a right: each does what was asked, and records that it was asked."""

import calendar
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from trustivide.auth import queries as accounts
from trustivide.core import inventory
from trustivide.core.activities import BY_KEY, Activity
from trustivide.core.clock import day_of
from trustivide.core.crypto import DecryptionError, ring
from trustivide.core.holds import Held, over
from trustivide.core.inventory import Field, Group
from trustivide.core.subjects import Person
from trustivide.privacy import notices
from trustivide.privacy.models import Request
from trustivide.rights import actions as rights
from trustivide.rights import legal_texts
from trustivide.rights.ledger import ledger
from trustivide.rights.legal_texts import LegalText
from trustivide.rights.queries import EVERYTHING, consented, objected, restricted

_BATCH = 500
_UNSUBSCRIBE = b"unsubscribe\0"


def month_later(day: date) -> date:
    """The same date next month, or that month's last day where there is none.

    GDPR Art. 12(3) with Regulation (EEC, Euratom) 1182/71, Art. 3(2)(c). A
    last day that is a holiday is not moved forward: early is never late.
    """
    year, month = (day.year, day.month + 1) if day.month < 12 else (day.year + 1, 1)
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def record(
    session: Session,
    person: Person,
    kind: str,
    now: datetime,
    *,
    done: bool = True,
    activity: Activity | None = None,
    channel: str = "self",
    identity: str = "proven",
) -> Request:
    """Write down that a right was exercised; most fulfil themselves at once."""
    request = Request(
        reference=person.reference,
        kind=kind,
        state="done" if done else "open",
        received_at=now,
        due_on=month_later(day_of(now)),
        completed_at=now if done else None,
        activity=activity.key if activity else None,
        channel=channel,
        identity=identity,
    )
    session.add(request)
    session.flush()
    return request


def correct(
    session: Session,
    person: Person,
    group: Group,
    row_id: UUID,
    field: Field,
    value: str | None,
    now: datetime,
) -> bool:
    """Replace one value (Art. 16); the old one is kept nowhere. False if the row isn't theirs.

    Raises IntegrityError when another row already holds the new value.
    """
    row = session.scalar(_own(group, person, [row_id]))
    if row is None:
        return False
    ledger().append(
        "correction",
        person.reference,
        day_of(now),
        {"table": group.table.name, "row": str(row_id), "column": field.name},
    )
    asked = record(session, person, "correct", now, activity=field.activity)
    notices.tell(session, person, asked, "corrected", group, now)
    setattr(row, field.name, value)
    session.flush()
    return True


def _own(group: Group, person: Person, ids: list[UUID] | None = None) -> Any:
    where = inventory.clause(group, person)
    assert where is not None
    statement = select(group.model).where(where)
    if ids is not None:
        statement = statement.where(group.model.id.in_(ids))  # type: ignore[attr-defined]
    return statement


def delete_entries(
    session: Session, person: Person, group: Group, ids: list[UUID] | None, now: datetime
) -> int:
    """Delete the person's rows with these ids, or all of the group; returns how many went.

    Five hundred at a time, whatever their number. Raises
    :class:`~trustivide.core.holds.Held` while a legal hold keeps them.
    """
    if over(session, person, group):
        raise Held
    model_id = group.model.id  # type: ignore[attr-defined]
    some = _own(group, person, ids).with_only_columns(model_id).limit(_BATCH)
    gone = 0
    while batch := session.scalars(some).all():
        if not gone:
            asked = record(session, person, "erase", now, activity=group.activity)
            notices.tell(session, person, asked, "erased", group, now)
        ledger().append(
            "entries-erased",
            person.reference,
            day_of(now),
            {"table": group.table.name, "rows": [str(i) for i in batch]},
        )
        session.execute(delete(group.table).where(group.table.c.id.in_(batch)))
        gone += len(batch)
    return gone


def set_consent(
    session: Session,
    person: Person,
    activity: Activity,
    text: LegalText,
    now: datetime,
    *,
    on: bool,
    collected_by: str,
    gpc_seen: bool,
) -> None:
    """Give or withdraw a consent. What already stands is not recorded again.

    A yes given anew also ends an objection to the same activity.
    """
    against = activity.key in objected(session, person)
    if on == (consented(session, person, activity) and not against):
        return
    if on and against:
        rights.withdraw_objection(session, person, activity, now)
    rights.choose(
        session,
        person,
        activity,
        "given" if on else "withdrawn",
        text,
        now,
        collected_by=collected_by,
        gpc_seen=gpc_seen,
    )
    record(session, person, "consent", now, activity=activity)


def set_objection(
    session: Session, person: Person, activity: Activity, now: datetime, *, on: bool
) -> None:
    """Object to an activity, or take the objection back (Art. 21)."""
    if on == (activity.key in objected(session, person)):
        return
    (rights.object_to if on else rights.withdraw_objection)(session, person, activity, now)
    record(session, person, "object", now, activity=activity)


def set_restriction(
    session: Session, person: Person, activity: Activity | None, now: datetime, *, on: bool
) -> None:
    """Hold the use of data back, for one activity or for all, or let it go on (Art. 18)."""
    name = activity.key if activity else EVERYTHING
    if on == (name in restricted(session, person)):
        return
    (rights.restrict if on else rights.lift_restriction)(session, person, now, activity)
    asked = record(session, person, "restrict", now, activity=activity)
    if activity is None or activity.entered_by_others:
        notices.tell(session, person, asked, "restricted" if on else "lifted", None, now)


def unsubscribe_path(address: str, purpose: str) -> str:
    """The path that stops mail of one purpose to one address, without signing in (RFC 8058).

    The token is authenticated ciphertext: it can't be forged, and neither a
    log nor a mail gateway reads the address from it.
    """
    sealed = ring().encrypt(_UNSUBSCRIBE + json.dumps([address, purpose]).encode())
    return f"/privacy/unsubscribe/{urlsafe_b64encode(sealed).decode().rstrip('=')}"


def read_unsubscribe(token: str) -> tuple[str, Activity] | None:
    """The address and activity that a path of :func:`unsubscribe_path` names."""
    try:
        plain = ring().decrypt(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, DecryptionError):
        return None
    if not plain.startswith(_UNSUBSCRIBE):
        return None
    address, purpose = json.loads(plain.removeprefix(_UNSUBSCRIBE))
    return address, BY_KEY[purpose]


def unsubscribe(
    session: Session, address: str, activity: Activity, language: str, now: datetime
) -> None:
    """Withdraw consent to, or object to, mail of this purpose. Twice does it once."""
    user = accounts.by_address(session, address)
    confirmed = user is not None and user.confirmed_at is not None
    person = accounts.person(user) if user and confirmed else Person.of(None, address)
    if activity.consent_text is not None:
        set_consent(
            session,
            person,
            activity,
            legal_texts.current(activity.consent_text, language),
            now,
            on=False,
            collected_by="unsubscribe",
            gpc_seen=False,
        )
    set_objection(session, person, activity, now, on=True)
