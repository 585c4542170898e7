"""What a role meets: every route with real ids, and the forms on its pages.

Only GET is used to find out, which changes nothing.
"""

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

from flask import Flask
from sqlalchemy import select
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from scan.visitor import Fields, Form, Visitor
from trustivide.core.db import db

OUT_OF_BOUNDS = re.compile(r"^/(static|dev)/|^/auth/logout$")
"""Files, the mailbox that production doesn't have, and the way out."""

ENDINGS = re.compile(
    r"/(removal|closure|ending|deletion|erasure|stepping-down|cancellation|withdrawal|leave|leaving|undo"
    r"|end|forget|refusal|role|review|restriction|restrictions|recovery-codes?|choice)(/|$)"
    r"|/auth/(logout|password|reset|confirm|address-undo)|/privacy/(enter|unsubscribe)/"
    r"|/invitations?/|^/organisation/[^/]+/(second-factor|people/.)"
)
"""What ends something that other routes need: these are scanned last, on a site that heals."""

WORDS: dict[str, str] = {
    "name": "search",
    "field": "query",
    "slug": "premortem",
    "token": "A" * 32,
    "code": "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA-AAAAA",
    "activity": "search_history",
    "number": "1",
    "version": "1",
    "older": "1",
    "newer": "2",
    "subject": "physical_access",
    "step": "answer",
    "filename": "css/base.css",
    "row": "search",
    "record": "consent_event",
    "scope": "organisation",
    "key": "tillit-i-team",
    "section": "knowing",
    "item": "competence_1",
    "part": "comment",
    "dimension": "care",
    "kind": "csv",
}
"""What routes take that is no table's id; for ``row`` and ``record``, the table."""

TYPED = {
    "email": "nora.ny@exempel.test",
    "addresses": "nora.ny@exempel.test",
    "number": "556036-0793",
    "q": "förtroende",
    "code": "123456",
    "ends_on": "2027-01-31",
    "received_on": "2026-11-20",
    "password": "kantarell i backen",
    "day": "2027-01-18",
    "time": "09:00",
    "run_on": "2026-11-20",
    "attendance": "7",
}
"""What is typed into a field that its page leaves empty; elsewhere some words."""

QUESTIONS = {"page": "1", "next": "/home", "q": "förtroende", "language": "en"}

PER_ROUTE = 2
"""So many addresses of one route are opened: another team's page has the same code."""


@dataclass
class Surface:
    """The pages and forms that one role reached, one of each kind."""

    role: str
    pages: dict[str, str] = field(default_factory=dict)
    forms: dict[tuple[str, ...], Form] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def kinds(self) -> dict[str, str]:
        """Every address that was opened, refused ones included, by what tells it from others."""
        return self.pages | {f"refused {kind}": path for kind, path in self.refused.items()}

    @property
    def paths(self) -> list[str]:
        """Every address that was opened, refused ones included."""
        return list(dict.fromkeys(self.kinds.values()))


Enter = Callable[[], tuple[Visitor, Surface]]
"""Puts the site back, signs a role in, looks around, and marks the site as ``signed-in``."""


