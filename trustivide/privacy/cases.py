"""Requests that people must decide: what was asked, by whom, and what was answered."""

import json
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from trustivide.auth import queries as accounts
from trustivide.core.activities import BY_KEY, Activity
from trustivide.core.clock import day_of
from trustivide.core.crypto import ring
from trustivide.core.errors import Refused
from trustivide.core.subjects import Person
from trustivide.privacy.models import Case, Request

About = tuple[str, UUID, str]
"""The value that a correction concerns: group, row, column."""


class Decided(Refused):
    """The request no longer waits: somebody answered it, or it was taken back."""


def open_case(
    session: Session,
    person: Person,
    request: Request,
    *,
    address: str,
    name: str | None,
    locale: str,
    details: str,
    wanted: str | None = None,
    about: About | None = None,
    open_key: bytes | None = None,
    entered_by_id: UUID | None = None,
) -> Case:
    """Put ``request`` on the desk with what was written about it.

    ``about`` names the value that a correction concerns (group, row, column)
    and ``wanted`` what it should say. Raises IntegrityError when a case with
    the same ``open_key`` (see :func:`key_of`) is still open.
    """
    group, row, column = about or (None, None, None)
    case = Case(
        request_id=request.id,
        reference=person.reference,
        user_id=person.user_id,
        open_key=open_key,
        email=address,
        name=name,
        locale=locale,
        details=details,
        wanted=wanted,
        about_group=group,
        about_row=row,
        about_field=column,
        entered_by_id=entered_by_id,
    )
    session.add(case)
    session.flush()
    return case


def key_of(person: Person, kind: str, activity: Activity | None, *asked: object) -> bytes:
    """What two requests share when they ask for the same (keyed digest, 32 bytes)."""
    same = [person.reference.hex(), kind, activity.key if activity else None, *map(str, asked)]
    return ring().digest(json.dumps(same), "open-case")


def with_key(session: Session, open_key: bytes) -> Request | None:
    """The open request that asks for the same."""
    return session.scalar(
        select(Request).join(Case, Case.request_id == Request.id).where(Case.open_key == open_key)
    )


def _waiting(person: Person) -> Select[Request, Case]:
    return (
        select(Request, Case)
        .join(Case, Case.request_id == Request.id)
        .where(Case.reference.in_(person.references), Request.state == "open")
    )


def waiting(session: Session, person: Person) -> int:
    """How many of the person's requests wait for an answer."""
    return session.scalar(select(func.count()).select_from(_waiting(person).subquery())) or 0


def end(
    session: Session,
    person: Person,
    now: datetime,
    *,
    kind: str | None = None,
    activity: Activity | None = None,
) -> None:
    """Take back from the desk what waits there: all of the person's, or of one kind and purpose."""
    held = session.execute(
        _waiting(person).with_for_update().execution_options(populate_existing=True)
    )
    for asked, case in held.all():
        if kind is None or (asked.kind, BY_KEY.get(asked.activity or "")) == (kind, activity):
            close(asked, case, "cancelled", now)
    session.flush()


def hold(session: Session, request_id: UUID) -> tuple[Request, Case]:
    """An open request with its case, locked so that nobody else decides it meanwhile.

    Raises :class:`Decided` when it no longer waits for an answer.
    """
    asked = session.scalars(
        select(Request)
        .where(Request.id == request_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if asked.state != "open":
        raise Decided("already answered")
    case = session.scalars(
        select(Case).where(Case.request_id == request_id).execution_options(populate_existing=True)
    ).one()
    return asked, case


def close(asked: Request, case: Case, state: str, now: datetime) -> None:
    """End the request as "done", "refused" or "cancelled"; the same may be asked anew."""
    asked.state, asked.completed_at = state, now
    case.closed_on, case.open_key = day_of(now), None


def person_of(session: Session, case: Case) -> Person:
    """Who asked: the account as it is now, else whoever has the address."""
    user = accounts.by_id(session, case.user_id) if case.user_id else None
    return accounts.person(user) if user else Person.of(None, case.email)


def address_of(session: Session, case: Case) -> str:
    """Where the answer goes: an account's address may have changed since it asked."""
    user = accounts.by_id(session, case.user_id) if case.user_id else None
    return user.email if user and user.confirmed_at else case.email
