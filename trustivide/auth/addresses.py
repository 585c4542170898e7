"""The address that an account signs in with: a change of it, and second thoughts about that."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from blinker import Signal
from sqlalchemy import delete
from sqlalchemy.orm import Session

from trustivide.audit import actions as audit
from trustivide.auth import devices, factors, sign_ins
from trustivide.auth.actions import RESET_FOR, new_link, use_up
from trustivide.auth.models import NO_PASSWORD, OneTimeLink, User
from trustivide.auth.queries import by_address, one_time_link
from trustivide.core.activities import SECURITY
from trustivide.core.clock import day_of
from trustivide.outbox.actions import send_mail

UNDO_FOR = timedelta(days=7)
FACTORS_BEFORE = timedelta(days=7)
"""A factor that came so shortly before an undone change goes with it, whole days counted."""

make_way: list[Callable[[Session, User, datetime], None]] = []
"""How a registration that nobody confirmed is forgotten, where it may. Filled by create_app."""

address_taken_back = Signal(
    "An account has its address from before again; the account is the sender, with session=, "
    "before=, the address that it had meanwhile, and now=."
)


def take_address(
    session: Session, user: User, before: str, now: datetime, *, keep: UUID | None
) -> None:
    """The account's address was corrected and is proven; the one before is told.

    Every sign-in but ``keep`` ends, and no link that went to an address from
    before opens anything any more, except those that take an address back: else
    whoever changes it twice would leave its owner without.
    """
    user.confirmed_at = now
    sign_ins.end_all(session, user.id, keep=keep)
    session.execute(
        delete(OneTimeLink).where(OneTimeLink.user_id == user.id, OneTimeLink.purpose != "undo")
    )
    token = new_link(session, user, "undo", UNDO_FOR, now, address=before)
    audit.record(session, "address_changed", now, actor_id=user.id, about_id=user.id)
    send_mail(
        session,
        "address_changed_notice",
        before,
        {"name": user.name, "path": f"/auth/address-undo/{token}"},
        purpose=SECURITY,
        locale=user.locale,
        now=now,
    )
    session.flush()


def take_back(session: Session, token: str, now: datetime) -> str | None:
    """Use up a link that takes an address back; the token of a fresh reset link.

    The mailed link proves the address, so an account that never did gives it
    up. Every sign-in and every other link ends, no device is known any more, the
    password opens nothing, and the factors since :data:`FACTORS_BEFORE` the change
    go; those from before stay, so that a mailbox alone sheds none of them. Both
    addresses are told. ``None`` if the link no longer holds. Raises IntegrityError
    where another account has proven the address; the caller's transaction then
    leaves all as it was.
    """
    link = one_time_link(session, token, "undo", now)
    if link is None or link.address is None:
        return None
    address, changed = link.address, link.expires_at - UNDO_FOR
    user = use_up(session, token, "undo", now)
    if user is None:
        return None
    _clear(session, address, user, now)
    before, user.email, user.confirmed_at = user.email, address, now
    user.password_hash = NO_PASSWORD  # whoever changed the address knows it
    session.flush()
    sign_ins.end_all(session, user.id)
    devices.forget_all(session, user.id)
    session.execute(delete(OneTimeLink).where(OneTimeLink.user_id == user.id))
    address_taken_back.send(user, session=session, before=before, now=now)
    audit.record(session, "address_change_undone", now, actor_id=user.id, about_id=user.id)
    factors.take_away(
        session, user, now, why="address_undone", since=day_of(changed - FACTORS_BEFORE)
    )
    send_mail(
        session,
        "address_taken_back",
        before,
        {"name": user.name},
        purpose=SECURITY,
        locale=user.locale,
        now=now,
    )
    return new_link(session, user, "reset", RESET_FOR, now)


def _clear(session: Session, address: str, user: User, now: datetime) -> None:
    """Let a registration under ``address`` that nobody confirmed give way."""
    squatter = by_address(session, address)
    if squatter is None or squatter.id == user.id:
        return
    session.refresh(squatter, with_for_update=True)
    if squatter.confirmed_at is None:
        for forget in make_way:
            forget(session, squatter, now)
