"""Error pages: what happened, what to do, and a reference that staff can look up."""

import logging
import secrets

from flask import Flask, Response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from trustivide.core.holds import Held
from trustivide.web import limits
from trustivide.web.fragments import page
from trustivide.web.headers import secret_in_address
from trustivide.web.limits import open_again
from trustivide.web.locale import clock_of

log = logging.getLogger(__name__)


def _explain(code: int) -> tuple[str, str]:
    known = {
        400: (
            _("Sidan gick inte att skicka"),
            _("Den kan ha varit öppen för länge. Gå tillbaka, ladda om och försök igen."),
        ),
        404: (
            _("Sidan finns inte"),
            _("Länken kan vara gammal eller felskriven. Kontrollera adressen eller börja om."),
        ),
        405: (_("Sidan finns inte"), _("Gå tillbaka och försök på ett annat sätt.")),
        409: (
            _("Det går inte att radera just nu"),
            _("Uppgifterna bevaras enligt lag tills vidare. Inget har ändrats."),
        ),
        413: (_("Det du skickade är för stort"), _("Dela upp det och försök igen.")),
        429: (_("Lite för många försök"), _wait()),
    }
    ours = (
        _("Något gick fel hos oss"),
        _("Det är inte ditt fel. Försök igen om en stund, eller skriv till oss med referensen."),
    )
    return known.get(code, ours if code >= 500 else known[400])


def _wait() -> str:
    """Until when, where a limit of ours was reached."""
    until = open_again()
    if until is None:
        return _("Vänta några minuter och försök sedan igen.")
    return _("Vänta till %(clock)s och försök sedan igen.", clock=clock_of(until))


def init_app(app: Flask) -> None:
    """Answer every error with a page; details go to the log under the reference."""

    @app.errorhandler(CSRFError)
    def expired_form(error: CSRFError) -> ResponseReturnValue:
        return _answer(400)

    @app.errorhandler(Held)
    def held(error: Held) -> ResponseReturnValue:
        return _answer(409)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> ResponseReturnValue:
        if error.response is not None:
            return error.response
        answer = _answer(error.code or 500)
        # Which methods there are (Allow), or when to come back, belongs to the answer.
        for name, value in error.get_headers():
            if name != "Content-Type":
                answer.headers[name] = value
        if error.code == 429:
            answer.headers["Retry-After"] = str(limits.WINDOW)
        return answer

    @app.errorhandler(Exception)
    def crash(error: Exception) -> ResponseReturnValue:
        reference = secrets.token_hex(4)
        # The path is not logged: it may hold a survey token.
        log.exception("reference %s at %s", reference, request.endpoint)
        return _answer(500, reference)


def _answer(code: int, reference: str | None = None) -> Response:
    reference = reference or secrets.token_hex(4)
    # Endpoint and code only: the path may hold a token.
    log.info("reference %s: %d at %s", reference, code, request.endpoint)
    title, message = _explain(code)
    return page(
        "error.html",
        fragment="error",
        status=code,
        code=code,
        title=title,
        message=message,
        reference=reference,
        return_to="/" if secret_in_address() else None,
    )
