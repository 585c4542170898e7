"""Accounts, sign-ins and one-time links."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import phonenumbers
from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped

from trustivide.core.activities import ACCOUNTS, CUSTOMER_RELATIONS, SECURITY
from trustivide.core.crypto import Digest, EncryptedAddress, EncryptedText
from trustivide.core.db import DELETE_ROW, Model, Reader, key, personal, plain
from trustivide.core.subjects import ByUser
from trustivide.core.text import Text


def read_phone(typed: str) -> str:
    """The number as E.164; Swedish where no country code is given. Raises :class:`ValueError`."""
    try:
        number = phonenumbers.parse(typed, "SE")
    except phonenumbers.NumberParseException as error:
        raise ValueError(str(error)) from None
    if not phonenumbers.is_valid_number(number):
        raise ValueError("no such number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


NO_PASSWORD = "!"  # noqa: S105  nobody's
"""Stands where the hash of an account that nobody can sign in to would: none is ever equal."""


def _emptied(user_id: UUID) -> dict[str, Any]:
    """An account that nobody can sign in to, or find by an address, and that names nobody."""
    return {
        "name": "",
        "email": f"{user_id}@erased.invalid",
        "phone": None,
        "password_hash": NO_PASSWORD,
        "locale": "sv",
        "confirmed_at": None,
        "is_staff": False,
        "totp_secret": None,
    }


class User(Model):
    """An account, of a customer's person or of Trustivide's staff."""

    __label__ = Text("Ditt konto", "Your account")
    __subject__ = ByUser("id")
    __since__ = "created_on"
    __table_args__ = (CheckConstraint("locale IN ('sv','en')", name="locale"),)
    __emptied__ = staticmethod(_emptied)

    id: Mapped[UUID] = key()
    name: Mapped[str] = personal(
        EncryptedText(),
        activity=ACCOUNTS,
        erase=DELETE_ROW,
        correct=True,
        portable=True,
        label=Text("Namn", "Name"),
    )
    email: Mapped[str] = personal(
        EncryptedAddress(),
        activity=ACCOUNTS,
        erase=DELETE_ROW,
        correct=True,
        portable=True,
        label=Text("E-postadress", "E-mail address"),
    )
    email_digest: Mapped[bytes] = personal(
        Digest(of="email"),
        activity=ACCOUNTS,
        erase=DELETE_ROW,
        derived=True,
        unique=True,
        nullable=False,
    )
    phone: Mapped[str | None] = personal(
        EncryptedText(),
        activity=CUSTOMER_RELATIONS,
        erase=DELETE_ROW,
        correct=True,
        portable=True,
        label=Text("Telefonnummer", "Phone number"),
        reader=Reader(
            read_phone,
            Text(
                "Skriv numret med landskod, till exempel +46 70 123 45 67, eller lämna tomt.",
                "Write the number with its country code, say +46 70 123 45 67, or leave it empty.",
            ),
        ),
    )
    password_hash: Mapped[str] = personal(
        activity=ACCOUNTS, erase=DELETE_ROW, secret=True, label=Text("Lösenord", "Password")
    )
    locale: Mapped[str] = personal(
        default="sv",
        activity=ACCOUNTS,
        erase=DELETE_ROW,
        correct=True,
        portable=True,
        label=Text("Språk", "Language"),
    )
    created_on: Mapped[date] = personal(
        activity=ACCOUNTS, erase=DELETE_ROW, label=Text("Kontot skapat", "Account created")
    )
    confirmed_at: Mapped[datetime | None] = personal(
        activity=ACCOUNTS,
        erase=DELETE_ROW,
        label=Text("Adressen bekräftad", "Address confirmed"),
    )
    is_staff: Mapped[bool] = personal(
        default=False,
        activity=ACCOUNTS,
        erase=DELETE_ROW,
        label=Text("Arbetar på Trustivide", "Works at Trustivide"),
    )
    totp_secret: Mapped[str | None] = personal(
        EncryptedText(),
        activity=ACCOUNTS,
        erase=DELETE_ROW,
        secret=True,
        label=Text("Tvåstegsnyckel", "Two-step key"),
    )
    totp_counter: Mapped[int] = plain(
        default=0, why="last used time step, so that a code works once"
    )


class SignIn(Model):
    """One signed-in browser. The cookie holds the token, the row its digest."""

    __label__ = Text("Inloggade enheter", "Signed-in devices")
    __subject__ = ByUser("user_id")
    __since__ = "created_at"

    id: Mapped[UUID] = key()
    user_id: Mapped[UUID] = personal(
        ForeignKey("user.id", ondelete="CASCADE"),
        activity=SECURITY,
        erase=DELETE_ROW,
        derived=True,
        index=True,
    )
    token_digest: Mapped[bytes] = personal(
        Digest(purpose="sign-in"), activity=SECURITY, erase=DELETE_ROW, derived=True, unique=True
    )
    created_at: Mapped[datetime] = personal(
        activity=SECURITY, erase=DELETE_ROW, label=Text("Inloggad", "Signed in")
    )
    verified_at: Mapped[datetime] = personal(
        activity=SECURITY,
        erase=DELETE_ROW,
        label=Text("Lösenordet senast angivet", "Password last given"),
    )
    second_factor: Mapped[bool] = personal(
        default=False,
        activity=SECURITY,
        erase=DELETE_ROW,
        label=Text("Med tvåstegskod", "With a two-step code"),
    )


class OneTimeLink(Model):
    """A mailed link for one purpose; used up by POST, never by opening it."""

    __label__ = Text("Engångslänkar", "One-time links")
    __subject__ = ByUser("user_id")
    __since__ = "expires_at"
    __table_args__ = (CheckConstraint("purpose IN ('confirm','reset')", name="purpose"),)

    id: Mapped[UUID] = key()
    user_id: Mapped[UUID] = personal(
        ForeignKey("user.id", ondelete="CASCADE"),
        activity=SECURITY,
        erase=DELETE_ROW,
        derived=True,
        index=True,
    )
    purpose: Mapped[str] = personal(
        activity=SECURITY, erase=DELETE_ROW, label=Text("Ändamål", "Purpose")
    )
    token_digest: Mapped[bytes] = personal(
        Digest(purpose="one-time"), activity=SECURITY, erase=DELETE_ROW, derived=True, unique=True
    )
    expires_at: Mapped[datetime] = personal(
        activity=SECURITY, erase=DELETE_ROW, label=Text("Gäller till", "Valid until")
    )
