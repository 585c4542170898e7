"""What will go when, and what the last nights let go."""

from flask.typing import ResponseReturnValue

from trustivide.admin.views.base import bp, page
from trustivide.core import clock, inventory
from trustivide.core.activities import ALL
from trustivide.core.db import db
from trustivide.privacy import retention as sweeps
from trustivide.web.access import staff


@bp.get("/retention")
@staff("retention.read")
def retention() -> ResponseReturnValue:
    """Each group that a date ends, what an event ends, and the last sweeps: numbers, no people."""
    session, night = db.session(), sweeps.next_sweep(clock.now())
    others = sweeps.elsewhere.values()
    told = {other.activity for other in others}
    return page(
        "retention.html",
        night=night,
        forecast=sweeps.forecast(session, night),
        by_event=[a for a in ALL if a.retention and a.retention.days is None and a not in told],
        runs=sweeps.runs(session),
        spent=[(*sweeps.SPENT[name], n) for name, n in sweeps.spent(session, night).items()]
        + [(other.label, other.rule, other.due(session, night)) for other in others],
        labels={group.name: group.label for group in inventory.groups()}
        | {name: label for name, (label, _) in sweeps.SPENT.items()},
    )
