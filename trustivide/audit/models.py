"""The audit trail: one chain of entries, each sealed over the one before.

After Schneier & Kelsey, "Secure audit logs to support computer forensics",
ACM TISSEC 2(2), 1999, without their evolving key: who can rewrite the whole
table and its head is found only by a head that was noted elsewhere.
"""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped

from trustivide.core.activities import SECURITY_LOG
from trustivide.core.db import Keep, Model, personal, plain
from trustivide.core.subjects import ByUser
from trustivide.core.text import Text

_SEALED = Keep(
    Text(
        "Ett id utan namn eller adress; kedjan visar att ingen ändrat loggen, och går efter "
        "12 månader",
        "An id without name or address; the chain shows that nobody changed the log, and goes "
        "after 12 months",
    )
)


class AuditEntry(Model):
    """Something that matters for security happened. Ids and coded words, never free text."""

    __label__ = Text("Säkerhetshändelser", "Security events")
    __subject__ = ByUser("about_id")
    __since__ = "at"
    __until__ = "the chain is pruned each night of what is older than 12 months"

    id: Mapped[UUID] = plain(
        default=uuid4, unique=True, why="random key, by which a person's pages know the row"
    )
    number: Mapped[int] = plain(
        primary_key=True, autoincrement=False, why="place in the chain, without gaps"
    )
    at: Mapped[datetime] = personal(activity=SECURITY_LOG, erase=_SEALED, label=Text("Tid", "Time"))
    event: Mapped[str] = personal(
        activity=SECURITY_LOG, erase=_SEALED, label=Text("Händelse", "Event")
    )
    actor_id: Mapped[UUID | None] = personal(
        activity=SECURITY_LOG,
        subject=ByUser("actor_id"),
        erase=_SEALED,
        derived=True,
        index=True,
    )
    about_id: Mapped[UUID | None] = personal(
        activity=SECURITY_LOG, erase=_SEALED, derived=True, index=True
    )
    thing_id: Mapped[UUID | None] = plain(why="the team, survey or organisation that it concerns")
    detail: Mapped[str] = personal(
        default="", activity=SECURITY_LOG, erase=_SEALED, label=Text("Kod", "Code")
    )
    seal: Mapped[bytes] = plain(why="hash over the entry and the seal before")


class AuditHead(Model):
    """The one row that says where the chain ends, and where it begins since it was pruned."""

    __table_args__ = (CheckConstraint("id = 1", name="one"),)

    id: Mapped[int] = plain(primary_key=True, autoincrement=False, why="there is one")
    number: Mapped[int] = plain(why="the last entry's number")
    seal: Mapped[bytes] = plain(why="the last entry's seal")
    first_number: Mapped[int] = plain(why="the number below which entries were pruned")
    first_seal: Mapped[bytes] = plain(why="the seal of the last pruned entry")
