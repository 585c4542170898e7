"""Rights exercised with a receipt code: that it was done and on which day, and nothing else.

No row here has an address, a time or an order, and none shares a digest with
an answer set or with the ledger (see ``docs/privacy.md``, "Do not").
"""

from collections.abc import Sequence
from datetime import date
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from trustivide.core.text import Text
from trustivide.privacy.models import KINDS, CodeRequest


def note(code: bytes, *, session: Session, kind: str, day: date) -> None:
    """Write down that the holder of ``code`` used a right; once a day says it.

    ON CONFLICT rather than a caught violation, which PostgreSQL would write
    into its log with the time.
    """
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(
        dialect.insert(CodeRequest)
        .values(id=uuid4(), code=code, kind=kind, day=day)
        .on_conflict_do_nothing(index_elements=["code", "kind", "day"])
    )


def noted(session: Session, code: bytes) -> Sequence[tuple[Text, date]]:
    """What the holder of ``code`` did on which day, newest first."""
    rows = session.execute(
        select(CodeRequest.kind, CodeRequest.day)
        .where(CodeRequest.code == code)
        .order_by(CodeRequest.day.desc(), CodeRequest.kind)
    )
    return [(KINDS[kind], day) for kind, day in rows]
