"""The desk, where staff decide the requests that don't fulfil themselves (GDPR Art. 12).

Every step locks the request first: of two colleagues who decide at once, the
second raises :class:`Decided` and changes nothing. Mails are written when they
are sent, from the case, so that no copy of an answer waits in the queue.
"""

import logging
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.auth import queries as accounts
from trustivide.auth.models import User
from trustivide.core.activities import BY_KEY, PRIVACY_RIGHTS, Activity
from trustivide.core.clock import begin_of, day_of
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.core.inventory import Consequence
from trustivide.core.roles import STAFF
from trustivide.core.subjects import Person
from trustivide.core.text import Text
from trustivide.outbox.actions import send_mail
from trustivide.privacy import cases
from trustivide.privacy.actions import ask, month_later
from trustivide.privacy.answers import AUTHORITY, GROUNDS
from trustivide.privacy.models import KINDS, Case, Request
from trustivide.rights import actions as rights
from trustivide.rights.queries import objected

log = logging.getLogger(__name__)

KNOWN = ("proven", "checked")
"""Identities under which a request may be granted."""
UNKNOWN, KNOWN_ALREADY, TOO_LATE = "unknown", "known already", "too late"
"""Why a step is refused."""
WARN = (timedelta(days=7), timedelta(days=1))
"""How long before the due date staff are reminded."""


def enter(
    session: Session,
    staff: User,
    kind: str,
    now: datetime,
    *,
    address: str,
    name: str | None,
    details: str,
    activity: Activity | None,
    channel: str,
    received_on: date,
    locale: str,
) -> Request:
    """Write in what came by e-mail, letter or phone; the clock runs from when it came.

    An objection stops the activity now, before anybody has checked who wrote:
    that does least harm. What protects people (security, staff's looks, legal
    claims) goes on meanwhile, and everything else waits for the check.
    """
    person = accounts.person_at(session, address)
    asked = ask(
        session,
        person,
        kind,
        now,
        address=address,
        name=name,
        locale=locale,
        details=details,
        activity=activity,
        received_at=begin_of(received_on),
        channel=channel,
        identity="unchecked",
        entered_by_id=staff.id,
    )
    stops = kind == "object" and activity is not None and activity.objectable
    if activity and stops and activity.key not in objected(session, person):
        rights.object_to(session, person, activity, now)
    return asked


def ask_identity(session: Session, request_id: UUID, now: datetime) -> None:
    """Ask for what shows that the request is theirs (Art. 12(6)). The clock runs on."""
    asked, case = cases.hold(session, request_id)
    if asked.identity in KNOWN:
        raise Refused(KNOWN_ALREADY)
    asked.identity = "asked"
    _mail(session, "request_identity", asked, case, now)


def identify(session: Session, request_id: UUID, how: str) -> None:
    """Note that it is theirs: "checked" by staff, "proven" by the person who signed in."""
    asked, _case = cases.hold(session, request_id)
    asked.identity = how
    session.flush()


def extend(session: Session, request_id: UUID, reason: str, now: datetime) -> None:
    """Take two months more, once, within the first month, with reasons (Art. 12(3)).

    Raises :class:`Refused` afterwards.
    """
    asked, case = cases.hold(session, request_id)
    if not can_extend(asked, now):
        raise Refused(TOO_LATE)
    asked.extended_on, case.extension_reason = day_of(now), reason
    asked.due_on = month_later(day_of(asked.received_at), 3)
    _mail(session, "request_extended", asked, case, now)


def can_extend(asked: Request, now: datetime) -> bool:
    """Whether it waits, within its first month, and was not extended."""
    within = day_of(now) <= month_later(day_of(asked.received_at))
    return asked.state == "open" and asked.extended_on is None and within


def answer(session: Session, request_id: UUID, words: str, staff: User, now: datetime) -> None:
    """Grant the request. Raises :class:`Refused` while it isn't known who asks."""
    asked, case = cases.hold(session, request_id)
    grant(session, asked, case, words, staff, now)


def grant(
    session: Session, asked: Request, case: Case, words: str, staff: User, now: datetime
) -> None:
    """:func:`answer` for a request that is held already."""
    if asked.identity not in KNOWN:
        raise Refused(UNKNOWN)
    _decide(session, asked, case, "done", words, staff, now)
    _mail(session, "request_answered", asked, case, now)


