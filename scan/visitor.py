"""A browser without JavaScript that really signs in, and whose cookies a scanner may borrow."""

import http.client
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

Fields = list[tuple[str, str]]


@dataclass(frozen=True)
class Form:
    """A form as its page gives it: where it goes, and what it sends if nothing is typed."""

    method: str
    action: str
    fields: tuple[tuple[str, str], ...]
    multipart: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The fields' names, each once, in order."""
        return tuple(dict.fromkeys(name for name, _ in self.fields))

    def filled(self, **typed: str) -> Fields:
        """What is sent when ``typed`` is filled in."""
        kept = [(name, value) for name, value in self.fields if name not in typed]
        return kept + list(typed.items())


@dataclass(frozen=True)
class Answer:
    """One response; ``path`` is what was asked for."""

    path: str
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def onward(self) -> str:
        """Where a redirect leads, as a path; empty without one."""
        target = self.headers.get("Location")
        return _path(urljoin(self.path, target), strict=False) if target else ""

    @property
    def is_page(self) -> bool:
        """Whether it is HTML."""
        return self.headers.get_content_type() == "text/html"

    def page(self) -> "Page":
        """The forms and links on it."""
        page = Page(self.path)
        page.feed(self.text)
        return page


class Page(HTMLParser):
    """The forms of a page and the paths on this site that it links to."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self._form: tuple[str, str, bool] | None = None
        self._fields: Fields = []
        self._select = self._area = ""
        self.links: list[str] = []
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of links and of a form's controls."""
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in given:
            target = _path(urljoin(self._path, given["href"]))
            if target:
                self.links.append(target)
        elif tag == "form":
            action = _path(urljoin(self._path, given.get("action", "") or self._path))
            multipart = given.get("enctype") == "multipart/form-data"
            self._form = (given.get("method", "get").upper(), action, multipart)
            self._fields = []
        elif tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and self._select:
            self._choose(given)
        elif tag == "textarea":
            self._area = given.get("name", "")
            self._add(self._area, "")
        elif tag in {"input", "button"}:
            self._control({"type": "submit" if tag == "button" else "text"} | given)

    def _control(self, given: dict[str, str]) -> None:
        kind, name = given["type"], given.get("name", "")
        taken = name in {known for known, _ in self._fields}
        if not name or (kind in {"radio", "submit"} and taken and "checked" not in given):
            return
        if kind == "radio":
            self._fields = [pair for pair in self._fields if pair[0] != name]
        self._add(name, given.get("value", "on" if kind in {"checkbox", "radio"} else ""))

    def _choose(self, given: dict[str, str]) -> None:
        known = {name for name, value in self._fields if value}
        if self._select not in known or "selected" in given:
            self._fields = [pair for pair in self._fields if pair[0] != self._select]
            self._add(self._select, given.get("value", ""))

    def _add(self, name: str, value: str) -> None:
        if self._form and name:
            self._fields.append((name, value))

    def handle_data(self, data: str) -> None:
        """What stands in a text area."""
        if self._area and self._fields:
            name, value = self._fields[-1]
            self._fields[-1] = (name, (value + data).strip())

    def handle_endtag(self, tag: str) -> None:
        """Close what was open."""
        if tag == "form" and self._form:
            method, action, multipart = self._form
            if action:
                self.forms.append(Form(method, action, tuple(self._fields), multipart))
            self._form = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""


def _path(url: str, *, strict: bool = True) -> str:
    """Path and query of ``url``; empty for another site's, unless not ``strict``."""
    parts = urlsplit(url)
    if strict and (parts.netloc or parts.scheme):
        return ""
    return parts.path + (f"?{parts.query}" if parts.query else "")


@dataclass
class Visitor:
    """Cookies and a name; ``known`` are addresses that nothing links to, mailed ones say.

    Redirects are not followed by themselves.
    """

    host: str
    name: str
    cookies: dict[str, str] = field(default_factory=dict)
    known: list[str] = field(default_factory=list)

    @property
    def cookie_header(self) -> str:
        """All cookies, as a scanner sends them."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def get(self, path: str) -> Answer:
        """Open a page."""
        return self._send("GET", path, b"", {})

    def post(self, path: str, fields: Fields) -> Answer:
        """Send a form."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", path, urlencode(fields).encode(), kind)

    def submit(self, path: str, *wanted: str, **typed: str) -> Answer:
        """Fill in a page's own form, the first that has the fields ``wanted`` and ``typed``."""
        opened = self.follow(self.get(path))
        for form in opened.page().forms:
            every_page_has_it = form.action in {"/language", "/auth/logout"}
            if not every_page_has_it and {*wanted, *typed} <= {*form.names}:
                return self.post(form.action, form.filled(**typed))
        raise LookupError(f"{path} ({opened.status}) has no form with {[*wanted, *typed]}")

    def follow(self, answer: Answer) -> Answer:
        """Where the redirects lead."""
        for _ in range(5):
            if not answer.onward:
                break
            answer = self.get(answer.onward)
        return answer

    def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        connection = http.client.HTTPConnection(self.host, timeout=60)
        cookie = {"Cookie": self.cookie_header} if self.cookies else {}
        try:
            connection.request(method, path, body or None, {**headers, **cookie})
            response = connection.getresponse()
            answer = Answer(path, response.status, response.headers, response.read())
        finally:
            connection.close()
        for line in response.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0" or not morsel.value:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return answer
