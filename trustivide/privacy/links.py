"""The way in without an account: a mailed link, used up by POST, opens half an hour."""

import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from trustivide.auth.queries import by_address
from trustivide.core import inventory
from trustivide.core.activities import SECURITY, SERVICE_MAIL
from trustivide.core.crypto import ring
from trustivide.core.db import db, transaction
from trustivide.core.subjects import Person
from trustivide.outbox.actions import send_mail
from trustivide.outbox.models import Mail
from trustivide.privacy.models import AddressChange, PrivacyLink, PrivacySession

VALID_FOR = timedelta(minutes=10)
VISIT_FOR = timedelta(minutes=30)
_MAIL = "privacy_link"


def ask(session: Session, address: str, locale: str, now: datetime) -> None:
    """Queue the mail with the link, for known and unknown addresses alike.

    The request does the same work whether or not the address is known: one
    link row, one mail row. Only the worker, out of reach of a stopwatch, looks
    whether anything is known (:func:`compose`); a stranger's mailbox gets
    nothing, so that the form can't be used to pester it, and the owner of a
    known one gets at most what the limit per address lets through. A new link
    replaces the one before.
    """
    session.execute(
        delete(PrivacyLink)
        .where(PrivacyLink.email_digest.in_(Person.of(None, address).address_digests))
        .execution_options(synchronize_session=False)
    )
    token = secrets.token_urlsafe(24)
    link = PrivacyLink(
        email=address,
        token_digest=ring().digest(token, "privacy-link"),
        expires_at=now + VALID_FOR,
    )
    session.add(link)
    session.flush()
    send_mail(
        session,
        _MAIL,
        address,
        {"link": str(link.id), "path": f"/privacy/enter/{token}"},
        purpose=SECURITY,
        locale=locale,
        now=now,
    )


def compose(session: Session, params: dict[str, Any]) -> dict[str, Any] | None:
    """The mail's context; ``None`` when nothing is known about the address."""
    link = session.get(PrivacyLink, UUID(params["link"]))
    if link is None or not is_known(session, link.email):
        return None
    return {"path": params["path"]}


def is_known(session: Session, address: str) -> bool:
    """Whether anything is held about the address, apart from the question itself."""
    person = Person.of(None, address)
    if by_address(session, address) is not None:
        return True
    for group in inventory.groups():
        if group.activity not in (SECURITY, SERVICE_MAIL) and inventory.count(
            session, group, person
        ):
            return True
    other_mail = select(func.count()).where(
        Mail.recipient_digest.in_(person.address_digests), Mail.kind != _MAIL
    )
    return bool(session.scalar(other_mail))


def is_open(session: Session, token: str, now: datetime) -> bool:
    """Whether the link may still be used. Asking changes nothing."""
    found = session.scalar(
        select(PrivacyLink.id).where(
            PrivacyLink.token_digest.in_(ring().digests(token, "privacy-link")),
            PrivacyLink.expires_at > now,
        )
    )
    return found is not None


def enter(session: Session, token: str, now: datetime) -> tuple[str, str] | None:
    """Use the link up: ``(address, token of the visit)``, or ``None`` if it is spent.

    Guarded in the statement: of two who press at once, one gets in.
    """
    address = session.scalar(
        delete(PrivacyLink)
        .where(
            PrivacyLink.token_digest.in_(ring().digests(token, "privacy-link")),
            PrivacyLink.expires_at > now,
        )
        .returning(PrivacyLink.email)
        .execution_options(synchronize_session=False)
    )
    if address is None:
        return None
    visit = secrets.token_urlsafe(24)
    session.add(
        PrivacySession(
            email=address,
            token_digest=ring().digest(visit, "privacy-session"),
            expires_at=now + VISIT_FOR,
        )
    )
    session.flush()
    return address, visit


def address_of(session: Session, visit: str, now: datetime) -> str | None:
    """The address whose owner is visiting, while the visit lasts."""
    return session.scalar(
        select(PrivacySession.email).where(
            PrivacySession.token_digest.in_(ring().digests(visit, "privacy-session")),
            PrivacySession.expires_at > now,
        )
    )


def leave(session: Session, visit: str) -> None:
    """End the visit on the server: the cookie is worth nothing from now on."""
    session.execute(
        delete(PrivacySession)
        .where(PrivacySession.token_digest.in_(ring().digests(visit, "privacy-session")))
        .execution_options(synchronize_session=False)
    )


def forget_expired(now: datetime) -> None:
    """Drop spent links, visits and changes of address, every minute.

    One may hold a stranger's address.
    """
    models = (PrivacyLink, PrivacySession, AddressChange)
    due = [m for m in models if db.session.scalar(select(m.id).where(m.expires_at <= now).limit(1))]
    for model in due:
        with transaction() as session:
            session.execute(
                delete(model)
                .where(model.expires_at <= now)
                .execution_options(synchronize_session=False)
            )


COMPOSERS = {_MAIL: compose}
