"""People who answer, as a process of their own: ``python -m bench.respondents``.

Reads what to do as JSON from stdin and writes what came of it to stdout. Each
person has a connection and a cookie jar of their own, reads the pages that come
and does what they ask: follows the link on, answers every question, sends the
form, until a receipt code stands on the page. On sockets rather than an HTTP
library, which would need more processor time than the bare page it talks to.
"""

import html
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from queue import Empty, SimpleQueue
from urllib.parse import quote_plus

FORM = re.compile(r'<form[^>]*action="(/s/survey/[^"]*)"[^>]*>(.*?)</form>', re.DOTALL)
ONWARD = re.compile(r'<a class="button[^"]*" href="(/s/survey/[^"]*)"')
INPUT = re.compile(r"<input\b[^>]*>")
AREA = re.compile(r'<textarea\b[^>]*name="([^"]+)"')
BUTTON = re.compile(r"<button\b[^>]*>")
ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
RECEIPT = re.compile(r"\b[0-9A-Z]{5}(?:-[0-9A-Z]{5}){5}\b")
MOST_PAGES = 60
COMMENT = "Vi hinner prata för sällan, och jag vet inte alltid vad som gäller."


@dataclass
class Answer:
    """One response."""

    status: int
    onward: str
    text: str


class Browser:
    """One connection, one cookie jar."""

    def __init__(self, port: int) -> None:
        self.requests = 0
        self._host = f"127.0.0.1:{port}"
        self._cookies: dict[str, str] = {}
        self._port = port
        self.connect()

    def connect(self) -> None:
        """Open a connection; anew where one was waiting for too long."""
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()

    def get(self, path: str) -> Answer:
        """Ask for a page."""
        return self._ask("GET", path, "")

    def post(self, path: str, fields: dict[str, str]) -> Answer:
        """Send a form."""
        pairs = (f"{quote_plus(name)}={quote_plus(value)}" for name, value in fields.items())
        return self._ask("POST", path, "&".join(pairs))

    def shown(self, answer: Answer) -> Answer:
        """The page that redirects lead to."""
        while answer.onward:
            answer = self.get(answer.onward)
        return answer

    def _ask(self, method: str, path: str, body: str) -> Answer:
        self.requests += 1
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}"]
        if cookies:
            lines.append(f"Cookie: {cookies}")
        if method == "POST":
            lines += ["Content-Type: application/x-www-form-urlencoded"]
            lines += [f"Content-Length: {len(body)}"]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        return self._read()

    def _read(self) -> Answer:
        status = int(self._file.readline().split()[1])
        length, onward = 0, ""
        while line := self._file.readline().rstrip():
            name, _, value = line.decode("latin-1").partition(": ")
            match name.lower():
                case "content-length":
                    length = int(value)
                case "location":
                    onward = value
                case "set-cookie":
                    cookie, _, _ = value.partition(";")
                    key, _, content = cookie.partition("=")
                    self._cookies[key] = content
        return Answer(status, onward, self._file.read(length).decode())


