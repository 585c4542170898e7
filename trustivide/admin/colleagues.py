"""Who of us works in the office, and as what."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.audit import actions as audit
from trustivide.auth import actions as auth
from trustivide.auth import queries as accounts
from trustivide.auth.models import User
from trustivide.core.activities import SECURITY
from trustivide.core.errors import Refused
from trustivide.core.roles import STAFF_ROLES
from trustivide.organisations import queries as organisations
from trustivide.outbox.actions import send_mail

NAMELESS, CUSTOMERS, UNPROVEN, ALREADY = "nameless", "customers", "unproven", "already"
GONE, LAST, NOT_YOURS = "gone", "last", "not yours"
"""Why a role can't be given, changed or taken."""


@dataclass(frozen=True)
class Colleague:
    """One of us. ``protected`` says whether a second factor is set up."""

    user: User
    protected: bool

    @property
    def joined(self) -> bool:
        """Whether the address is proven; nobody can sign in before that."""
        return self.user.confirmed_at is not None


def everybody(session: Session) -> Sequence[Colleague]:
    """All who have a role, those who were here first on top."""
    rows = session.execute(
        select(User, accounts.holds_factor())
        .where(User.is_staff)
        .order_by(User.created_on, User.id)
    )
    return [Colleague(user, protected) for user, protected in rows]


def names(session: Session, ids: Collection[UUID]) -> Mapping[UUID, str]:
    """The names of those among ``ids`` who work in the office; nobody else's."""
    rows = session.execute(select(User.id, User.name).where(User.is_staff, User.id.in_(ids)))
    return dict(rows.all())


def one(session: Session, user_id: UUID) -> User | None:
    """The colleague with this id."""
    return session.scalar(select(User).where(User.id == user_id, User.is_staff))


def add(
    session: Session,
    by: User | None,
    address: str,
    role: str,
    now: datetime,
    *,
    name: str = "",
    locale: str = "sv",
) -> User:
    """Give ``role`` to the account with this address; without one, make it under ``name``.

    The mail that a new colleague gets leads to choosing a password, which
    proves the address. ``by`` is ``None`` for the operator of the installation.
    Raises :class:`Refused` with :data:`NOT_YOURS`, :data:`ALREADY`,
    :data:`CUSTOMERS` for an account of a customer's, :data:`UNPROVEN` for an
    address that nobody confirmed, or :data:`NAMELESS`.
    """
    _owners(session, by)
    user = accounts.by_address(session, address)
    if user is None:
        if not name:
            raise Refused(NAMELESS)
        nobodys = secrets.token_urlsafe(32)
        user = auth.create_user(
            session, email=address, name=name, password=nobodys, locale=locale, now=now
        )
    elif user.is_staff:
        raise Refused(ALREADY)
    elif organisations.actor_for(session, user.id) is not None:
        raise Refused(CUSTOMERS)
    elif user.confirmed_at is None:
        raise Refused(UNPROVEN)
    _become(session, by, user, role, now)
    return user


def change(session: Session, by: User, user_id: UUID, role: str | None, now: datetime) -> None:
    """Let a colleague have another role, or none; it acts from their next request on.

    Raises :class:`Refused` with :data:`NOT_YOURS`, :data:`GONE`, or
    :data:`LAST`: one owner who can sign in remains, also when two step down at once.
    """
    owners = _owners(session, by)
    user = one(session, user_id)
    if user is None:
        raise Refused(GONE)
    left = [o for o in owners if o.id != user.id and o.confirmed_at is not None]
    if user.staff_role == "owner" and role != "owner" and not left:
        raise Refused(LAST)
    if user.staff_role != role:
        _become(session, by, user, role, now)


def _owners(session: Session, by: User | None) -> Sequence[User]:
    """The office's owners as they are now; nobody else changes any role until the commit."""
    owners = session.scalars(
        select(User)
        .where(User.staff_role == "owner")
        .order_by(User.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    if by is not None and by.id not in {owner.id for owner in owners}:
        raise Refused(NOT_YOURS)
    return owners


def _become(session: Session, by: User | None, user: User, role: str | None, now: datetime) -> None:
    user.staff_role = role
    session.flush()
    audit.record(
        session,
        "staff_role_changed",
        now,
        actor_id=by.id if by else None,
        about_id=user.id,
        detail=role or "",
    )
    send_mail(
        session,
        "staff_role",
        user.email,
        {
            "name": user.name,
            "role": STAFF_ROLES[role].in_(user.locale) if role else "",
            "new": user.confirmed_at is None,
        },
        purpose=SECURITY,
        locale=user.locale,
        now=now,
    )
