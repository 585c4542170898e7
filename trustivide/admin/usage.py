"""How much the service is used, for the staff page, and whether its promise is kept."""

from datetime import datetime

from sqlalchemy.orm import Session

from trustivide.core.text import Text
from trustivide.privacy.measures import BROKEN, KEPT, Measured
from trustivide.usage import queries as usage


def measured(session: Session, now: datetime) -> Measured:
    """The promise about usage: how many rows it doesn't allow."""
    wrong = usage.faults(session, now)
    return Measured(
        BROKEN if wrong else KEPT,
        Text(
            f"Rader om den som invänt: {wrong.of_objectors}; för gamla: {wrong.too_old}; av okänt "
            f"slag: {wrong.of_no_kind}; pseudonymer längre än en månad: {wrong.beyond_a_month}",
            f"Rows of somebody who objected: {wrong.of_objectors}; too old: {wrong.too_old}; of an "
            f"unknown kind: {wrong.of_no_kind}; pseudonyms beyond a month: {wrong.beyond_a_month}",
        ),
    )
