"""The insider: owns the organisation's account and reads everything that it opens.

Opens every page, file and download that the account reaches by GET: what the
pages link to, and every route of the surveys', teams' and organisation's pages
with every id that those links hold. Beside that, the mail that the account got.
What differs each time anyway (nonces, tokens, random ids) is taken out, so that
two looks can be compared byte by byte.
"""

import html
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from email.message import EmailMessage

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from tests.factories import customer, delivered, sign_in
from trustivide.auth.models import User

FEATURES = ("surveys", "teams", "organisations", "shared")
"""Blueprints whose pages a customer's owner works with; the rest is about the owner alone."""
SAME_FOR_ALL = ("/surveys/instruments/built-in/", "/surveys/questions/", "/auth/")
"""Pages of our own questionnaires, and of registering: many, and without the organisation."""
LINK = re.compile(r'(?:href|action|src)="(/[^"#]*)')
UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
SECRETS = re.compile(
    r'nonce="[^"]+"|(?<=name="csrf_token" value=")[^"]+|[\w-]{20,}\.[\w-]{5,}\.[\w-]{20,}'
    r"|(?<=/)[\w-]{32}(?![\w-])|(?<=<dd>)[0-9a-f]{8}(?=</dd>)"
)
Look = dict[str, str]
"""Everything at one moment: path → what stands there."""


def account(n: int) -> User:
    """Alice of the ``n``-th world: alike in all of them, but for what must be unique."""
    digits = f"55601{n:04}"
    doubled = [int(d) * (2 if i % 2 == 0 else 1) for i, d in enumerate(digits)]
    check = -sum(d - 9 if d > 9 else d for d in doubled) % 10
    return customer(email=f"alice{n:04}@exempel.test", number=f"{digits[:6]}-{digits[6:]}{check}")


class Insider:
    """One account's eyes.

    Ids are named in the order in which they are met as somebody's address; others are
    fresh each time.
    """

    def __init__(self, app: Flask, user: User) -> None:
        self.app = app
        self.address = user.email
        self.client: FlaskClient
        self.sign_in()
        self.names: dict[str, str] = {}
        self._met: dict[str, dict[str, None]] = {}
        self._places: dict[tuple[str, ...], dict[tuple[str, ...], None]] = {(): {(): None}}

    def sign_in(self) -> None:
        """Begin a session, or a new one after some days."""
        self.client = sign_in(self.app.test_client(), self.address)

    def look(self, *, typeset: bool = False) -> Look:
        """Every page, file and mail as it stands now; PDFs, which take long, where asked for."""
        adapter = self.app.url_map.bind("localhost")
        waiting, found = list(self._routes()), Look()
        while waiting:
            path = waiting.pop(0)
            try:
                endpoint, values = adapter.match(path.partition("?")[0], method="GET")
            except HTTPException:
                continue
            if path in found or endpoint.partition(".")[0] not in FEATURES:
                continue
            if path.startswith(SAME_FOR_ALL) or (path.endswith(".pdf") and not typeset):
                continue
            self._places.setdefault(tuple(sorted(values)), {}).setdefault(
                tuple(str(values[name]) for name in sorted(values))
            )
            for name, value in values.items():
                self._met.setdefault(name, {}).setdefault(str(value))
                self.names.setdefault(str(value), f"<{name} {len(self._met[name])}>")
            response = self.client.get(path)
            text = readable(response)
            found[path] = f"{response.status_code} {text}"
            if response.mimetype == "text/html":
                waiting += [html.unescape(link) for link in LINK.findall(text)]
            waiting += [route for route in self._routes() if route not in found]
        found |= {f"mail {n}": text for n, text in enumerate(self._mail())}
        return {self.plain(path): self.plain(text) for path, text in found.items()}

    def _routes(self) -> Iterator[str]:
        """The routes of the features, with the ids that were met together in such a place."""
        for rule in self.app.url_map.iter_rules():
            if rule.endpoint.partition(".")[0] not in FEATURES or "GET" not in (rule.methods or ()):
                continue
            names = tuple(sorted(rule.arguments))
            for values in list(self._places.get(names, ())):
                built = rule.build(dict(zip(names, values, strict=True)))
                if built is not None:
                    yield built[1]

    def _mail(self) -> Iterator[str]:
        for message in delivered(self.app):
            if message["To"] == self.address:
                yield f"{message['Subject']}\n{_body(message)}"

    def plain(self, text: str) -> str:
        """Without what is random, and with one address for all worlds' owners."""
        text = re.sub(r"alice\d{4}@", "alice@", SECRETS.sub("", text))
        text = re.sub(r"55601\d-?\d{4}", "556016-0680", text)
        return UUID.sub(lambda match: self.names.get(match[0], "<id>"), text)


def readable(response: TestResponse) -> str:
    """What an answer says, also where it is a workbook or a PDF."""
    data = response.data
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = [name for name in sorted(archive.namelist()) if "docProps" not in name]
            return "\n".join(f"{name}\n{archive.read(name).decode()}" for name in parts)
    if data[:5] == b"%PDF-":
        return _pdf(data)
    return data.decode()


def _pdf(data: bytes) -> str:
    found = []
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL):
        try:
            found.append(zlib.decompress(stream).decode("latin-1"))
        except zlib.error:
            found.append(stream.decode("latin-1"))
    # The metadata hold an id that is new each time.
    return "\n".join(text for text in found if not text.startswith("<?xpacket"))


def _body(message: EmailMessage) -> str:
    parts = (message.get_body((kind,)) for kind in ("plain", "html"))
    return "\n".join(str(part.get_content()) for part in parts if part is not None)


def differences(one: Look, other: Look) -> dict[str, tuple[str, str]]:
    """What differs between two looks: path → the lines that only one of them has."""
    found = {}
    for path in sorted({*one, *other}):
        here, there = one.get(path, "(nothing)"), other.get(path, "(nothing)")
        if here != there:
            mine, theirs = here.splitlines(), there.splitlines()
            found[path] = (_only(mine, theirs), _only(theirs, mine))
    return found


def _only(lines: Iterable[str], others: Iterable[str]) -> str:
    known = set(others)
    return "\n".join(line for line in lines if line not in known)
