"""Rights being exercised: links for people without account, requests, exports, erasures."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped

from trustivide.core.activities import PRIVACY_RIGHTS, SECURITY
from trustivide.core.crypto import Digest, EncryptedAddress, EncryptedText
from trustivide.core.db import BLANK, DELETE_ROW, Fill, Keep, Model, key, personal, plain
from trustivide.core.subjects import ByEmail, ByReference, ByUser
from trustivide.core.text import Text

_PROOF = Keep(
    Text(
        "Behålls utan namn och adress för att vi ska kunna visa vad vi gjort (art. 5.2)",
        "Kept without name or address, to show what we did (Art. 5(2))",
    )
)
_NOBODY = Fill(bytes(32))
"""A keyed digest of an address still tells whose it is to those who hold the key."""


class PrivacyLink(Model):
    """A link mailed to an address: valid ten minutes, used up by POST."""

    __label__ = Text("Engångslänk till dina uppgifter", "One-time link to your data")
    __subject__ = ByEmail("email_digest")
    __since__ = "expires_at"

    id: Mapped[UUID] = key()
    email: Mapped[str] = personal(
        EncryptedAddress(),
        activity=SECURITY,
        erase=DELETE_ROW,
        label=Text("E-postadress", "E-mail address"),
    )
    email_digest: Mapped[bytes] = personal(
        Digest(of="email"),
        activity=SECURITY,
        erase=DELETE_ROW,
        derived=True,
        index=True,
        nullable=False,
    )
    token_digest: Mapped[bytes] = personal(
        Digest(purpose="privacy-link"),
        activity=SECURITY,
        erase=DELETE_ROW,
        derived=True,
        unique=True,
    )
    expires_at: Mapped[datetime] = personal(
        activity=SECURITY, erase=DELETE_ROW, label=Text("Gäller till", "Valid until")
    )


class PrivacySession(Model):
    """Half an hour in the privacy centre for the owner of an address, and nothing else."""

    __label__ = Text("Besök i integritetscentret", "Visits to the privacy centre")
    __subject__ = ByEmail("email_digest")
    __since__ = "expires_at"

    id: Mapped[UUID] = key()
    email: Mapped[str] = personal(
        EncryptedAddress(),
        activity=SECURITY,
        erase=DELETE_ROW,
        label=Text("E-postadress", "E-mail address"),
    )
    email_digest: Mapped[bytes] = personal(
        Digest(of="email"),
        activity=SECURITY,
        erase=DELETE_ROW,
        derived=True,
        index=True,
        nullable=False,
    )
    token_digest: Mapped[bytes] = personal(
        Digest(purpose="privacy-session"),
        activity=SECURITY,
        erase=DELETE_ROW,
        derived=True,
        unique=True,
    )
    expires_at: Mapped[datetime] = personal(
        activity=SECURITY, erase=DELETE_ROW, label=Text("Gäller till", "Valid until")
    )


class Request(Model):
    """A right that somebody exercised, also one that fulfilled itself at once."""

    __label__ = Text("Begäranden", "Requests")
    __subject__ = ByReference("reference")
    __since__ = "received_at"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('access','export','correct','erase','restrict','object','consent')",
            name="kind",
        ),
        CheckConstraint("state IN ('open','done','cancelled')", name="state"),
    )

    id: Mapped[UUID] = key()
    reference: Mapped[bytes] = personal(
        Digest(purpose="reference"),
        activity=PRIVACY_RIGHTS,
        erase=_NOBODY,
        derived=True,
        index=True,
        nullable=False,
    )
    kind: Mapped[str] = personal(
        activity=PRIVACY_RIGHTS, erase=_PROOF, label=Text("Rättighet", "Right")
    )
    state: Mapped[str] = personal(
        default="open", activity=PRIVACY_RIGHTS, erase=_PROOF, label=Text("Läge", "State")
    )
    received_at: Mapped[datetime] = personal(
        activity=PRIVACY_RIGHTS, erase=_PROOF, label=Text("Inkom", "Received")
    )
    due_on: Mapped[date] = personal(
        activity=PRIVACY_RIGHTS, erase=_PROOF, label=Text("Senast", "Due")
    )
    completed_at: Mapped[datetime | None] = personal(
        activity=PRIVACY_RIGHTS, erase=_PROOF, label=Text("Klar", "Completed")
    )


class Export(Model):
    """A download of somebody's data, made by the worker, kept encrypted for seven days.

    Each file has a key of its own, kept in this row: without the row the file
    is noise, also in a copy that was taken of it.
    """

    __label__ = Text("Nedladdningar av dina uppgifter", "Downloads of your data")
    __subject__ = ByReference("reference")
    __since__ = "expires_at"
    __table_args__ = (
        CheckConstraint("state IN ('queued','running','ready','failed')", name="state"),
    )

    id: Mapped[UUID] = key()
    request_id: Mapped[UUID] = plain(ForeignKey("request.id"), why="structure")
    locale: Mapped[str] = plain(why="language of the page in the download")
    file_key: Mapped[str | None] = personal(
        EncryptedText(),
        activity=PRIVACY_RIGHTS,
        erase=DELETE_ROW,
        secret=True,
        label=Text("Filens nyckel", "Key of the file"),
    )
    reference: Mapped[bytes] = personal(
        Digest(purpose="reference"),
        activity=PRIVACY_RIGHTS,
        erase=DELETE_ROW,
        derived=True,
        index=True,
        nullable=False,
    )
    user_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="CASCADE"),
        activity=PRIVACY_RIGHTS,
        erase=DELETE_ROW,
        derived=True,
    )
    email: Mapped[str | None] = personal(
        EncryptedAddress(),
        activity=PRIVACY_RIGHTS,
        erase=DELETE_ROW,
        label=Text("E-postadress", "E-mail address"),
    )
    state: Mapped[str] = personal(
        default="queued", activity=PRIVACY_RIGHTS, erase=DELETE_ROW, label=Text("Läge", "State")
    )
    progress: Mapped[int] = plain(default=0, why="per cent done")
    requested_at: Mapped[datetime] = personal(
        activity=PRIVACY_RIGHTS, erase=DELETE_ROW, label=Text("Begärd", "Requested")
    )
    expires_at: Mapped[datetime] = personal(
        activity=PRIVACY_RIGHTS, erase=DELETE_ROW, label=Text("Finns till", "Available until")
    )


class Erasure(Model):
    """An erasure from the decision to the receipt; it names nobody once it is done."""

    __label__ = Text("Raderingar", "Erasures")
    __subject__ = ByReference("reference")
    __since__ = "requested_at"
    __table_args__ = (
        CheckConstraint(
            "state IN ('cooling','queued','rows','compacting','done','cancelled')", name="state"
        ),
    )

    id: Mapped[UUID] = key()
    request_id: Mapped[UUID] = plain(ForeignKey("request.id"), why="structure")
    reference: Mapped[bytes] = personal(
        Digest(purpose="reference"),
        activity=PRIVACY_RIGHTS,
        erase=_NOBODY,
        derived=True,
        index=True,
        nullable=False,
    )
    user_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"),
        activity=PRIVACY_RIGHTS,
        subject=ByUser("user_id"),
        erase=BLANK,
        derived=True,
    )
    email: Mapped[str | None] = personal(
        EncryptedAddress(),
        activity=PRIVACY_RIGHTS,
        subject=ByEmail("email_digest"),
        erase=BLANK,
        label=Text("E-postadress", "E-mail address"),
    )
    email_digest: Mapped[bytes | None] = personal(
        Digest(of="email"),
        activity=PRIVACY_RIGHTS,
        subject=ByEmail("email_digest"),
        erase=BLANK,
        derived=True,
    )
    state: Mapped[str] = personal(
        activity=PRIVACY_RIGHTS, erase=_PROOF, label=Text("Läge", "State")
    )
    requested_at: Mapped[datetime] = personal(
        activity=PRIVACY_RIGHTS, erase=_PROOF, label=Text("Begärd", "Requested")
    )
    begins_at: Mapped[datetime] = personal(
        activity=PRIVACY_RIGHTS, erase=_PROOF, label=Text("Börjar", "Begins")
    )
    code_digest: Mapped[bytes] = personal(
        Digest(purpose="erasure-receipt"),
        activity=PRIVACY_RIGHTS,
        erase=_PROOF,
        derived=True,
        unique=True,
    )
    subject_reference: Mapped[str] = plain(why="recomputable only with the holder's code")
    counts: Mapped[dict[str, Any] | None] = plain(JSON, why="numbers per table")
    receipt: Mapped[dict[str, Any] | None] = plain(JSON, why="signed receipt without identity")
