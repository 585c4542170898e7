"""Who may use a route. A route that says nothing does not boot.

This module knows no permission and no user: create_app injects, for each kind of
rule, a policy that answers with the actor or raises. "Not for you" is always
404, since 403 would tell a stranger that the thing exists.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, g, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from trustivide.core.errors import BootError
from trustivide.web.fragments import go

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])
Policy = Callable[[str | None], Any]


@dataclass(frozen=True)
class Rule:
    """``kind`` names the policy, ``detail`` what it asks for: a permission."""

    kind: str
    detail: str | None = None


class SignInFirst(Exception):
    """Nobody is signed in where somebody must be."""

    def __init__(self, endpoint: str = "auth.login") -> None:
        super().__init__(endpoint)
        self.endpoint = endpoint


def _rule(kind: str, detail: str | None = None) -> Callable[[View], View]:
    def declare(view: View) -> View:
        view.access = Rule(kind, detail)  # type: ignore[attr-defined]
        return view

    return declare


def public(view: View) -> View:
    """Anybody."""
    return _rule("public")(view)


def entering(view: View) -> View:
    """Anybody who gave their password, whether or not their second factor is still due."""
    return _rule("entering")(view)


def account(view: View) -> View:
    """Anybody signed in, customer or staff."""
    return _rule("account")(view)


def member(permission: str) -> Callable[[View], View]:
    """A member of a customer organisation whose role has ``permission``."""
    return _rule("member", permission)


def staff(permission: str) -> Callable[[View], View]:
    """A member of Trustivide's staff with ``permission``, signed in with a second factor."""
    return _rule("staff", permission)


def respondent(view: View) -> View:
    """A holder of a survey link or of a receipt code; the view resolves which."""
    return _rule("respondent")(view)


def subject(view: View) -> View:
    """Somebody about whom data is held: by account, or by a link mailed to the address."""
    return _rule("subject")(view)


def takes(largest: int) -> Callable[[View], View]:
    """A body of up to ``largest`` bytes, where other routes take ``MAX_CONTENT_LENGTH``."""

    def declare(view: View) -> View:
        view.largest_body = largest  # type: ignore[attr-defined]
        return view

    return declare


def admit_large_bodies(app: Flask, policies: dict[str, Policy]) -> None:
    """Let a route that says :func:`takes` take it, from whoever may use it and from nobody else.

    To be installed before whatever reads forms: their token is looked for before anybody is
    asked who they are, and strangers must not fill the memory meanwhile.
    """

    @app.before_request
    def admit() -> None:
        view = app.view_functions.get(request.endpoint or "")
        largest = getattr(view, "largest_body", None)
        if request.endpoint is None or largest is None:
            return
        rule = _rule_of(app, request.endpoint)
        try:
            policies[rule.kind](rule.detail)
        except (SignInFirst, NotFound):
            return
        request.max_content_length = largest


def init_app(app: Flask, policies: dict[str, Policy], denied: Callable[[str], None]) -> None:
    """Enforce the rules with ``policies``; ``denied`` hears which permission somebody lacked."""
    setattr(app.view_functions["static"], "access", Rule("public"))  # noqa: B010  not ours

    @app.before_request
    def head_is_get() -> None:
        # RFC 9110, 9.3.2. Flask hands HEAD to the view of GET under its own name,
        # and a view that acts unless it is asked by GET would act on it.
        if request.method == "HEAD":
            request.method = "GET"

    @app.before_request
    def enforce() -> ResponseReturnValue | None:
        if request.endpoint is None:  # routing failed; the error page answers
            return None
        rule = _rule_of(app, request.endpoint)
        try:
            g.actor = policies[rule.kind](rule.detail)
        except SignInFirst as needed:
            here = request.full_path.rstrip("?") if request.method == "GET" else None
            return go(url_for(needed.endpoint, next=here))
        except NotFound:
            if rule.detail is not None:
                denied(rule.detail)
            raise
        return None


def _rule_of(app: Flask, endpoint: str) -> Rule:
    declared: Rule = getattr(app.view_functions[endpoint], "access", Rule(""))
    return declared


def check(app: Flask, policies: dict[str, Policy], known: Mapping[str, Collection[str]]) -> None:
    """Raise :class:`BootError` naming each route without a rule, or with an unknown one.

    ``known`` holds, for each kind of rule that asks for something, what it may ask for.
    """

    def is_wrong(rule: Rule) -> bool:
        asks_for_unknown = rule.kind in known and rule.detail not in known[rule.kind]
        return rule.kind not in policies or asks_for_unknown

    wrong = [
        str(route) for route in app.url_map.iter_rules() if is_wrong(_rule_of(app, route.endpoint))
    ]
    if wrong:
        raise BootError("routes without an access rule: " + ", ".join(sorted(wrong)))


def found(thing: Any) -> Any:
    """``thing``, or 404 where a scoped look-up found nothing."""
    if thing is None:
        raise NotFound
    return thing


def local_path(target: str | None) -> str | None:
    """``target`` if it is a path on this site, else ``None`` (no open redirect)."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return None
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or any(c in target for c in "\r\n\t\\"):
        return None
    return target
