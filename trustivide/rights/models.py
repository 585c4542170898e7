"""What people have chosen and been told. Append-only, but for the end of an objection.

No row here names anybody: each holds a keyed reference (see
``core.subjects.Person.reference``), so that the records can stand below
accounts and also speak of people who have none.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Index
from sqlalchemy.orm import Mapped, MappedColumn

from trustivide.core.activities import PRIVACY_RIGHTS
from trustivide.core.crypto import Digest
from trustivide.core.db import DELETE_ROW, Keep, Model, key, personal, plain
from trustivide.core.subjects import ByEmail, ByReference
from trustivide.core.text import Text


def _reference() -> Mapped[bytes]:
    return personal(
        Digest(purpose="reference"),
        activity=PRIVACY_RIGHTS,
        derived=True,
        erase=DELETE_ROW,
        nullable=False,
        index=True,
    )


def _own(*args: Any, label: tuple[str, str], **kwargs: Any) -> MappedColumn[Any]:
    return personal(
        *args,
        activity=PRIVACY_RIGHTS,
        erase=DELETE_ROW,
        label=Text(*label),
        **kwargs,
    )


class NoticeRecord(Model):
    """Somebody was informed of a version of a text. Never a consent (policy §4)."""

    __label__ = Text("Information du fått", "Information you were given")
    __subject__ = ByReference("reference")
    __since__ = "at"

    id: Mapped[UUID] = key()
    reference: Mapped[bytes] = _reference()
    notice: Mapped[str] = _own(label=("Text", "Text"))
    version: Mapped[int] = _own(label=("Version", "Version"))
    language: Mapped[str] = _own(label=("Språk", "Language"))
    text_hash: Mapped[str] = _own(label=("Textens kontrollsumma", "Checksum of the text"))
    at: Mapped[datetime] = _own(label=("Tid", "Time"))
    how: Mapped[str] = _own(label=("Lämnad via", "Given through"))


class ConsentRecord(Model):
    """A consent given, refused or withdrawn; fields after ISO/IEC TS 27560:2023."""

    __label__ = Text("Samtycken", "Consents")
    __subject__ = ByReference("reference")
    __since__ = "at"

    id: Mapped[UUID] = key()
    schema_version: Mapped[int] = plain(default=1, why="version of the record's form")
    reference: Mapped[bytes] = _reference()
    activity: Mapped[str] = _own(label=("Ändamål", "Purpose"))
    event: Mapped[str] = _own(label=("Val", "Choice"))
    at: Mapped[datetime] = _own(label=("Tid", "Time"))
    notice: Mapped[str] = _own(label=("Text", "Text"))
    version: Mapped[int] = _own(label=("Version", "Version"))
    text_hash: Mapped[str] = _own(label=("Textens kontrollsumma", "Checksum of the text"))
    language: Mapped[str] = _own(label=("Språk", "Language"))
    collected_by: Mapped[str] = _own(label=("Lämnat via", "Collected through"))
    wording: Mapped[str] = _own(label=("Formulering", "Wording"))
    default_state: Mapped[str] = _own(label=("Förvalt läge", "Default state"))
    gpc_seen: Mapped[bool] = _own(label=("Sec-GPC skickades", "Sec-GPC was sent"))
    processing: Mapped[dict[str, Any] | None] = plain(
        JSON, why="what was declared about the processing when the choice was made"
    )
    previous_id: Mapped[UUID | None] = plain(why="chain of records about the same choice")


class Objection(Model):
    """Art. 21: an activity that must not be done with somebody's data, until lifted."""

    __label__ = Text("Invändningar", "Objections")
    __subject__ = ByReference("reference")
    __since__ = "at"

    id: Mapped[UUID] = key()
    reference: Mapped[bytes] = _reference()
    activity: Mapped[str] = _own(label=("Ändamål", "Purpose"))
    at: Mapped[datetime] = _own(label=("Tid", "Time"))
    lifted_at: Mapped[datetime | None] = _own(label=("Återtagen", "Withdrawn"))


class Restriction(Model):
    """Art. 18: data is stored and not used for the activity ("all" for every one), until lifted."""

    __label__ = Text("Begränsningar", "Restrictions")
    __subject__ = ByReference("reference")
    __since__ = "at"

    id: Mapped[UUID] = key()
    reference: Mapped[bytes] = _reference()
    activity: Mapped[str] = _own(label=("Ändamål", "Purpose"))
    at: Mapped[datetime] = _own(label=("Tid", "Time"))
    lifted_at: Mapped[datetime | None] = _own(label=("Upphävd", "Lifted"))


class Suppression(Model):
    """A no that outlives erasure: the digest of an address and the activity it concerns."""

    __label__ = Text("Spärrar", "Suppressions")
    __subject__ = ByEmail("digest")
    __table_args__ = (Index("ix_suppression_digest_activity", "digest", "activity", unique=True),)

    _GROUND = Keep(
        Text(
            "Behålls utan namn och adress, så att en radering inte upphäver ditt nej",
            "Kept without name or address, so that an erasure never undoes your no",
        )
    )

    id: Mapped[UUID] = key()
    digest: Mapped[bytes] = personal(
        Digest(), activity=PRIVACY_RIGHTS, derived=True, erase=_GROUND, nullable=False
    )
    activity: Mapped[str] = personal(
        activity=PRIVACY_RIGHTS, erase=_GROUND, label=Text("Ändamål", "Purpose")
    )
