"""Accounts, sign-ins and one-time links."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import phonenumbers
from sqlalchemy import BigInteger, CheckConstraint, ColumnElement, ForeignKey
from sqlalchemy.ext.hybrid import hybrid_property
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


NO_PASSWORD = "!"  # nosec B105 # noqa: S105  nobody's
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
        "staff_role": None,
        "totp_secret": None,  # nosec B105 # the name of a column
    }


class User(Model):
    """An account, of a customer's person or of Trustivide's staff."""

    __label__ = Text("Ditt konto", "Your account")
    __subject__ = ByUser("id")
    __since__ = "created_on"
    __table_args__ = (
        CheckConstraint("locale IN ('sv','en')", name="locale"),
        CheckConstraint(
            "staff_role IN ('support','content','privacy','finance','owner')", name="staff_role"
        ),
    )
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
    staff_role: Mapped[str | None] = personal(
        activity=ACCOUNTS,
        erase=DELETE_ROW,
        label=Text("Roll på Trustivide", "Role at Trustivide"),
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

    @property
    def has_password(self) -> bool:
        """Whether a password opens it: else only a passkey does, or a link to choose one."""
        return self.password_hash != NO_PASSWORD

    @hybrid_property
    def is_staff(self) -> bool:
        """Whether the account is one of Trustivide's own people's."""
        return self.staff_role is not None

    @is_staff.inplace.expression
    @classmethod
    def _is_staff(cls) -> ColumnElement[bool]:
        return cls.staff_role.is_not(None)


class RecoveryCode(Model):
    """A way in without the authenticator app; the row goes when its code is used."""

    __label__ = Text("Återställningskoder", "Recovery codes")
    __subject__ = ByUser("user_id")
    __until__ = "the code is used, or new codes are made"

    id: Mapped[UUID] = key()
    user_id: Mapped[UUID] = personal(
        ForeignKey("user.id", ondelete="CASCADE"),
        activity=ACCOUNTS,
        erase=DELETE_ROW,
        derived=True,
        index=True,
    )
    code_digest: Mapped[bytes] = personal(
        Digest(purpose="recovery-code"),
        activity=ACCOUNTS,
        erase=DELETE_ROW,
        secret=True,
        unique=True,
        label=Text("Återställningskod", "Recovery code"),
    )
    created_on: Mapped[date] = personal(
        activity=ACCOUNTS, erase=DELETE_ROW, label=Text("Skapad", "Created")
    )


class Passkey(Model):
    """A credential of W3C Web Authentication: signs in without a password."""

    __label__ = Text("Passkeys", "Passkeys")
    __subject__ = ByUser("user_id")
    __until__ = "the person removes it"

    id: Mapped[UUID] = key()
    user_id: Mapped[UUID] = personal(
        ForeignKey("user.id", ondelete="CASCADE"),
        activity=ACCOUNTS,
        erase=DELETE_ROW,
        derived=True,
        index=True,
    )
    credential_id: Mapped[bytes] = personal(
        activity=ACCOUNTS,
        erase=DELETE_ROW,
        secret=True,
        unique=True,
        label=Text("Nyckelns id", "Credential id"),
    )
    public_key: Mapped[bytes] = personal(
        activity=ACCOUNTS,
        erase=DELETE_ROW,
        secret=True,
        label=Text("Öppen nyckel", "Public key"),
    )
    # 32 bits without a sign (Web Authentication, §6.1): more than PostgreSQL's integer holds.
    sign_count: Mapped[int] = plain(
        BigInteger(), default=0, why="the authenticator's counter, against copies"
    )
    challenge_counter: Mapped[int] = plain(
        BigInteger(), default=0, why="the last challenge answered, so that each is answered once"
    )
    name: Mapped[str] = personal(
        EncryptedText(),
        activity=ACCOUNTS,
        erase=DELETE_ROW,
        correct=True,
        label=Text("Namn", "Name"),
    )
    created_on: Mapped[date] = personal(
        activity=ACCOUNTS, erase=DELETE_ROW, label=Text("Tillagd", "Added")
    )
    last_used_on: Mapped[date | None] = personal(
        activity=ACCOUNTS, erase=DELETE_ROW, label=Text("Senast använd", "Last used")
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
    device: Mapped[str | None] = personal(
        EncryptedText(),
        activity=SECURITY,
        erase=DELETE_ROW,
        label=Text("Enhet", "Device"),
    )
    last_seen_on: Mapped[date] = personal(
        activity=SECURITY, erase=DELETE_ROW, label=Text("Senast använd", "Last used")
    )


class SignInRecord(Model):
    """One try to sign in, for its owner to see: when, from what kind of device, how it went."""

    __label__ = Text("Inloggningshistorik", "Sign-in history")
    __subject__ = ByUser("user_id")
    __since__ = "at"
    __table_args__ = (
        CheckConstraint("method IN ('password','passkey','recovery','reset')", name="method"),
    )

    id: Mapped[UUID] = key()
    user_id: Mapped[UUID] = personal(
        ForeignKey("user.id", ondelete="CASCADE"),
        activity=SECURITY,
        erase=DELETE_ROW,
        derived=True,
        index=True,
    )
    at: Mapped[datetime] = personal(activity=SECURITY, erase=DELETE_ROW, label=Text("Tid", "Time"))
    device: Mapped[str] = personal(
        EncryptedText(),
        activity=SECURITY,
        erase=DELETE_ROW,
        label=Text("Enhet", "Device"),
    )
    method: Mapped[str] = personal(
        activity=SECURITY, erase=DELETE_ROW, label=Text("Sätt", "Method")
    )
    succeeded: Mapped[bool] = personal(
        activity=SECURITY, erase=DELETE_ROW, label=Text("Lyckades", "Succeeded")
    )


class KnownDevice(Model):
    """A browser that has signed in to the account before; its cookie holds the token.

    Tries from one are counted apart, so that a stranger's wrong guesses never
    lock the owner out (OWASP, "Device cookies").
    """

    __label__ = Text("Kända enheter", "Known devices")
    __subject__ = ByUser("user_id")
    __since__ = "last_seen_on"
    __days__ = 365

    id: Mapped[UUID] = key()
    user_id: Mapped[UUID] = personal(
        ForeignKey("user.id", ondelete="CASCADE"),
        activity=SECURITY,
        erase=DELETE_ROW,
        derived=True,
        index=True,
    )
    token_digest: Mapped[bytes] = personal(
        Digest(purpose="device"), activity=SECURITY, erase=DELETE_ROW, derived=True, unique=True
    )
    device: Mapped[str] = personal(
        EncryptedText(),
        activity=SECURITY,
        erase=DELETE_ROW,
        label=Text("Enhet", "Device"),
    )
    last_seen_on: Mapped[date] = personal(
        activity=SECURITY, erase=DELETE_ROW, label=Text("Senast använd", "Last used")
    )


class OneTimeLink(Model):
    """A mailed link for one purpose; used up by POST, never by opening it."""

    __label__ = Text("Engångslänkar", "One-time links")
    __subject__ = ByUser("user_id")
    __since__ = "expires_at"
    __table_args__ = (CheckConstraint("purpose IN ('confirm','reset','undo')", name="purpose"),)

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
    address: Mapped[str | None] = personal(
        EncryptedAddress(),
        activity=SECURITY,
        erase=DELETE_ROW,
        label=Text("Adressen före bytet", "The address before the change"),
    )
