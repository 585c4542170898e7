"""Second factors: the authenticator app, recovery codes, and who can't be without one."""

import secrets
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pyotp
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from trustivide.audit import actions as audit
from trustivide.auth import queries
from trustivide.auth.actions import note_change
from trustivide.auth.models import RecoveryCode, User
from trustivide.core.activities import SECURITY
from trustivide.core.clock import day_of
from trustivide.core.codes import bare, new_code
from trustivide.core.crypto import ring
from trustivide.core.errors import Refused
from trustivide.outbox.actions import send_mail

CODES = 10
_TOTP_STEP = 30

required_by: list[Callable[[Session, UUID], bool]] = []
"""What asks a second factor of an account's person: their organisation. Filled by create_app."""


def is_required(session: Session, user: User) -> bool:
    """Whether the account can't be without a second factor: staff never can."""
    return user.is_staff or any(ask(session, user.id) for ask in required_by)


def why_needed(session: Session, user: User, leaving: UUID | None) -> str | None:
    """Why a factor must stay: "way_in" or "required"; ``None`` where it may go.

    ``leaving`` is a passkey's id, or ``None`` for the app. Nobody takes away
    their last way in, or a last second factor that is required of them.
    """
    others = {p.id for p in queries.passkeys_of(session, user.id)} - {leaving}
    if leaving is not None and not others and not user.has_password:
        return "way_in"
    left = others or (leaving is not None and user.totp_secret)
    return "required" if not left and is_required(session, user) else None


def let_go(session: Session, user: User, leaving: UUID | None) -> None:
    """Raise :class:`Refused` (with :func:`why_needed`) where this factor must stay.

    Holds the account's row, so that of the last two factors only one goes. The
    recovery codes stand in for a factor; they go with the last one.
    """
    session.refresh(user, with_for_update=True)
    if why := why_needed(session, user, leaving):
        raise Refused(why)
    others = {p.id for p in queries.passkeys_of(session, user.id)} - {leaving}
    if not others and (leaving is None or user.totp_secret is None):
        session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))


def enrol_totp(session: Session, user: User, secret: str) -> None:
    """Keep the key of a second factor."""
    user.totp_secret = secret
    session.flush()


def prove_totp(session: Session, user: User, secret: str, code: str, now: datetime) -> bool:
    """Keep ``secret``, the first or in place of another, if ``code`` is right for it.

    That uses the code up. The owner hears of it.
    """
    step = _step_of(secret, code, now)
    if step is None:
        return False
    event = "second_factor_on" if user.totp_secret is None else "second_factor_replaced"
    user.totp_secret, user.totp_counter = secret, step
    note_change(session, user, event, now)
    session.flush()
    return True


def check_totp(session: Session, user: User, code: str, now: datetime) -> bool:
    """Whether ``code`` is right for now (± one step) and was not used before (RFC 6238 §5.2).

    What is not goes into the audit trail.
    """
    step = None if user.totp_secret is None else _step_of(user.totp_secret, code, now)
    # Guarded in the statement: two requests with one code can't both win.
    won = step is not None and session.scalar(
        update(User)
        .where(User.id == user.id, User.totp_counter < step)
        .values(totp_counter=step)
        .returning(User.id)
        .execution_options(synchronize_session=False)
    )
    if not won:
        audit.record(session, "second_factor_failed", now, about_id=user.id, detail="totp")
    return bool(won)


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    totp = pyotp.TOTP(secret, interval=_TOTP_STEP)
    step = int(now.timestamp()) // _TOTP_STEP
    for candidate in (step - 1, step, step + 1):
        if secrets.compare_digest(totp.generate_otp(candidate), code):
            return candidate
    return None


def drop_totp(session: Session, user: User, now: datetime) -> None:
    """Turn the authenticator app off. Raises :class:`Refused` where it must stay."""
    let_go(session, user, None)
    user.totp_secret = None
    note_change(session, user, "second_factor_off", now)
    session.flush()


def make_recovery_codes(session: Session, user: User, now: datetime) -> list[str]:
    """Ten fresh codes of 80 bits in place of those before; only their digests stay here."""
    session.refresh(user, with_for_update=True)
    codes = [new_code(groups=4, size=4) for _ in range(CODES)]
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    session.add_all(
        RecoveryCode(
            user_id=user.id,
            code_digest=ring().digest(bare(code), "recovery-code"),
            created_on=day_of(now),
        )
        for code in codes
    )
    note_change(session, user, "recovery_codes_made", now)
    session.flush()
    return codes


def use_recovery_code(session: Session, user: User, code: str, now: datetime) -> int | None:
    """Use up one of the account's codes: how many are left, or ``None`` if it isn't one.

    By one guarded statement: of two requests with one code, one wins.
    """
    digests = ring().digests(bare(code), "recovery-code")
    won = session.scalar(
        delete(RecoveryCode)
        .where(RecoveryCode.user_id == user.id, RecoveryCode.code_digest.in_(digests))
        .returning(RecoveryCode.id)
        .execution_options(synchronize_session=False)
    )
    if won is None:
        audit.record(session, "second_factor_failed", now, about_id=user.id, detail="recovery_code")
        return None
    left, _ = queries.recovery_codes_of(session, user.id)
    audit.record(session, "recovery_code_used", now, actor_id=user.id, about_id=user.id)
    send_mail(
        session,
        "recovery_code_used",
        user.email,
        {"name": user.name, "left": left},
        purpose=SECURITY,
        locale=user.locale,
        now=now,
    )
    return left
