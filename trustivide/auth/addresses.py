"""The address that an account signs in with: a change of it, and second thoughts about that."""

from datetime import datetime, timedelta
from uuid import UUID

from blinker import Signal
from sqlalchemy import delete
from sqlalchemy.orm import Session

from trustivide.audit import actions as audit
from trustivide.auth import devices, sign_ins
from trustivide.auth.actions import RESET_FOR, new_link, use_up
from trustivide.auth.models import OneTimeLink, User
from trustivide.auth.queries import one_time_link
from trustivide.core.activities import SECURITY
from trustivide.outbox.actions import send_mail

UNDO_FOR = timedelta(days=7)

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

    The mailed link proves the address. Every sign-in and every other link ends,
    no device is known any more, and the address from meanwhile is told.
    ``None`` if the link no longer holds. Raises IntegrityError where another
    account has the address; the caller's transaction then leaves all as it was.
    """
    link = one_time_link(session, token, "undo", now)
    address = link.address if link else None
    user = use_up(session, token, "undo", now)
    if user is None or address is None:
        return None
    before, user.email, user.confirmed_at = user.email, address, now
    session.flush()
    sign_ins.end_all(session, user.id)
    devices.forget_all(session, user.id)
    session.execute(delete(OneTimeLink).where(OneTimeLink.user_id == user.id))
    address_taken_back.send(user, session=session, before=before, now=now)
    audit.record(session, "address_change_undone", now, actor_id=user.id, about_id=user.id)
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
