"""Rights being exercised: links for people without account, requests, exports, erasures."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped

from trustivide.core.activities import (
    ACCOUNTS,
    LEGAL_CLAIMS,
    PRIVACY_RIGHTS,
    REQUEST_CASES,
    SECURITY,
)
from trustivide.core.crypto import Digest, EncryptedAddress, EncryptedText
from trustivide.core.db import BLANK, DELETE_ROW, Fill, Keep, Model, key, personal, plain
from trustivide.core.subjects import ByCode, ByEmail, ByReference, ByUser, Person
from trustivide.core.text import Text

KINDS = {
    "access": Text("Se uppgifter", "See data"),
    "export": Text("Ladda ner", "Download"),
    "correct": Text("Rätta", "Correct"),
    "erase": Text("Radera", "Erase"),
    "restrict": Text("Begränsa", "Restrict"),
    "object": Text("Invända", "Object"),
    "consent": Text("Samtycke", "Consent"),
    "other": Text("Annat", "Other"),
}
"""The rights that a request can be about."""
STATES = {
    "open": Text("Pågår", "Under way"),
    "done": Text("Klar", "Done"),
    "cancelled": Text("Ångrad", "Cancelled"),
    "refused": Text("Avslagen", "Refused"),
}
CHANNELS = {
    "self": Text("Integritetscentret", "The privacy centre"),
    "mail": Text("E-post", "E-mail"),
    "letter": Text("Brev", "Letter"),
    "phone": Text("Telefon", "Phone"),
}
IDENTITIES = {
    "proven": Text("Visad genom inloggning eller mejlad länk", "Proven by sign-in or mailed link"),
    "unchecked": Text("Inte kontrollerad än", "Not checked yet"),
    "asked": Text("Vi har bett om mer", "We have asked for more"),
    "checked": Text("Kontrollerad", "Checked"),
}
DELIVERIES = {
    "in_place": Text("Gjort på plats", "Done in place"),
    "queued": Text("På väg", "On its way"),
    "deferred": Text("Försöks igen", "Being tried again"),
    "sent": Text("Levererat", "Delivered"),
    "failed": Text("Kom inte fram", "Not delivered"),
    "ambiguous": Text("Oklart om det kom fram", "Unclear whether it arrived"),
}
"""How far a notice to a recipient has come."""

_UNDER_WAY = "state IN ('cooling','queued','rows','compacting') AND organisation_id IS NULL"
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
    """A right that somebody exercised, also one that fulfilled itself at once.

    ``channel`` says how it came; ``identity`` whether it is proven that it is
    theirs. ``activity`` is what it concerns, where it concerns one. What was
    written about it, and answered, stands in its :class:`Case`.
    """

    __label__ = Text("Begäranden", "Requests")
    __subject__ = ByReference("reference")
    __since__ = "received_at"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('access','export','correct','erase','restrict','object','consent','other')",
            name="kind",
        ),
        CheckConstraint("state IN ('open','done','cancelled','refused')", name="state"),
        CheckConstraint("channel IN ('self','mail','letter','phone')", name="channel"),
        CheckConstraint("identity IN ('proven','unchecked','asked','checked')", name="identity"),
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
    activity: Mapped[str | None] = personal(
        activity=PRIVACY_RIGHTS, erase=_PROOF, label=Text("Ändamål", "Purpose")
    )
    channel: Mapped[str] = personal(
        default="self", activity=PRIVACY_RIGHTS, erase=_PROOF, label=Text("Kom via", "Came by")
    )
    identity: Mapped[str] = personal(
        default="proven",
        activity=PRIVACY_RIGHTS,
        erase=_PROOF,
        label=Text("Identitet", "Identity"),
    )
    extended_on: Mapped[date | None] = personal(
        activity=PRIVACY_RIGHTS, erase=_PROOF, label=Text("Förlängd", "Extended")
    )
    ground: Mapped[str | None] = personal(
        activity=PRIVACY_RIGHTS, erase=_PROOF, label=Text("Grund för nej", "Ground for refusal")
    )
    reminded_on: Mapped[date | None] = plain(why="day on which staff were reminded of it")


class Case(Model):
    """What was written about a request that people must decide, and what was answered.

    Of a correction that can't be made in place, ``about_*`` name the value.
    While it is open, ``open_key`` says what was asked: the database lets
    nobody put the same on the desk twice.
    """

    __tablename__ = "request_case"
    __label__ = Text("Begäranden som vi handlägger", "Requests that we handle")
    __subject__ = ByReference("reference")
    __since__ = "closed_on"

    id: Mapped[UUID] = key()
    request_id: Mapped[UUID] = plain(
        ForeignKey("request.id", ondelete="CASCADE"), why="structure", unique=True
    )
    reference: Mapped[bytes] = personal(
        Digest(purpose="reference"),
        activity=REQUEST_CASES,
        erase=DELETE_ROW,
        derived=True,
        index=True,
        nullable=False,
    )
    user_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"),
        activity=REQUEST_CASES,
        erase=DELETE_ROW,
        derived=True,
    )
    open_key: Mapped[bytes | None] = personal(
        Digest(purpose="open-case"),
        activity=REQUEST_CASES,
        erase=DELETE_ROW,
        derived=True,
        unique=True,
    )
    email: Mapped[str] = personal(
        EncryptedAddress(),
        activity=REQUEST_CASES,
        erase=DELETE_ROW,
        label=Text("E-postadress", "E-mail address"),
    )
    name: Mapped[str | None] = personal(
        EncryptedText(), activity=REQUEST_CASES, erase=DELETE_ROW, label=Text("Namn", "Name")
    )
    locale: Mapped[str] = plain(default="sv", why="language of the answer")
    details: Mapped[str] = personal(
        EncryptedText(),
        activity=REQUEST_CASES,
        erase=DELETE_ROW,
        label=Text("Vad du skrev", "What you wrote"),
    )
    wanted: Mapped[str | None] = personal(
        EncryptedText(),
        activity=REQUEST_CASES,
        erase=DELETE_ROW,
        label=Text("Vad det ska stå", "What it should say"),
    )
    about_group: Mapped[str | None] = plain(why="name of a group of the inventory")
    about_row: Mapped[UUID | None] = plain(why="id of a row")
    about_field: Mapped[str | None] = plain(why="name of a column")
    answer: Mapped[str | None] = personal(
        EncryptedText(),
        activity=REQUEST_CASES,
        erase=DELETE_ROW,
        label=Text("Vad vi svarade", "What we answered"),
    )
    extension_reason: Mapped[str | None] = personal(
        EncryptedText(),
        activity=REQUEST_CASES,
        erase=DELETE_ROW,
        label=Text("Varför det tar längre tid", "Why it takes longer"),
    )
    closed_on: Mapped[date | None] = personal(
        activity=REQUEST_CASES, erase=DELETE_ROW, label=Text("Besvarad", "Answered")
    )
    entered_by_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"),
        activity=REQUEST_CASES,
        subject=ByUser("entered_by_id"),
        erase=BLANK,
        derived=True,
        label=Text("Begäranden du skrivit in", "Requests you entered"),
    )
    decided_by_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"),
        activity=REQUEST_CASES,
        subject=ByUser("decided_by_id"),
        erase=BLANK,
        derived=True,
        label=Text("Begäranden du besvarat", "Requests you answered"),
    )


class CodeRequest(Model):
    """A right exercised with a receipt code: never in a row, or at a time, that an address has.

    ``code`` is a digest of its own: neither an answer set nor a withdrawal in
    the ledger holds the same one, so that without the code nobody gives them
    this day. Without row ids on SQLite, since they would repeat the order.
    """

    __label__ = Text("Begäranden med kvittokod", "Requests by receipt code")
    __subject__ = ByCode("code")
    __since__ = "day"
    __table_args__ = (
        CheckConstraint("kind IN ('access','correct','erase','restrict')", name="kind"),
        UniqueConstraint("code", "kind", "day"),
        {"sqlite_with_rowid": False},
    )

    id: Mapped[UUID] = key()
    code: Mapped[bytes] = personal(
        LargeBinary(32), activity=REQUEST_CASES, erase=DELETE_ROW, derived=True
    )
    kind: Mapped[str] = personal(
        activity=REQUEST_CASES, erase=DELETE_ROW, label=Text("Rättighet", "Right")
    )
    day: Mapped[date] = personal(activity=REQUEST_CASES, erase=DELETE_ROW, label=Text("Dag", "Day"))


class AddressChange(Model):
    """A corrected address that waits for proof: a link mailed to it, used up by POST."""

    __label__ = Text("Adressbyten som väntar", "Changes of address that wait")
    __subject__ = ByReference("reference")
    __since__ = "expires_at"

    id: Mapped[UUID] = key()
    reference: Mapped[bytes] = personal(
        Digest(purpose="reference"),
        activity=SECURITY,
        erase=DELETE_ROW,
        derived=True,
        index=True,
        nullable=False,
    )
    # For the new address somebody else may have been typed in: it is theirs too.
    email: Mapped[str] = personal(
        EncryptedAddress(),
        activity=SECURITY,
        subject=ByEmail("email_digest"),
        erase=DELETE_ROW,
        label=Text("Ny e-postadress", "New e-mail address"),
    )
    email_digest: Mapped[bytes] = personal(
        Digest(of="email"),
        activity=SECURITY,
        subject=ByEmail("email_digest"),
        erase=DELETE_ROW,
        derived=True,
        index=True,
        nullable=False,
    )
    group: Mapped[str] = plain(why="name of a group of the inventory")
    row: Mapped[UUID] = plain(why="id of a row")
    field: Mapped[str] = plain(why="name of a column")
    token_digest: Mapped[bytes] = personal(
        Digest(purpose="address-change"),
        activity=SECURITY,
        erase=DELETE_ROW,
        derived=True,
        unique=True,
    )
    expires_at: Mapped[datetime] = personal(
        activity=SECURITY, erase=DELETE_ROW, label=Text("Gäller till", "Valid until")
    )


class RecipientNotice(Model):
    """A recipient was told of a correction, an erasure or a restriction (Art. 19)."""

    __label__ = Text("Mottagare som fått veta", "Recipients who were told")
    __subject__ = ByReference("reference")
    __since__ = "on"
    __table_args__ = (
        CheckConstraint("event IN ('corrected','erased','restricted','lifted')", name="event"),
        CheckConstraint(
            "state IN ('in_place','queued','deferred','sent','failed','ambiguous')", name="state"
        ),
    )

    id: Mapped[UUID] = key()
    request_id: Mapped[UUID] = plain(ForeignKey("request.id"), why="structure", index=True)
    reference: Mapped[bytes] = personal(
        Digest(purpose="reference"),
        activity=PRIVACY_RIGHTS,
        erase=_NOBODY,
        derived=True,
        index=True,
        nullable=False,
    )
    recipient: Mapped[str] = personal(
        activity=PRIVACY_RIGHTS, erase=_PROOF, label=Text("Mottagare", "Recipient")
    )
    event: Mapped[str] = personal(activity=PRIVACY_RIGHTS, erase=_PROOF, label=Text("Vad", "What"))
    state: Mapped[str] = personal(
        activity=PRIVACY_RIGHTS, erase=_PROOF, label=Text("Leverans", "Delivery")
    )
    on: Mapped[date] = personal(activity=PRIVACY_RIGHTS, erase=_PROOF, label=Text("Dag", "Day"))


class LegalHold(Model):
    """What must be kept for a legal claim, also through an erasure and past its retention.

    The person reads ground, end and owner. It counts until ``ends_on``, that
    day included, or until ``ended_on``, whichever comes first.
    """

    __label__ = Text("Bevaras för ett rättsligt anspråk", "Kept for a legal claim")
    __subject__ = ByReference("reference")
    __since__ = "ended_on"

    id: Mapped[UUID] = key()
    reference: Mapped[bytes] = personal(
        Digest(purpose="reference"),
        activity=LEGAL_CLAIMS,
        erase=DELETE_ROW,
        derived=True,
        index=True,
        nullable=False,
    )
    user_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"),
        activity=LEGAL_CLAIMS,
        erase=DELETE_ROW,
        derived=True,
    )
    email: Mapped[str] = personal(
        EncryptedAddress(),
        activity=LEGAL_CLAIMS,
        erase=DELETE_ROW,
        label=Text("E-postadress", "E-mail address"),
    )
    activity: Mapped[str] = personal(
        activity=LEGAL_CLAIMS, erase=DELETE_ROW, label=Text("Ändamål", "Purpose")
    )
    ground: Mapped[str] = personal(
        EncryptedText(), activity=LEGAL_CLAIMS, erase=DELETE_ROW, label=Text("Grund", "Ground")
    )
    begins_on: Mapped[date] = personal(
        activity=LEGAL_CLAIMS, erase=DELETE_ROW, label=Text("Från", "From")
    )
    ends_on: Mapped[date] = personal(
        activity=LEGAL_CLAIMS, erase=DELETE_ROW, label=Text("Längst till", "At the latest until")
    )
    ended_on: Mapped[date | None] = personal(
        activity=LEGAL_CLAIMS, erase=DELETE_ROW, label=Text("Upphörde", "Ended")
    )
    owner: Mapped[str] = personal(
        EncryptedText(),
        activity=LEGAL_CLAIMS,
        erase=DELETE_ROW,
        label=Text("Ansvarig hos oss", "Answerable with us"),
    )
    owner_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"),
        activity=LEGAL_CLAIMS,
        subject=ByUser("owner_id"),
        erase=BLANK,
        derived=True,
        label=Text("Spärrar du svarar för", "Holds that you answer for"),
    )


class SweepRun(Model):
    """One nightly retention sweep: when, and how many rows of what it let go."""

    id: Mapped[UUID] = key()
    started_at: Mapped[datetime] = plain(why="time of the sweep", index=True)
    finished_at: Mapped[datetime | None] = plain(why="time of the sweep")
    counts: Mapped[dict[str, int]] = plain(JSON, why="numbers per table")


class Attestation(Model):
    """Dated evidence for what software can't measure, and for agreements with processors.

    ``subject`` is the key of a promise ("physical_access") or
    "agreement:" and which recipient.
    """

    __label__ = Text("Intyg du lämnat", "Evidence you attested")
    __subject__ = ByUser("attested_by_id")
    __since__ = "attested_on"

    id: Mapped[UUID] = key()
    subject: Mapped[str] = plain(why="key of a promise or of a recipient", index=True)
    statement: Mapped[str] = plain(why="what was found, about the service and no person")
    owner: Mapped[str] = plain(why="a role, never a name")
    attested_on: Mapped[date] = plain(why="day of the evidence")
    valid_until: Mapped[date] = plain(why="day on which it must be renewed")
    attested_by_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"),
        activity=ACCOUNTS,
        erase=BLANK,
        derived=True,
        label=Text("Intyg du lämnat", "Evidence you attested"),
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
    organisation_id: Mapped[UUID | None] = plain(
        why="the organisation whose data is handed back; none for a person's own", index=True
    )
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
    """An erasure from the decision to the receipt; it names nobody once it is done.

    "held" means that all is erased but what a legal hold keeps; it goes on
    when the hold ends.
    """

    __label__ = Text("Raderingar", "Erasures")
    __subject__ = ByReference("reference")
    __since__ = "requested_at"
    __table_args__ = (
        CheckConstraint(
            "state IN ('cooling','queued','rows','compacting','held','done','cancelled')",
            name="state",
        ),
        # Of two requests at the same moment one is refused, on PostgreSQL too.
        Index(
            "ix_erasure_pending",
            "reference",
            unique=True,
            sqlite_where=text(_UNDER_WAY),
            postgresql_where=text(_UNDER_WAY),
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
    organisation_id: Mapped[UUID | None] = plain(
        why="the organisation whose contract ends; none for a person's own"
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
    counts: Mapped[dict[str, Any] | None] = plain(
        JSON, why="numbers per table, and keys of the activities that were held"
    )
    receipt: Mapped[dict[str, Any] | None] = plain(JSON, why="signed receipt without identity")

    @property
    def person(self) -> Person:
        """Whose data it erases; nobody once it is done."""
        return Person.of(self.user_id, *([self.email] if self.email else []))