@dataclass(frozen=True)
class Routes:
    """The routes of the product, with an address of each for whoever has none of their own."""

    rules: Map
    addresses: dict[str, str]
    questions: dict[str, tuple[str, ...]]

    @staticmethod
    def of(app: Flask) -> "Routes":
        """Read from the application's own map, and from its database."""
        rules = [r for r in app.url_map.iter_rules() if not OUT_OF_BOUNDS.search(str(r))]
        addresses = {f"{rule} {rule.endpoint}": _address(app, rule) for rule in rules}
        questions = {name: _questions(view) for name, view in app.view_functions.items()}
        return Routes(app.url_map, addresses, questions)

    def endpoint(self, path: str, method: str = "GET") -> str:
        """The route that answers; empty when none does."""
        try:
            return str(self.rules.bind("localhost").match(urlsplit(path).path, method)[0])
        except HTTPException:
            return ""

    def arguments(self, path: str, method: str = "GET") -> list[str]:
        """What the path says where its route takes something."""
        try:
            return [str(v) for v in self.rules.bind("localhost").match(path, method)[1].values()]
        except HTTPException:
            return []

    def asking(self, surface: Surface) -> Iterator[str]:
        """The pages with everything asked that their views may read from an address."""
        for path in surface.pages.values():
            parts = urlsplit(path)
            names = self.questions.get(self.endpoint(path), ())
            more = {name: QUESTIONS.get(name, "1") for name in names} | dict(parse_qsl(parts.query))
            if more:
                yield f"{parts.path}?{urlencode(more)}"

    def walk(self, visitor: Visitor) -> Surface:
        """Open every route and follow the links, as ``visitor``."""
        surface, seen, opened = Surface(visitor.name), set[str](), dict[str, int]()
        waiting = [*visitor.known, "/home", "/privacy/", "/", *self.addresses.values()]
        while waiting:
            path = waiting.pop(0)
            kind = self._kind(path)
            if path in seen or not kind or OUT_OF_BOUNDS.search(path):
                continue
            if opened.get(kind, 0) >= PER_ROUTE:
                continue
            seen.add(path)
            answer = visitor.get(path)
            if answer.onward:
                waiting.insert(0, answer.onward)
                continue
            if answer.status != 200:
                surface.refused.setdefault(kind, path)
                continue
            opened[kind] = opened.get(kind, 0) + 1
            surface.pages.setdefault(kind, path)
            if answer.is_page:
                page = answer.page()
                waiting[:0] = page.links
                for form in page.forms:
                    self._note(surface, form)
                    if form.action.endswith("/preview"):  # changes nothing; leads to the next
                        shown = visitor.post(form.action, with_words(form))
                        for following in shown.page().forms:
                            self._note(surface, following)
        for kind in surface.pages:
            surface.refused.pop(kind, None)
        return surface

    def _kind(self, path: str) -> str:
        """Route and names of the questions: what tells one address from another."""
        endpoint = self.endpoint(path)
        names = sorted({name for name, _ in parse_qsl(urlsplit(path).query)})
        return f"{endpoint}?{','.join(names)}" if endpoint and names else endpoint

    def _note(self, surface: Surface, form: Form) -> None:
        endpoint = self.endpoint(form.action, form.method)
        if endpoint and not OUT_OF_BOUNDS.search(form.action):
            surface.forms.setdefault((form.method, endpoint, *sorted(form.names)), form)


def _address(app: Flask, rule: Rule) -> str:
    """The route's path with real ids in it."""

    def value(argument: re.Match[str]) -> str:
        name = argument[1]
        table = WORDS.get(name, name.removesuffix("_id"))
        if not argument[0].startswith("<uuid:"):
            return WORDS.get(name) or _unknown(rule, name)
        return str(_an_id(table) or UUID(int=4))

    return re.sub(r"<(?:\w+:)?(\w+)>", value, str(rule))


def _unknown(rule: Rule, name: str) -> str:
    raise LookupError(f"say in scan/surface.py WORDS what {rule} takes as {name}")


def _an_id(table: str) -> UUID | None:
    """The id of some row; ``None`` where there is no such table or row."""
    known = {
        "look": "staff_access",
        "hold": "legal_hold",
        "change": "address_change",
        "member": "team_member",
        "device": "known_device",
        "invitation": "colleague_invitation",
        "invited": "invitation",
        "instrument": "own_instrument",
        "action": "agreed_action",
        "session": "workshop_session",
        "agreed": "session_action",
    }
    found = db.metadata.tables.get(known.get(table, table))
    if found is None or "id" not in found.c:
        return None
    row: UUID | None = db.session.scalar(select(found.c.id).limit(1))
    return row


def _questions(view: Any) -> tuple[str, ...]:
    """The names under which a view reads from an address, by itself or through helpers."""
    module = view.__module__
    base = module.rpartition(".")[0] + ".base"
    near = [sys.modules[name] for name in (module, base) if name in sys.modules]
    helpers = {
        name: inspect.getsource(helper)
        for place in near
        for name, helper in inspect.getmembers(place, inspect.isfunction)
    }
    text, seen = inspect.getsource(view), set[str]()
    while called := {name for name in helpers if f"{name}(" in text} - seen:
        seen |= called
        text += "".join(helpers[name] for name in called)
    return tuple(sorted(set(re.findall(r'request\.args(?:\.get\(|\[)"(\w+)"', text))))


def with_words(form: Form) -> Fields:
    """What is sent when somebody types something plausible into every empty field."""
    return [(name, value or TYPED.get(name, "Några ord till er")) for name, value in form.fields]


def split(paths: list[str]) -> tuple[list[str], list[str]]:
    """``(others, endings)``."""
    endings = [path for path in paths if ENDINGS.search(urlsplit(path).path)]
    return [path for path in paths if path not in endings], endings
