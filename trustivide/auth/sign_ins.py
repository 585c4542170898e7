"""Sign-ins: their beginning, their end, and what their owner is told of them."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import Uuid, delete, insert, literal, select, true
from sqlalchemy.orm import Session

from trustivide.audit import actions as audit
from trustivide.auth.models import SignIn, SignInRecord, User
from trustivide.auth.queries import ABSOLUTE_TIMEOUT, has_second_factor
from trustivide.core.clock import day_of
from trustivide.core.crypto import ring

HISTORY = timedelta(days=30)
"""For how long their owner sees tries to sign in; retention lets the rows go then."""


def begin(
    session: Session,
    user: User,
    now: datetime,
    *,
    second_factor: bool = False,
    device: str | None = None,
) -> str:
    """Begin a sign-in and return the token for the cookie (192 bits).

    ``device`` names the kind of browser and system, for the person to know it again.
    """
    token = secrets.token_urlsafe(24)
    session.add(
        SignIn(
            user_id=user.id,
            token_digest=ring().digest(token, "sign-in"),
            created_at=now,
            verified_at=now,
            second_factor=second_factor,
            device=device,
            last_seen_on=day_of(now),
        )
    )
    session.flush()
    return token


def end_by_token(session: Session, token: str) -> None:
    """End a sign-in on the server: the cookie is worth nothing from now on."""
    session.execute(delete(SignIn).where(SignIn.token_digest.in_(ring().digests(token, "sign-in"))))


def note_end(session: Session, user_id: UUID, now: datetime) -> None:
    """Write down that somebody signed out."""
    audit.record(session, "sign_out", now, actor_id=user_id, about_id=user_id)


def mark_verified(session: Session, current: SignIn, now: datetime) -> None:
    """Password or passkey was given again."""
    current.verified_at = now
    session.flush()


def renew(session: Session, current: SignIn) -> str:
    """Another token for the same sign-in; the one from before opens nothing any more."""
    token = secrets.token_urlsafe(24)
    current.token_digest = ring().digest(token, "sign-in")
    session.flush()
    return token


def mark_seen(session: Session, current: SignIn, now: datetime) -> None:
    """The sign-in was used today, to change something."""
    current.last_seen_on = day_of(now)
    session.flush()


def of(session: Session, user: User, now: datetime) -> Sequence[SignIn]:
    """Where the account is signed in, second factor and all, the latest used first."""
    needs_second = has_second_factor(session, user)
    return session.scalars(
        select(SignIn)
        .where(
            SignIn.user_id == user.id,
            SignIn.created_at > now - ABSOLUTE_TIMEOUT,
            SignIn.second_factor if needs_second else true(),
        )
        .order_by(SignIn.last_seen_on.desc(), SignIn.created_at.desc())
    ).all()


def own(session: Session, user_id: UUID, sign_in_id: UUID) -> SignIn | None:
    """A sign-in of the account, by its id."""
    return session.scalar(select(SignIn).where(SignIn.id == sign_in_id, SignIn.user_id == user_id))


def end(session: Session, user_id: UUID, sign_in_id: UUID, now: datetime) -> None:
    """Sign one of the account's devices out at once, because its owner says so."""
    session.execute(delete(SignIn).where(SignIn.id == sign_in_id, SignIn.user_id == user_id))
    audit.record(session, "sessions_revoked", now, actor_id=user_id, about_id=user_id, detail="one")


def end_all(session: Session, user_id: UUID, *, keep: UUID | None = None) -> None:
    """Sign every device out at once but ``keep``."""
    session.execute(delete(SignIn).where(SignIn.user_id == user_id, SignIn.id != keep))


def end_others(session: Session, user_id: UUID, keep: UUID, now: datetime) -> None:
    """Sign every other device out at once, because its owner says so."""
    end_all(session, user_id, keep=keep)
    audit.record(
        session, "sessions_revoked", now, actor_id=user_id, about_id=user_id, detail="others"
    )


def note(
    session: Session,
    user_id: UUID | None,
    now: datetime,
    *,
    method: str,
    succeeded: bool,
    device: str,
) -> None:
    """Write a try to sign in down, for the audit trail and for the account's owner.

    The same statements with or without ``user_id``: that takes as long either
    way, and the account of nobody has no row to show for it.
    """
    audit.record(
        session,
        "sign_in" if succeeded else "sign_in_failed",
        now,
        actor_id=user_id if succeeded else None,
        about_id=user_id,
        detail=method,
    )
    said = {
        SignInRecord.id: literal(uuid4(), Uuid()),
        SignInRecord.user_id: User.id,
        SignInRecord.at: literal(now, SignInRecord.at.type),
        SignInRecord.device: literal(device, SignInRecord.device.type),
        SignInRecord.method: literal(method),
        SignInRecord.succeeded: literal(succeeded),
    }
    session.execute(
        insert(SignInRecord).from_select(
            list(said), select(*said.values()).where(User.id == (user_id or uuid4()))
        )
    )


def history(
    session: Session, user_id: UUID, now: datetime, *, at_most: int
) -> Sequence[SignInRecord]:
    """The latest tries to sign in to the account, of the last 30 days, newest first."""
    return session.scalars(
        select(SignInRecord)
        .where(SignInRecord.user_id == user_id, SignInRecord.at > now - HISTORY)
        .order_by(SignInRecord.at.desc(), SignInRecord.id)
        .limit(at_most)
    ).all()