def filled(form: str) -> dict[str, str]:
    """What somebody sends who answers every question: one of the middle options, a comment."""
    fields: dict[str, str] = {}
    options: dict[str, list[str]] = {}
    for tag in INPUT.findall(form):
        given = dict(ATTRIBUTE.findall(tag))
        if given.get("type") in {"radio", "checkbox"}:
            options.setdefault(given["name"], []).append(given["value"])
        else:
            fields[given["name"]] = html.unescape(given.get("value", ""))
    fields |= {name: values[len(values) // 2] for name, values in options.items()}
    fields |= dict.fromkeys(AREA.findall(form), COMMENT)
    pressed = BUTTON.search(form)  # the first one, as the Enter key would
    given = dict(ATTRIBUTE.findall(pressed[0])) if pressed else {}
    return fields | ({given["name"]: given["value"]} if "name" in given else {})


def asked(page: str) -> tuple[str, str] | None:
    """The form that a page wants filled in: where it goes, and its inside."""
    main = page.partition('<main id="main"')[2]
    found = FORM.search(main)
    return (found[1], found[2]) if found else None


@dataclass
class Told:
    """What came of it: milliseconds of opening and submitting, and what went wrong."""

    opened: list[float] = field(default_factory=list)
    pages: list[float] = field(default_factory=list)
    submitted: list[float] = field(default_factory=list)
    requests: int = 0
    errors: list[str] = field(default_factory=list)


def _timed(into: list[float], began: float) -> float:
    now = time.perf_counter()
    into.append(1000 * (now - began))
    return now


def until_last(browser: Browser, token: str, told: Told) -> tuple[str, dict[str, str]]:
    """Answer everything up to the form that submits; that form and what it sends."""
    began = time.perf_counter()
    page = browser.shown(browser.get(f"/s/{token}"))
    began = _timed(told.opened, began)
    for _ in range(MOST_PAGES):
        if page.status != 200:
            raise RuntimeError(f"{page.status} before the end")
        form = asked(page.text)
        if form is None:
            onward = ONWARD.search(page.text)
            if onward is None:
                raise RuntimeError("a page that leads nowhere")
            page = browser.get(html.unescape(onward[1]))
        elif 'name="receipt"' in form[1]:
            return form[0], filled(form[1])
        else:
            page = browser.shown(browser.post(form[0], filled(form[1])))
        began = _timed(told.pages, began)
    raise RuntimeError("a survey without an end")


def answer_survey(browser: Browser, token: str, told: Told) -> None:
    """From the mailed link to the receipt."""
    target, fields = until_last(browser, token, told)
    began = time.perf_counter()
    receipt = browser.post(target, fields)
    _timed(told.submitted, began)
    if receipt.status != 200 or not RECEIPT.search(receipt.text):
        raise RuntimeError(f"{receipt.status} in place of a receipt")


def answer_bare(browser: Browser, _token: str, told: Told) -> None:
    """The bare page: read the form, send it."""
    began = time.perf_counter()
    form = browser.get("/")
    began = _timed(told.opened, began)
    thanks = browser.post("/", filled(form.text))
    _timed(told.submitted, began)
    if thanks.status != 200 or "Tack" not in thanks.text:
        raise RuntimeError(f"{thanks.status} in place of thanks")


KINDS = {"survey": answer_survey, "bare": answer_bare}


def all_answer(kind: str, port: int, tokens: list[str], parallel: int) -> Told:
    """Everybody answers, so many at a time."""
    told, waiting = Told(), SimpleQueue[str]()
    for token in tokens:
        waiting.put(token)

    def work() -> None:
        for token in _each(waiting):
            browser = Browser(port)
            try:
                KINDS[kind](browser, token, told)
            except (RuntimeError, OSError, ValueError, IndexError) as error:
                told.errors.append(repr(error))
            finally:
                told.requests += browser.requests
                browser.close()

    threads = [threading.Thread(target=work) for _ in range(parallel)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def _each(waiting: SimpleQueue[str]) -> Iterator[str]:
    while True:
        try:
            yield waiting.get_nowait()
        except Empty:
            return


def all_at_once(port: int, token: str, parallel: int) -> list[int]:
    """So many browsers stand at the last step with one link and submit together: the statuses."""
    barrier, statuses = threading.Barrier(parallel), []

    def work() -> None:
        browser = Browser(port)
        try:
            target, fields = until_last(browser, token, Told())
            browser.close()  # a server doesn't wait for those who wait for others
            barrier.wait()
            browser.connect()
            statuses.append(browser.post(target, fields).status)
        finally:
            browser.close()

    threads = [threading.Thread(target=work) for _ in range(parallel)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def main() -> None:
    """Do what stdin says."""
    asked_for = json.load(sys.stdin)
    if asked_for.pop("together", False):
        print(json.dumps(all_at_once(**asked_for)))
        return
    began = time.perf_counter()
    told = all_answer(**asked_for)
    print(json.dumps({**asdict(told), "seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main()
