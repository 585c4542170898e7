"""One template serves the page and its fragments.

The fragment is a block whose name is the element's id; the view names it,
never the client. An htmx request for part of a page gets the block, and
everything else (a plain request, a restored history entry) gets the page.
"""

from typing import Any

from flask import (
    Response,
    flash,
    get_flashed_messages,
    make_response,
    redirect,
    render_template,
    request,
)
from jinja2_fragments.flask import render_block


def wants_fragment() -> bool:
    """Whether the client is htmx and asks for part of a page."""
    headers = request.headers
    return (
        headers.get("HX-Request") == "true"
        and headers.get("HX-Request-Type") == "partial"
        and headers.get("HX-History-Restore-Request") != "true"
    )


def page(
    template: str, *, fragment: str | None = None, status: int = 200, **context: Any
) -> Response:
    """Render ``template``, or only its block ``fragment`` for an htmx request.

    The messages for the status region travel out of band with a fragment.
    """
    if fragment is not None and wants_fragment():
        body = render_block(template, fragment, **context)
        body += render_template("_status.html", messages=get_flashed_messages(with_categories=True))
    else:
        body = render_template(template, **context)
    response = make_response(body, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def go(location: str) -> Response:
    """Send the browser to a path on this site: 303, or ``HX-Redirect`` for htmx.

    htmx would follow a 303 itself and put the next page inside the old one.
    """
    if not location.startswith("/") or location.startswith("//"):
        raise ValueError("redirects stay on this site")
    if request.headers.get("HX-Request") == "true":
        response = make_response("", 200)
        response.headers["HX-Redirect"] = location
    else:
        response = redirect(location, 303)  # type: ignore[assignment]
    response.headers["Cache-Control"] = "no-store"
    return response


def tell(message: str, kind: str = "good") -> None:
    """Put ``message`` into the status region of the next page or fragment."""
    flash(message, kind)
