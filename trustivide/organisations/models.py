"""Customers, who belongs to them, and what they have agreed to."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped

from trustivide.core.activities import ACCOUNTS, COLLEAGUE_INVITATIONS, CUSTOMER_RELATIONS
from trustivide.core.crypto import Digest, EncryptedAddress, EncryptedText
from trustivide.core.db import BLANK, DELETE_ROW, Keep, Model, Reader, key, personal, plain
from trustivide.core.subjects import ByEmail, ByUser
from trustivide.core.text import Text
from trustivide.organisations.numbers import clean

DEFAULT_K = 5
MINIMUM_K = 4

_THE_ORGANISATION_STAYS = Keep(
    Text(
        "Hör till organisationen, som finns kvar så länge någon annan äger den",
        "Belongs to the organisation, which stays for as long as somebody else owns it",
    )
)


class Organisation(Model):
    """A customer. ``minimum_answers`` is its k: results need at least so many answers."""

    __label__ = Text("Organisation", "Organisation")
    __collection__ = Text("Organisationen", "The organisation")
    __subject__ = ByUser("registered_by_id")
    __since__ = "customer_since"
    __table_args__ = (CheckConstraint(f"minimum_answers >= {MINIMUM_K}", name="minimum_answers"),)

    id: Mapped[UUID] = key()
    name: Mapped[str] = personal(
        activity=CUSTOMER_RELATIONS,
        erase=_THE_ORGANISATION_STAYS,
        label=Text("Organisationens namn", "Name of the organisation"),
    )
    # Encrypted: a sole trader's organisation number is a personal identity number.
    number: Mapped[str] = personal(
        EncryptedText(),
        activity=CUSTOMER_RELATIONS,
        erase=_THE_ORGANISATION_STAYS,
        label=Text("Organisationsnummer", "Registration number"),
        reader=Reader(
            clean,
            Text(
                "Skriv numret med tio siffror, till exempel 555555-5555.",
                "Write the number with ten digits, say 555555-5555.",
            ),
        ),
    )
    number_digest: Mapped[bytes] = personal(
        Digest(of="number", purpose="organisation-number"),
        activity=CUSTOMER_RELATIONS,
        erase=_THE_ORGANISATION_STAYS,
        derived=True,
        index=True,
        nullable=False,
    )
    minimum_answers: Mapped[int] = plain(
        default=DEFAULT_K,
        why="k, a setting of the organisation",
        label=Text("Minsta antal svar", "Fewest answers"),
    )
    second_factor_required: Mapped[bool] = plain(
        default=False,
        why="a setting of the organisation",
        label=Text("Kräver tvåstegsinloggning", "Requires two-step sign-in"),
    )
    customer_since: Mapped[date] = personal(
        activity=CUSTOMER_RELATIONS,
        erase=_THE_ORGANISATION_STAYS,
        label=Text("Kund sedan", "Customer since"),
    )
    registered_by_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"),
        activity=CUSTOMER_RELATIONS,
        erase=BLANK,
        derived=True,
    )


class Membership(Model):
    """Somebody's role in an organisation."""

    __label__ = Text("Din roll", "Your role")
    __collection__ = Text("Roller i organisationen", "Roles in the organisation")
    __subject__ = ByUser("user_id")
    __table_args__ = (
        UniqueConstraint("organisation_id", "user_id"),
        CheckConstraint("role IN ('owner','admin','leader','member')", name="role"),
    )

    id: Mapped[UUID] = key()
    organisation_id: Mapped[UUID] = personal(
        ForeignKey("organisation.id", ondelete="CASCADE"),
        activity=ACCOUNTS,
        erase=DELETE_ROW,
        show="name",
        label=Text("Organisation", "Organisation"),
        index=True,
    )
    user_id: Mapped[UUID] = personal(
        ForeignKey("user.id", ondelete="CASCADE"),
        activity=ACCOUNTS,
        erase=DELETE_ROW,
        derived=True,
        index=True,
    )
    role: Mapped[str] = personal(activity=ACCOUNTS, erase=DELETE_ROW, label=Text("Roll", "Role"))


class ColleagueInvitation(Model):
    """Somebody in the organisation entered a colleague's address; the answer ends the row."""

    __label__ = Text("Inbjudan till en organisation", "Invitation into an organisation")
    __collection__ = Text("Inbjudna kollegor", "Invited colleagues")
    __subject__ = ByEmail("email_digest")
    __since__ = "expires_at"
    __table_args__ = (
        UniqueConstraint("organisation_id", "email_digest"),
        CheckConstraint("role IN ('owner','admin','leader','member')", name="role"),
    )

    id: Mapped[UUID] = key()
    organisation_id: Mapped[UUID] = personal(
        ForeignKey("organisation.id", ondelete="CASCADE"),
        activity=COLLEAGUE_INVITATIONS,
        erase=DELETE_ROW,
        show="name",
        label=Text("Organisation", "Organisation"),
        index=True,
    )
    email: Mapped[str] = personal(
        EncryptedAddress(),
        activity=COLLEAGUE_INVITATIONS,
        erase=DELETE_ROW,
        portable=True,
        label=Text("E-postadress", "E-mail address"),
    )
    email_digest: Mapped[bytes] = personal(
        Digest(of="email"),
        activity=COLLEAGUE_INVITATIONS,
        erase=DELETE_ROW,
        derived=True,
        nullable=False,
        index=True,
    )
    role: Mapped[str] = personal(
        activity=COLLEAGUE_INVITATIONS, erase=DELETE_ROW, label=Text("Roll", "Role")
    )
    invited_by_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"),
        activity=ACCOUNTS,
        subject=ByUser("invited_by_id"),
        erase=BLANK,
        derived=True,
    )
    token_digest: Mapped[bytes] = personal(
        Digest(purpose="colleague"),
        activity=COLLEAGUE_INVITATIONS,
        erase=DELETE_ROW,
        derived=True,
        unique=True,
    )
    expires_at: Mapped[datetime] = personal(
        activity=COLLEAGUE_INVITATIONS, erase=DELETE_ROW, label=Text("Gäller till", "Valid until")
    )


class AgreementAcceptance(Model):
    """The processing agreement (GDPR Art. 28), accepted by somebody for an organisation."""

    __label__ = Text("Godkända avtal", "Accepted agreements")
    __collection__ = Text("Godkända avtal", "Accepted agreements")
    __subject__ = ByUser("accepted_by_id")
    __since__ = "at"

    _KEPT = Keep(
        Text(
            "Avtalet gäller organisationen och visar vad den godkänt (art. 28.3)",
            "The agreement binds the organisation and shows what it accepted (Art. 28(3))",
        )
    )

    id: Mapped[UUID] = key()
    organisation_id: Mapped[UUID] = plain(
        ForeignKey("organisation.id", ondelete="CASCADE"), why="structure", index=True
    )
    accepted_by_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"),
        activity=CUSTOMER_RELATIONS,
        erase=BLANK,
        derived=True,
    )
    version: Mapped[int] = personal(
        activity=CUSTOMER_RELATIONS, erase=_KEPT, label=Text("Version", "Version")
    )
    text_hash: Mapped[str] = personal(
        activity=CUSTOMER_RELATIONS,
        erase=_KEPT,
        label=Text("Textens kontrollsumma", "Checksum of the text"),
    )
    at: Mapped[datetime] = personal(
        activity=CUSTOMER_RELATIONS, erase=_KEPT, label=Text("Godkänt", "Accepted")
    )
