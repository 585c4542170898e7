"""Sign-ins: their beginning, their end, and what their owner is told of them."""

import secrets
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from trustivide.auth.models import SignIn, User
from trustivide.core.clock import day_of
from trustivide.core.crypto import ring


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


def mark_verified(session: Session, current: SignIn, now: datetime) -> None:
    """The password was given again."""
    current.verified_at = now
    session.flush()
