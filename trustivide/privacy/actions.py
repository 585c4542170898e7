"""Exercising a right: each does what was asked, and records that it was asked."""

import calendar
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from trustivide.auth import queries as accounts
from trustivide.core import inventory
from trustivide.core.activities import BY_KEY, PRIVACY_RIGHTS, Activity, LegalBasis
from trustivide.core.clock import day_of
from trustivide.core.crypto import DecryptionError, ring
from trustivide.core.errors import Refused
from trustivide.core.holds import Held, over
from trustivide.core.inventory import Field, Group
from trustivide.core.subjects import Person
from trustivide.outbox.actions import send_mail
from trustivide.privacy import cases, notices
from trustivide.privacy.cases import About
from trustivide.privacy.models import Request
from trustivide.rights import actions as rights
from trustivide.rights import legal_texts
from trustivide.rights.ledger import ledger
from trustivide.rights.legal_texts import LegalText
from trustivide.rights.queries import (
    EVERYTHING,
    consent_history,
    consent_state,
    named,
    objected,
    restricted,
)

_BATCH = 500
_UNSUBSCRIBE = "unsubscribe"


def month_later(day: date, months: int = 1) -> date:
    """The same date so many months on, or that month's last day where there is none.

    GDPR Art. 12(3) with Regulation (EEC, Euratom) 1182/71, Art. 3(2)(c). A
    last day that is a holiday is not moved forward: early is never late.
    Counted from ``day`` itself: a month and two more are not three of them.
    """
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
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


def ask(
    session: Session,
    person: Person,
    kind: str,
    now: datetime,
    *,
    address: str,
    name: str | None,
    locale: str,
    details: str,
    activity: Activity | None = None,
    wanted: str | None = None,
    about: About | None = None,
    received_at: datetime | None = None,
    channel: str = "self",
    identity: str = "proven",
    entered_by_id: UUID | None = None,
) -> Request:
    """Put on the desk what people must decide, and mail a receipt that says until when.

    Asking the same while it is open gives the first request back, also to one
    of two who ask at the same moment. The clock runs from ``received_at``,
    from now without it.
    """
    once = kind == "object" and activity is not None
    said = (activity,) if once else (activity, about, wanted, details)
    open_key = cases.key_of(person, kind, *said)
    if (known := cases.with_key(session, open_key)) is not None:
        return known
    try:
        with session.begin_nested():
            asked = record(
                session,
                person,
                kind,
                received_at or now,
                done=False,
                activity=activity,
                channel=channel,
                identity=identity,
            )
            cases.open_case(
                session,
                person,
                asked,
                address=address,
                name=name,
                locale=locale,
                details=details,
                wanted=wanted,
                about=about,
                open_key=open_key,
                entered_by_id=entered_by_id,
            )
    except IntegrityError:
        if (known := cases.with_key(session, open_key)) is None:
            raise
        return known
    send_mail(
        session,
        "request_received",
        address,
        {"request": str(asked.id)},
        purpose=PRIVACY_RIGHTS,
        locale=locale,
        now=now,
        about_id=asked.id,
    )
    return asked


