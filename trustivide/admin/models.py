"""What Trustivide's staff looked at."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped

from trustivide.core.activities import STAFF_ACCESS
from trustivide.core.crypto import Digest, EncryptedText
from trustivide.core.db import BLANK, DELETE_ROW, Model, key, personal
from trustivide.core.subjects import ByReference, ByUser
from trustivide.core.text import Text


class StaffAccess(Model):
    """A member of staff opened a page with somebody's data; that person sees that it happened.

    By reference, so that somebody without an account sees it too; ``user_id``
    says whose account page it was.
    """

    __label__ = Text("När vår personal tittat", "When our staff looked")
    __subject__ = ByReference("reference")
    __since__ = "at"

    id: Mapped[UUID] = key()
    reference: Mapped[bytes] = personal(
        Digest(purpose="reference"),
        activity=STAFF_ACCESS,
        erase=DELETE_ROW,
        derived=True,
        index=True,
        nullable=False,
    )
    user_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="CASCADE"),
        activity=STAFF_ACCESS,
        erase=DELETE_ROW,
        derived=True,
        index=True,
    )
    at: Mapped[datetime] = personal(
        activity=STAFF_ACCESS, erase=DELETE_ROW, label=Text("Tid", "Time")
    )
    who: Mapped[str] = personal(
        EncryptedText(), activity=STAFF_ACCESS, erase=DELETE_ROW, label=Text("Vem", "Who")
    )
    what: Mapped[str] = personal(
        activity=STAFF_ACCESS, erase=DELETE_ROW, label=Text("Sida", "Page")
    )
    reason: Mapped[str] = personal(
        activity=STAFF_ACCESS, erase=DELETE_ROW, label=Text("Skäl", "Reason")
    )
    staff_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"),
        activity=STAFF_ACCESS,
        subject=ByUser("staff_id"),
        erase=BLANK,
        derived=True,
    )