def refuse(
    session: Session, request_id: UUID, ground: str, words: str, staff: User, now: datetime
) -> None:
    """Refuse on one of :data:`GROUNDS`, with reasons and the authority's address (Art. 12(4))."""
    asked, case = cases.hold(session, request_id)
    asked.ground = GROUNDS[ground].key
    _decide(session, asked, case, "refused", words, staff, now)
    _mail(session, "request_refused", asked, case, now)


def _decide(
    session: Session,
    asked: Request,
    case: Case,
    state: str,
    words: str,
    staff: User,
    now: datetime,
) -> None:
    cases.close(asked, case, state, now)
    case.answer, case.decided_by_id = words, staff.id
    session.flush()
    log.info("request %s is %s", asked.id, state)


def _mail(session: Session, kind: str, asked: Request, case: Case, now: datetime) -> None:
    send_mail(
        session,
        kind,
        cases.address_of(session, case),
        {"request": str(asked.id)},
        purpose=PRIVACY_RIGHTS,
        locale=case.locale,
        now=now,
        about_id=asked.id,
    )


def compose(session: Session, params: dict[str, Any]) -> dict[str, Any] | None:
    """A mail's context, from the case as it stands; ``None`` when it was erased."""
    row = session.execute(
        select(Request, Case)
        .join(Case, Case.request_id == Request.id)
        .where(Request.id == UUID(params["request"]))
    ).one_or_none()
    if row is None:
        return None
    asked, case = row
    return {
        "asked": asked,
        "case": case,
        "kind": KINDS[asked.kind],
        "activity": BY_KEY[asked.activity].name if asked.activity else None,
        "ground": GROUNDS[asked.ground].whole if asked.ground else None,
        "authority": AUTHORITY,
        "path": f"/privacy/requests/{asked.id}",
    }


MAILS = {
    "request_received": Text("Kvitto", "Receipt"),
    "request_identity": Text("Fråga om vems den är", "Question whose it is"),
    "request_extended": Text("Besked om mer tid", "Notice of more time"),
    "request_answered": Text("Svar", "Answer"),
    "request_refused": Text("Avslag", "Refusal"),
}
"""The mails that a person gets about a request."""
COMPOSERS = dict.fromkeys(MAILS, compose)


def remind(now: datetime) -> None:
    """Mail staff once a week before a request is due, and again when a day is left or none.

    The mail holds counts and a link, nothing about anybody.
    """
    today = day_of(now)
    waiting = db.session.scalars(
        select(Request.id).where(Request.state == "open", Request.due_on <= today + WARN[0])
    ).all()
    if not waiting:
        return
    with transaction() as session:
        pressing = session.scalars(
            select(Request)
            .where(Request.id.in_(waiting), Request.state == "open")
            .with_for_update()
        ).all()
        due = [r for r in pressing if _not_said_yet(r, today)]
        for request in due:
            request.reminded_on = today
        late = sum(r.due_on < today for r in due)
        colleagues = session.scalars(
            select(User).where(
                User.staff_role.in_(STAFF["requests.handle"]), User.confirmed_at.is_not(None)
            )
        ).all()
        for colleague in colleagues if due else ():
            send_mail(
                session,
                "requests_due",
                colleague.email,
                {"due": len(due) - late, "late": late},
                purpose=PRIVACY_RIGHTS,
                locale=colleague.locale,
                now=now,
            )


def _not_said_yet(request: Request, today: date) -> bool:
    """Whether a threshold is behind us that no reminder has followed yet."""
    passed = [request.due_on - w for w in WARN if today >= request.due_on - w]
    return request.reminded_on is None or request.reminded_on < max(passed)


def erasure_preview(session: Session, person: Person) -> list[Consequence]:
    """Say that nobody will answer what still waits."""
    waiting = cases.waiting(session, person)
    if not waiting:
        return []
    return [
        Consequence(
            Text(
                f"Begäranden som väntar på svar och avslutas utan det: {waiting}.",
                f"Requests that wait for an answer and end without one: {waiting}.",
            )
        )
    ]


def end_with_person(session: Session, person: Person, now: datetime) -> None:
    """An erasure takes the cases along: what was asked can't be answered any more."""
    cases.end(session, person, now)
