"""Which kinds of pages and functions are used, under a name that changes every month."""

from datetime import date
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from trustivide.core.activities import USAGE_ANALYSIS
from trustivide.core.db import DELETE_ROW, Model, key, personal
from trustivide.core.subjects import ByPseudonym
from trustivide.core.text import Text


class UsageRow(Model):
    """Somebody used a kind of page or function on a day, so many times.

    Never what was in it: no id of a row, no word that was typed. Who it was stands as
    a keyed digest of the account and the month, so that nobody is followed from one
    month to the next by the rows alone.
    """

    __label__ = Text("Vilka funktioner du använt", "Which functions you used")
    __subject__ = ByPseudonym("pseudonym")
    __since__ = "day"
    __table_args__ = (UniqueConstraint("pseudonym", "day", "kind"),)

    id: Mapped[UUID] = key()
    pseudonym: Mapped[bytes] = personal(activity=USAGE_ANALYSIS, erase=DELETE_ROW, derived=True)
    day: Mapped[date] = personal(
        activity=USAGE_ANALYSIS, erase=DELETE_ROW, label=Text("Dag", "Day"), index=True
    )
    kind: Mapped[str] = personal(
        activity=USAGE_ANALYSIS, erase=DELETE_ROW, label=Text("Funktion", "Function")
    )
    uses: Mapped[int] = personal(
        activity=USAGE_ANALYSIS, erase=DELETE_ROW, label=Text("Antal gånger", "Times")
    )
