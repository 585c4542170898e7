"""What happens to accounts. Every action takes part in its caller's transaction."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import Uuid, delete, insert, literal, select
from sqlalchemy.orm import Session

from trustivide.audit import actions as audit
from trustivide.audit.events import EVENTS
from trustivide.auth import devices, sign_ins
from trustivide.auth.models import NO_PASSWORD, OneTimeLink, User
from trustivide.auth.passwords import hash_password
from trustivide.auth.queries import by_address
from trustivide.core.activities import SECURITY
from trustivide.core.clock import day_of
from trustivide.core.crypto import ring
from trustivide.core.subjects import Person
from trustivide.outbox.actions import send_mail
from trustivide.outbox.models import Mail
from trustivide.rights import actions as rights

CONFIRM_FOR = timedelta(days=2)
RESET_FOR = timedelta(hours=1)


def create_user(
    session: Session,
    *,
    email: str,
    name: str,
    password: str | None,
    locale: str,
    now: datetime,
    user_id: UUID | None = None,
) -> User:
    """A new, unconfirmed account. Raises IntegrityError when the address is taken.

    One without a password can be made only with a passkey, whose user handle is ``user_id``.
    """
    user = User(
        id=user_id or uuid4(),
        email=email,
        name=name,
        password_hash=NO_PASSWORD if password is None else hash_password(password),
        locale=locale,
        created_on=day_of(now),
    )
    session.add(user)
    session.flush()
    return user


def new_link(
    session: Session,
    user: User,
    purpose: str,
    lifetime: timedelta,
    now: datetime,
    *,
    address: str | None = None,
) -> str:
    """The token of a fresh link, which takes the place of one for the same purpose.

    Those about an ``address`` stand beside each other: each takes back another change.
    """
    if address is None:
        session.execute(
            delete(OneTimeLink).where(
                OneTimeLink.user_id == user.id, OneTimeLink.purpose == purpose
            )
        )
    token = secrets.token_urlsafe(24)
    session.add(
        OneTimeLink(
            user_id=user.id,
            purpose=purpose,
            token_digest=ring().digest(token, "one-time"),
            expires_at=now + lifetime,
            address=address,
        )
    )
    session.flush()
    return token


def ask_for_confirmation(session: Session, user: User, now: datetime) -> None:
    """Mail the link that confirms the address."""
    token = new_link(session, user, "confirm", CONFIRM_FOR, now)
    send_mail(
        session,
        "confirm_address",
        user.email,
        {"name": user.name, "path": f"/auth/confirm/{token}"},
        purpose=SECURITY,
        locale=user.locale,
        now=now,
    )


def use_up(session: Session, token: str, purpose: str, now: datetime) -> User | None:
    """The account behind a link that still held; of two requests with it, one wins.

    By one guarded statement: what was read before may have been used up since.
    """
    user_id = session.scalar(
        delete(OneTimeLink)
        .where(
            OneTimeLink.token_digest.in_(ring().digests(token, "one-time")),
            OneTimeLink.purpose == purpose,
            OneTimeLink.expires_at > now,
        )
        .returning(OneTimeLink.user_id)
        .execution_options(synchronize_session=False)
    )
    return None if user_id is None else session.get_one(User, user_id)


def confirm(session: Session, token: str, now: datetime) -> User | None:
    """Use up a confirmation link; ``None`` if it no longer holds."""
    user = use_up(session, token, "confirm", now)
    if user is not None:
        user.confirmed_at = user.confirmed_at or now
        session.flush()
    return user


def tell_account_exists(session: Session, user: User, now: datetime) -> None:
    """Somebody tried to register with a known address: only its owner hears of it."""
    if user.confirmed_at is None:
        ask_for_confirmation(session, user, now)
        return
    send_mail(
        session,
        "account_exists",
        user.email,
        {"name": user.name},
        purpose=SECURITY,
        locale=user.locale,
        now=now,
    )


def ask_for_reset(session: Session, address: str, now: datetime) -> None:
    """Mail a reset link if there is such an account; the caller can't tell, not by time either."""
    user = by_address(session, address)
    if user is None:
        _write_as_much(session, now)
        return
    token = new_link(session, user, "reset", RESET_FOR, now)
    send_mail(
        session,
        "reset_password",
        user.email,
        {"name": user.name, "path": f"/auth/reset/{token}"},
        purpose=SECURITY,
        locale=user.locale,
        now=now,
    )


