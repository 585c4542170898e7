"""What is used: totals of whole months, in which nobody is seen."""

from flask.typing import ResponseReturnValue

from trustivide.admin.views.base import bp, page
from trustivide.core import clock
from trustivide.core.activities import FEWEST
from trustivide.core.db import db
from trustivide.surveys import evaluations
from trustivide.usage import queries
from trustivide.web.access import staff
from trustivide.web.locale import language
from trustivide.workshops import queries as workshops


@bp.get("/usage")
@staff("usage.read")
def usage() -> ResponseReturnValue:
    """How many people used each kind of page and function, and how often."""
    session, now = db.session(), clock.now()
    months = queries.months(clock.day_of(now))
    return page(
        "usage.html",
        months=months,
        rows=list(zip(*(queries.totals(session, month) for month in months), strict=True)),
        downloads=workshops.people_per_workshop(session, now),
        evaluations=evaluations.totals(session, now),
        least=(evaluations.LEAST_ORGANISATIONS, evaluations.LEAST_ANSWER_SETS),
        workshops=workshops.catalogue(session, language()),
        fewest=FEWEST,
    )
