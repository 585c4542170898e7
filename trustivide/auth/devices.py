"""Browsers that an account knows, and what they are called.

After OWASP, "Slow Down Online Guessing Attacks with Device Cookies": tries from
a known browser are counted apart, so that nobody elsewhere can use them up.
"""

import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from trustivide.auth.models import KnownDevice, SignInRecord, User
from trustivide.core.activities import SECURITY
from trustivide.core.clock import day_of
from trustivide.core.crypto import ring
from trustivide.core.text import Text
from trustivide.outbox.actions import send_mail

# In this order: most browsers also claim to be those further down.
_BROWSERS = (
    (r"Edg(e|A|iOS)?/", "Edge"),
    (r"OPR/|OPiOS/|Opera", "Opera"),
    (r"SamsungBrowser/", "Samsung Internet"),
    (r"Vivaldi/", "Vivaldi"),
    (r"Firefox/|FxiOS/", "Firefox"),
    (r"Chrome/|CriOS/|Chromium/", "Chrome"),
    (r"Version/[\d.]+ .*Safari/", "Safari"),
)
_SYSTEMS = (
    (r"iPhone", "iPhone"),
    (r"iPad", "iPad"),
    (r"Android", "Android"),
    (r"Windows", "Windows"),
    (r"CrOS", "ChromeOS"),
    (r"Macintosh|Mac OS X", "Mac"),
    (r"Linux|X11", "Linux"),
)
NEW_ACCOUNT = timedelta(days=30)


def in_words(user_agent: str) -> Text:
    """ "Firefox på Windows": the kind of browser and system, and nothing that sets it apart."""
    browser, system = (_first(kinds, user_agent) for kinds in (_BROWSERS, _SYSTEMS))
    if browser and system:
        return Text(f"{browser} på {system}", f"{browser} on {system}")
    known = browser or system
    return Text(known, known) if known else Text("Okänd enhet", "Unknown device")


def _first(kinds: Sequence[tuple[str, str]], user_agent: str) -> str | None:
    return next((name for pattern, name in kinds if re.search(pattern, user_agent)), None)


def _bound(token: str, user_id: UUID) -> str:
    """Several accounts may know one browser; no two rows show that it is the same."""
    return f"{user_id}:{token}"


def known(session: Session, token: str, user_id: UUID) -> KnownDevice | None:
    """The account's row of the browser that holds ``token``."""
    digests = ring().digests(_bound(token, user_id), "device")
    return session.scalar(
        select(KnownDevice).where(
            KnownDevice.user_id == user_id, KnownDevice.token_digest.in_(digests)
        )
    )


def of(session: Session, user_id: UUID) -> Sequence[KnownDevice]:
    """The browsers that the account knows, the latest used first."""
    return session.scalars(
        select(KnownDevice)
        .where(KnownDevice.user_id == user_id)
        .order_by(KnownDevice.last_seen_on.desc(), KnownDevice.id)
    ).all()


def own(session: Session, user_id: UUID, device_id: UUID) -> KnownDevice | None:
    """A browser that the account knows, by its row's id."""
    return session.scalar(
        select(KnownDevice).where(KnownDevice.id == device_id, KnownDevice.user_id == user_id)
    )


def remember(session: Session, user: User, token: str | None, name: Text, now: datetime) -> str:
    """Let the account know the browser that proved to be its owner's; the token it is to hold.

    One that came with a token keeps it, since other accounts may know it by that.
    """
    token = token or secrets.token_urlsafe(24)
    # Of two sign-ins at once, the second sees what the first made known.
    session.execute(select(User.id).where(User.id == user.id).with_for_update())
    device = known(session, token, user.id)
    if device is None:
        digest = ring().digest(_bound(token, user.id), "device")
        device = KnownDevice(user_id=user.id, token_digest=digest)
        session.add(device)
    device.device, device.last_seen_on = name.in_(user.locale), day_of(now)
    session.flush()
    return token


def welcome(session: Session, user: User, token: str | None, name: Text, now: datetime) -> str:
    """As :func:`remember`, at a sign-in: of a browser that is new, the owner is told by mail.

    Not of the one that a new account was made in: nothing was there to take over.
    """
    is_new = token is None or known(session, token, user.id) is None
    if is_new and not _is_first(session, user, now):
        send_mail(
            session,
            "new_device",
            user.email,
            {"name": user.name, "device": name.in_(user.locale), "at": now.isoformat()},
            purpose=SECURITY,
            locale=user.locale,
            now=now,
        )
    return remember(session, user, token, name, now)


def _is_first(session: Session, user: User, now: datetime) -> bool:
    """Whether the account is new, and nobody has signed in to it yet."""
    before = select(
        exists().where(SignInRecord.user_id == user.id, SignInRecord.succeeded)
        | exists().where(KnownDevice.user_id == user.id)
    )
    is_young = user.created_on > day_of(now - NEW_ACCOUNT)
    return is_young and not session.scalar(before)


def forget(session: Session, user_id: UUID, device_id: UUID) -> None:
    """Let the account not know one of its browsers any more."""
    session.execute(
        delete(KnownDevice).where(KnownDevice.id == device_id, KnownDevice.user_id == user_id)
    )


def forget_all(session: Session, user_id: UUID) -> None:
    """Let the account know no browser, where somebody else may have made theirs known."""
    session.execute(delete(KnownDevice).where(KnownDevice.user_id == user_id))
