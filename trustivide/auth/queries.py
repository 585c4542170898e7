"""Looking up accounts and sign-ins."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from trustivide.auth.models import OneTimeLink, Passkey, RecoveryCode, SignIn, User
from trustivide.core.crypto import normalise_address, ring
from trustivide.core.subjects import Person

ABSOLUTE_TIMEOUT = timedelta(days=14)
SUDO = timedelta(minutes=15)


def by_address(session: Session, address: str) -> User | None:
    """The account with this address."""
    digests = ring().digests(normalise_address(address))
    return session.scalar(select(User).where(User.email_digest.in_(digests)))


def by_id(session: Session, user_id: UUID) -> User | None:
    """The account with this id."""
    return session.get(User, user_id)


def holds_factor() -> ColumnElement[bool]:
    """Of an account in a statement: whether it has an authenticator app or a passkey."""
    has_passkey = select(Passkey.id).where(Passkey.user_id == User.id).exists()
    return or_(User.totp_secret.is_not(None), has_passkey)


def with_second_factor(session: Session, user_ids: Collection[UUID]) -> frozenset[UUID]:
    """Which of these accounts have a second factor: an authenticator app, or a passkey."""
    return frozenset(session.scalars(select(User.id).where(User.id.in_(user_ids), holds_factor())))


def person(user: User) -> Person:
    """What a signed-in user has proven: the account, and its address once confirmed."""
    return Person.of(user.id, *([user.email] if user.confirmed_at else []))


def person_at(session: Session, address: str) -> Person:
    """Who has this address: the account that confirmed it, else the address alone."""
    user = by_address(session, address)
    return person(user) if user and user.confirmed_at else Person.of(None, address)


def words_about(session: Session, user_id: UUID) -> tuple[str, ...]:
    """What a guesser would try first of this account: its name and its address."""
    user = session.get(User, user_id)
    return (user.name, user.email) if user else ()


def sign_in_for(session: Session, token: str, now: datetime) -> tuple[User, SignIn] | None:
    """The account and sign-in behind a cookie's token, if it still holds."""
    row = session.execute(
        select(User, SignIn)
        .join(SignIn, SignIn.user_id == User.id)
        .where(SignIn.token_digest.in_(ring().digests(token, "sign-in")))
    ).one_or_none()
    if row is None or row[1].created_at + ABSOLUTE_TIMEOUT < now:
        return None
    return row[0], row[1]


def one_time_link(session: Session, token: str, purpose: str, now: datetime) -> OneTimeLink | None:
    """The unexpired link for this token and purpose. Looking it up changes nothing."""
    return session.scalar(
        select(OneTimeLink).where(
            OneTimeLink.token_digest.in_(ring().digests(token, "one-time")),
            OneTimeLink.purpose == purpose,
            OneTimeLink.expires_at > now,
        )
    )


def passkeys_of(session: Session, user_id: UUID) -> Sequence[Passkey]:
    """The account's passkeys, the oldest first."""
    return session.scalars(
        select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.created_on, Passkey.id)
    ).all()


def passkey_of(session: Session, user_id: UUID, passkey_id: UUID) -> Passkey | None:
    """One of the account's passkeys."""
    return session.scalar(
        select(Passkey).where(Passkey.user_id == user_id, Passkey.id == passkey_id)
    )


def has_second_factor(session: Session, user: User) -> bool:
    """Whether the account has an authenticator app or a passkey."""
    if user.totp_secret is not None:
        return True
    return session.scalar(select(Passkey.id).where(Passkey.user_id == user.id).limit(1)) is not None


def recovery_codes_of(session: Session, user_id: UUID) -> tuple[int, date | None]:
    """How many of the account's recovery codes are left, and when they were made."""
    left, made_on = session.execute(
        select(func.count(), func.max(RecoveryCode.created_on)).where(
            RecoveryCode.user_id == user_id
        )
    ).one()
    return left, made_on
