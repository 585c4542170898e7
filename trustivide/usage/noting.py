"""What counts as a use: the rule that every request passes."""

from collections.abc import Callable
from uuid import UUID

from flask import Flask, Response, g, request

from trustivide.core import clock
from trustivide.core.clock import day_of
from trustivide.usage import kinds
from trustivide.usage.background import Notebook
from trustivide.usage.buffer import Use
from trustivide.web.fragments import wants_fragment


def init_app(app: Flask, who: Callable[[], UUID | None]) -> None:
    """Count what customers' people use; ``who`` says whose request this is, if one of theirs.

    A use is a page that was opened or a function that did what was asked. None is what
    failed, what a browser fetched in advance, and a part of a page drawn anew (a search
    as one types): that page was counted.
    """
    kinds.check(app.blueprints)
    notebook = app.extensions["usage"] = Notebook(app)

    @app.after_request
    def note(response: Response) -> Response:
        user_id = who()
        if user_id is not None and _is_use(response):
            kind = g.get("used") or kinds.of(request.endpoint or "")
            if kind is not None:
                notebook.note(Use(user_id, day_of(clock.now()), kind))
        return response


def _is_use(response: Response) -> bool:
    if request.method == "GET":
        # Sec-Purpose: Fetch Metadata; with what WHATWG HTML adds, "prefetch;prerender".
        in_advance = "prefetch" in request.headers.get("Sec-Purpose", "")
        return response.status_code < 300 and not in_advance and not wants_fragment()
    return response.status_code < 400
