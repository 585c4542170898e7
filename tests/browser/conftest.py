"""A real site: web server, worker process, SMTP server and Chromium.

The CDN's address is fulfilled with the real htmx file, fetched once and
verified against its hash, so that Subresource Integrity is really checked.
"""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    Route,
    expect,
    sync_playwright,
)

from tests.conftest import environment, free_port
from trustivide.config import HTMX_INTEGRITY, HTMX_URL

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 60_000
"""Milliseconds that a page may take on a busy machine; none is waited for longer than it takes."""
expect.set_options(timeout=PATIENCE)
CACHE = ROOT / ".cache"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Postbox:
    """The SMTP server's handler: keeps every mail it accepted."""

    mails: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
        """Accept one mail."""
        content = envelope.content  # type: ignore[attr-defined]
        self.mails.append(message_from_bytes(content, policy=default))  # type: ignore[arg-type]
        return "250 OK"

    def newest(self, to: str, subject: str = "", seconds: float = 60) -> EmailMessage:
        """Wait for the newest mail to an address whose subject contains ``subject``."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for mail in reversed(self.mails):
                if mail["To"] == to and subject in str(mail["Subject"]):
                    return mail
            time.sleep(0.1)
        seen = [(m["To"], m["Subject"]) for m in self.mails]
        raise AssertionError(f"no mail to {to} about {subject!r} among {seen}")


@dataclass
class Site:
    """A running Trustivide."""

    url: str
    environ: dict[str, str]
    postbox: Postbox

    def flask(self, *arguments: str) -> str:
        """Run a command of the application's, as an operator would."""
        return _flask(self.environ, *arguments)


def _flask(environ: dict[str, str], *arguments: str) -> str:
    result = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Site]:
    """Web server and worker as processes of their own, mail over SMTP."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(sqlite_template, folder / "trustivide.db")
    postbox = Postbox()
    smtp = Controller(postbox, hostname="127.0.0.1", port=free_port())
    smtp.start()
    port = free_port()
    environ = {
        **os.environ,
        **environment(
            folder,
            PUBLIC_URL=f"http://localhost:{port}",
            MAIL_SERVER="127.0.0.1",
            MAIL_PORT=str(smtp.port),
        ),
    }
    web = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gunicorn",
            "--bind",
            f"localhost:{port}",
            "wsgi:app",
        ],
        cwd=ROOT,
        env=environ,
        stderr=subprocess.PIPE,
    )
    said = folder / "worker.log"
    with said.open("w") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", "worker"],
            cwd=ROOT,
            env=environ,
            stderr=log,
        )
    site = Site(f"http://localhost:{port}", environ, postbox)
    _wait_for(f"{site.url}/healthz", web)
    yield site
    died = worker.poll() is not None
    for process in (web, worker):
        process.terminate()
    for process in (web, worker):
        process.wait(60)
    smtp.stop()
    assert not died, said.read_text()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        try:
            with urllib.request.urlopen(url):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{url} never answered")


def htmx_file() -> bytes:
    """The real htmx, from the CDN or from the npm package, cached and verified."""
    cached = CACHE / HTMX_URL.rsplit("/", 1)[1]
    if not cached.exists():
        CACHE.mkdir(exist_ok=True)
        try:
            with urllib.request.urlopen(HTMX_URL, timeout=10) as response:
                content = response.read()
        except OSError:
            subprocess.run(["npm", "pack", "--silent", "htmx.org@4.0.1"], cwd=CACHE, check=True)
            with tarfile.open(next(CACHE.glob("htmx.org-*.tgz"))) as package:
                member = package.extractfile("package/dist/htmx.min.js")
                assert member is not None
                content = member.read()
        temporary = cached.with_suffix(f".{os.getpid()}")
        temporary.write_bytes(content)
        temporary.replace(cached)
    content = cached.read_bytes()
    digest = base64.b64encode(hashlib.sha384(content).digest()).decode()
    assert f"sha384-{digest}" == HTMX_INTEGRITY
    return content


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """A real Chromium: one on the PATH, else the one that Playwright installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
    yield browser
    browser.close()


Visit = Callable[..., Page]


@pytest.fixture
def visit(chromium: Browser, site: Site) -> Iterator[Visit]:
    """Open a page in a browser of its own; any console error or CSP violation fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []
    htmx = htmx_file()

    def from_cdn(route: Route) -> None:
        route.fulfill(
            body=htmx,
            content_type="text/javascript",
            headers={"access-control-allow-origin": "*"},
        )

    def open_browser(*, phone: bool = False, javascript: bool = True, **more: object) -> Page:
        context = chromium.new_context(
            base_url=site.url,
            viewport={"width": 390, "height": 844} if phone else {"width": 1280, "height": 900},
            java_script_enabled=javascript,
            locale="sv-SE",
            **more,  # type: ignore[arg-type]
        )
        context.set_default_timeout(PATIENCE)
        context.route(HTMX_URL, from_cdn)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_browser
    for context in contexts:
        context.close()
    # A form answered with 422 is an answer like any other to us; Chromium logs it.
    real = [text for text in complaints if "422" not in text]
    assert real == []


def check_page(page: Page) -> None:
    """The page holds no axe violation and doesn't scroll sideways."""
    page.wait_for_load_state("load")  # axe measures, so the stylesheets must be there
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"{page.url} is {wide} px too wide"
    page.evaluate(Path(AXE_FILE_PATH).read_text())
    found = page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa']})"
    )
    violations = [
        f"{v['id']}: {v['help']} {[n['target'] for n in v['nodes']][:3]}"
        for v in found["violations"]
    ]
    assert violations == [], f"{page.url}: {violations}"
