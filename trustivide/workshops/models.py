"""What people did in the workshop catalogue. The catalogue itself is files."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped

from trustivide.core.activities import SEARCH_HISTORY, WORKSHOP_USE
from trustivide.core.crypto import EncryptedText
from trustivide.core.db import DELETE_ROW, Model, key, personal
from trustivide.core.subjects import ByUser
from trustivide.core.text import Text


class Download(Model):
    """Somebody downloaded a workshop's guide."""

    __label__ = Text("Nedladdade workshops", "Downloaded workshops")
    __subject__ = ByUser("user_id")
    __since__ = "at"
    __table_args__ = (Index("ix_download_user_id_at", "user_id", "at"),)

    id: Mapped[UUID] = key()
    user_id: Mapped[UUID] = personal(
        ForeignKey("user.id", ondelete="CASCADE"),
        activity=WORKSHOP_USE,
        erase=DELETE_ROW,
        derived=True,
    )
    workshop: Mapped[str] = personal(
        activity=WORKSHOP_USE, erase=DELETE_ROW, portable=True, label=Text("Workshop", "Workshop")
    )
    at: Mapped[datetime] = personal(
        activity=WORKSHOP_USE, erase=DELETE_ROW, portable=True, label=Text("Tid", "Time")
    )


class Search(Model):
    """Somebody searched the catalogue."""

    __label__ = Text("Sökhistorik", "Search history")
    __subject__ = ByUser("user_id")
    __since__ = "at"
    __table_args__ = (Index("ix_search_user_id_at", "user_id", "at"),)

    id: Mapped[UUID] = key()
    user_id: Mapped[UUID] = personal(
        ForeignKey("user.id", ondelete="CASCADE"),
        activity=SEARCH_HISTORY,
        erase=DELETE_ROW,
        derived=True,
    )
    query: Mapped[str] = personal(
        EncryptedText(),
        activity=SEARCH_HISTORY,
        erase=DELETE_ROW,
        portable=True,
        label=Text("Sökord", "Search words"),
    )
    at: Mapped[datetime] = personal(
        activity=SEARCH_HISTORY, erase=DELETE_ROW, portable=True, label=Text("Tid", "Time")
    )
