"""A passkey's ceremony in a request: what the browser is asked, and what it was asked.

Views of several features hold ceremonies, each for purposes of its own.
"""

from flask import Response, current_app, make_response, session
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

from trustivide.auth.passkeys import Challenge, Made, Site
from trustivide.core import clock

_KEPT = "passkey_challenge"


def site() -> Site:
    """This site, as passkeys know it."""
    return Site.at(current_app.config["SETTINGS"].public_url)


def challenge(purpose: str) -> Challenge:
    """A fresh challenge, which takes the place of whatever the browser was asked before."""
    new = Challenge.new(purpose, clock.now())
    session[_KEPT] = [bytes_to_base64url(new.value), purpose, new.made]
    return new


def challenged(purpose: str) -> Challenge | None:
    """The challenge that this browser was given for ``purpose``, if it holds; it is used up."""
    value, kept_for, made = session.pop(_KEPT, ("", "", 0))
    kept = Challenge(base64url_to_bytes(value), kept_for, made)
    return kept if kept.holds(purpose, clock.now()) else None


def made(purpose: str, answer: str, name: str) -> Made | None:
    """The passkey that the browser was asked to make for ``purpose``, if that still holds."""
    asked = challenged(purpose)
    return None if asked is None else Made(site(), asked, answer, name)


def answer(options: str) -> Response:
    """The answer with ``options`` (JSON) that static/js/passkeys.js hands to the browser."""
    response = make_response(options)
    response.mimetype = "application/json"
    response.headers["Cache-Control"] = "no-store"
    return response