def _write_as_much(session: Session, now: datetime) -> None:
    """Give nobody a link and queue a mail that is taken back: writing takes time."""
    session.execute(delete(OneTimeLink).where(OneTimeLink.user_id == uuid4()))
    token = secrets.token_urlsafe(24)
    mail = send_mail(
        session,
        "reset_password",
        "nobody@trustivide.invalid",
        {"name": "", "path": f"/auth/reset/{token}"},
        purpose=SECURITY,
        locale="sv",
        now=now,
    )
    # The table's own statement: whether the row is held for a claim needs no question.
    table = Mail.metadata.tables[Mail.__tablename__]
    session.execute(delete(table).where(table.c.id == mail.id))
    given = {
        OneTimeLink.id: literal(uuid4(), Uuid()),
        OneTimeLink.user_id: User.id,
        OneTimeLink.purpose: literal("reset"),
        OneTimeLink.token_digest: literal(ring().digest(token, "one-time")),
        OneTimeLink.expires_at: literal(now + RESET_FOR, OneTimeLink.expires_at.type),
    }
    session.execute(
        insert(OneTimeLink).from_select(
            list(given), select(*given.values()).where(User.id == uuid4())
        )
    )


def reset_password(session: Session, token: str, password: str, now: datetime) -> User | None:
    """Use up a reset link: new password, every sign-in ended, the owner told.

    The mailed link proves the address, so it confirms it too; a second factor
    stays. No device is known any more: whoever had the password before may have
    made theirs known. ``None`` if the link no longer holds.
    """
    user = use_up(session, token, "reset", now)
    if user is None:
        return None
    user.password_hash = hash_password(password)
    if user.confirmed_at is None:
        # Whoever registered had not proven the address: their choices are not the owner's.
        rights.forget_choices(session, Person.of(user.id))
        user.confirmed_at = now
    sign_ins.end_all(session, user.id)
    devices.forget_all(session, user.id)
    audit.record(session, "password_reset", now, actor_id=user.id, about_id=user.id)
    send_mail(
        session,
        "password_changed",
        user.email,
        {"name": user.name},
        purpose=SECURITY,
        locale=user.locale,
        now=now,
    )
    session.flush()
    return user


def change_password(
    session: Session, user: User, password: str, now: datetime, *, keep: UUID
) -> None:
    """Give the account a new password: every sign-in but ``keep`` ends, the owner is told.

    A reset link that was mailed before opens nothing any more.
    """
    user.password_hash = hash_password(password)
    sign_ins.end_all(session, user.id, keep=keep)
    session.execute(
        delete(OneTimeLink).where(OneTimeLink.user_id == user.id, OneTimeLink.purpose == "reset")
    )
    note_change(session, user, "password_changed", now)


def note_change(
    session: Session, user: User, event: str, now: datetime, *, detail: str = ""
) -> None:
    """Something about how ``user`` signs in was changed by themselves: seal it, and mail them.

    ``event`` is one of :data:`trustivide.audit.events.EVENTS`; the mail calls it by its label.
    """
    audit.record(session, event, now, actor_id=user.id, about_id=user.id, detail=detail)
    mail_change(session, user, event, now)


def mail_change(session: Session, user: User, event: str, now: datetime) -> None:
    """Tell ``user`` what happened to how they sign in."""
    send_mail(
        session,
        "credential_changed",
        user.email,
        {"name": user.name, "what": EVENTS[event].in_(user.locale)},
        purpose=SECURITY,
        locale=user.locale,
        now=now,
    )


def remember_language(session: Session, user: User, locale: str) -> None:
    """Keep the chosen language with the account."""
    user.locale = locale
    session.flush()
