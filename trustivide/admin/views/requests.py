"""The desk for privacy requests."""

from flask.typing import ResponseReturnValue

from trustivide.admin import queries
from trustivide.admin.views.base import bp, page, page_number
from trustivide.core import clock
from trustivide.core.db import db
from trustivide.web.access import staff


@bp.get("/requests")
@staff("support")
def requests() -> ResponseReturnValue:
    """Privacy requests and their clocks. Whose they are is not needed, and not shown."""
    return page(
        "requests.html",
        fragment="requests",
        requests=queries.requests(db.session(), page_number(), clock.now()),
    )