def correct(
    session: Session,
    person: Person,
    group: Group,
    row_id: UUID,
    field: Field,
    value: Any,
    now: datetime,
    asked: Request | None = None,
) -> bool:
    """Replace one value (Art. 16); the old one is kept nowhere. False if the row isn't theirs.

    ``asked`` is the request that the desk carries out; without one, this is the
    request. Raises IntegrityError when another row already holds the new value.
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
    asked = asked or record(session, person, "correct", now, activity=field.activity)
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
    """Give, refuse or withdraw a consent. What already stands is not recorded again.

    A no is "withdrawn" after a yes, to whichever version of the text, and
    "refused" where nothing was answered before. A yes given anew also ends an
    objection to the same activity.
    """
    state = consent_state(consent_history(session, person, activity), activity)
    against = activity.key in objected(session, person)
    settled = {"given"} if on else {"refused", "withdrawn"}
    if state in settled and not (on and against):
        return
    if on and against:
        rights.withdraw_objection(session, person, activity, now)
    refusal = "refused" if state == "none" else "withdrawn"
    rights.choose(
        session,
        person,
        activity,
        "given" if on else refusal,
        text,
        now,
        collected_by=collected_by,
        gpc_seen=gpc_seen,
    )
    record(session, person, "consent", now, activity=activity)


def set_objection(
    session: Session,
    person: Person,
    activity: Activity,
    now: datetime,
    *,
    on: bool,
    reason: str | None = None,
    address: str | None = None,
    name: str | None = None,
    locale: str = "sv",
) -> None:
    """Object to an activity, or take the objection back (Art. 21); it acts at once either way.

    Against marketing it is absolute, and done. Against anything else it needs
    a ``reason`` relating to the person's situation, which the desk assesses
    while the activity stands still: raises :class:`Refused` without one. The
    answer goes to ``address``. Taking it back withdraws it from the desk.
    """
    if on == (activity.key in objected(session, person)):
        return
    if not on:
        rights.withdraw_objection(session, person, activity, now)
        note_refusal(person, session=session, activity=activity, on=False, now=now)
    elif activity.legal_basis is LegalBasis.CONSENT:
        _stop(session, person, activity, now)
    elif not reason:
        raise Refused("reason")
    else:
        ask(
            session,
            person,
            "object",
            now,
            activity=activity,
            details=reason,
            address=address or min(person.addresses),
            name=name,
            locale=locale,
        )
        if activity.key not in objected(session, person):  # not by another press just now
            rights.object_to(session, person, activity, now)


def refuse_sender(
    session: Session,
    person: Person,
    activity: Activity,
    now: datetime,
    *,
    on: bool,
    scope: UUID | None = None,
) -> None:
    """Say no to being sent ``activity``, within ``scope`` or by everybody, or take it back.

    Nobody is asked for a reason, and nobody assesses it.
    """
    if on == (named(activity, scope) in objected(session, person)):
        return
    if scope is None and not on:
        set_objection(session, person, activity, now, on=False)
        return
    (rights.object_to if on else rights.withdraw_objection)(session, person, activity, now, scope)
    record(session, person, "object", now, activity=activity)


def note_refusal(
    person: Person, *, session: Session, activity: Activity, on: bool, now: datetime
) -> None:
    """Write down a no that nobody assesses, or that one was taken back, also from the desk."""
    if not on:
        cases.end(session, person, now, kind="object", activity=activity)
    record(session, person, "object", now, activity=activity)


def _stop(session: Session, person: Person, activity: Activity, now: datetime) -> None:
    """An objection that nobody assesses."""
    rights.object_to(session, person, activity, now)
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
    log nor a mail gateway reads the address from it. It holds for as long as the
    mail is kept, whatever cipher keys retire.
    """
    sealed = ring().seal(json.dumps([address, purpose]).encode(), _UNSUBSCRIBE)
    return f"/privacy/unsubscribe/{urlsafe_b64encode(sealed).decode().rstrip('=')}"


def read_unsubscribe(token: str) -> tuple[str, Activity] | None:
    """The address and activity that a path of :func:`unsubscribe_path` names."""
    try:
        sealed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        address, purpose = json.loads(ring().unseal(sealed, _UNSUBSCRIBE))
    except (ValueError, DecryptionError):
        return None
    return (address, BY_KEY[purpose]) if purpose in BY_KEY else None


def unsubscribe(
    session: Session, address: str, activity: Activity, language: str, now: datetime
) -> None:
    """Withdraw consent to, or object to, mail of this purpose. Twice does it once.

    Whoever presses a link in a mail is asked for no reason, and it is final.
    """
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
    if activity.key not in objected(session, person):
        _stop(session, person, activity, now)
