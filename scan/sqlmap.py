"""sqlmap, level 3, on every parameter: of addresses, in paths, in forms, and in headers once.

Each target is one request as a browser sends it, with the cookies of whoever
may send it and a valid CSRF token: the token lasts as long as the session, so
the protection stays on. The token itself sqlmap leaves alone.
"""

import csv
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from scan.findings import REPORTS, Finding, Run
from scan.site import ROOT, Site
from scan.surface import Routes, Surface, with_words
from scan.visitor import Form, Visitor

PROGRAM = ROOT / ".venv-scan" / "bin" / "sqlmap"


@dataclass(frozen=True)
class Target:
    """One request, with the parameters in it that are to be tried."""

    role: str
    route: str
    method: str
    path: str
    cookie: str
    body: str = ""
    headers: bool = False

    @property
    def pile(self) -> str:
        """With which others it is tried in one run."""
        return "headers" if self.headers else self.method

    def request(self, host: str) -> str:
        """As it goes over the wire."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}"]
        lines += ["User-Agent: scan", "Accept: text/html"]
        lines += [f"Cookie: {self.cookie}"] if self.cookie else []
        if self.method == "POST":
            lines.append("Content-Type: application/x-www-form-urlencoded")
        return "\r\n".join([*lines, "", self.body])


class Targets:
    """Collects, role by role, what nobody before could reach."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._known: set[tuple[str, ...]] = set()
        self._found: list[Target] = []

    def of(self, surface: Surface, visitor: Visitor, headers: str | None) -> list[Target]:
        """What ``visitor`` reaches and nobody before, and in one request ``headers`` too."""
        self._found = []
        self._add(surface, visitor)
        if headers:
            cookie = visitor.cookie_header
            whole = Target(visitor.name, headers, "GET", headers, cookie, headers=True)
            self._found.append(whole)
        return self._found

    def _add(self, surface: Surface, visitor: Visitor) -> None:
        cookie = visitor.cookie_header
        for path in [*self._routes.asking(surface), *surface.paths]:
            query = urlsplit(path).query
            endpoint = self._routes.endpoint(path)
            if query and self._new("query", endpoint, *sorted(k for k, _ in parse_qsl(query))):
                self._take(surface.role, endpoint, "GET", path, cookie)
        for form in surface.forms.values():
            self._form(surface.role, form, cookie)
        for path in surface.pages.values():
            self._path(surface.role, "GET", path, cookie)
        for form in surface.forms.values():
            body = urlencode(with_words(form))
            self._path(surface.role, form.method, form.action, cookie, body)

    def _form(self, role: str, form: Form, cookie: str) -> None:
        endpoint = self._routes.endpoint(form.action, form.method)
        names = [n for n in form.names if n != "csrf_token"]
        if not names or not self._new(form.method, endpoint, *sorted(names)):
            return
        body = urlencode(with_words(form))
        if form.method == "GET":
            path = f"{urlsplit(form.action).path}?{body}"
            self._take(role, endpoint, "GET", path, cookie)
        else:
            # Of the form's own address the path alone: its questions are tried by themselves.
            path = urlsplit(form.action).path
            self._take(role, endpoint, "POST", path, cookie, body)

    def _path(self, role: str, method: str, path: str, cookie: str, body: str = "") -> None:
        bare = urlsplit(path).path
        endpoint = self._routes.endpoint(bare, method)
        values = self._routes.arguments(bare, method)
        if not values or not self._new("path", endpoint):
            return
        marked = bare
        for value in values:
            marked = re.sub(rf"(?<=/){re.escape(value)}(?=/|\.|$)", f"{value}*", marked, count=1)
        self._take(role, endpoint, method, marked, cookie, body)

    def _new(self, *key: str) -> bool:
        if not key[1] or key in self._known:
            return False
        self._known.add(key)
        return True

    def _take(
        self,
        role: str,
        endpoint: str,
        method: str,
        path: str,
        cookie: str,
        body: str = "",
    ) -> None:
        self._found.append(Target(role, endpoint, method, path, cookie, body))


def scan(site: Site, targets: Sequence[Target], role: str, *, level: int) -> Run:
    """Try every target of one role, on a site that heals."""
    began = time.monotonic()
    counts: list[int] = []
    findings: list[Finding] = []
    with site.restoring("signed-in", 2):
        # One run a pile: it takes the same path for the same target, whatever the method.
        for name in ("GET", "POST", "headers"):
            pile = [t for t in targets if t.pile == name]
            if not pile:
                continue
            folder = _run(site, pile, f"{role}-{name}", level)
            log = (folder / "log.txt").read_text()
            said = [_counted(text) for text in _blocks(log)]
            # It skips a target whose parameters it has tried at the same path before.
            known = len(re.findall(r"\[INFO\] skipping 'http", log))
            if len(said) + known != len(pile) or 0 in said:
                findings.append(_left_out(role, pile, said))
            counts += said
            findings += _findings(folder, role)
    return Run(
        "sqlmap",
        role,
        len({t.route for t in targets}),
        sum(bool(t.body) for t in targets),
        sum(counts),
        findings,
        time.monotonic() - began,
    )


def _left_out(role: str, pile: Sequence[Target], said: Sequence[int]) -> Finding:
    where = [t.path for t, count in zip(pile, said, strict=False) if count == 0]
    what = f"tried {len(said)} of {len(pile)} targets, and nothing of these: {where}"
    return Finding("sqlmap", role, "info", "Left out", "", what)


def _run(site: Site, pile: list[Target], name: str, level: int) -> Path:
    """Let sqlmap try the targets one after the other; the folder with what it says."""
    folder = REPORTS / f"sqlmap-{name.replace(' ', '-')}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    between = "\r\n" + "=" * 54 + "\r\n"
    listed = between + between.join(t.request(site.host) + between for t in pile)
    (folder / "targets.txt").write_text(listed)
    command = [str(PROGRAM), "-l", "targets.txt", "--batch", "--output-dir", str(folder / "out")]
    command += ["--level", str(level), "--risk", "2", "--dbms", "SQLite", "--technique", "BEUSTQ"]
    command += ["--time-sec", "2", "--timeout", "20", "--retries", "1", "--disable-coloring"]
    command += ["--drop-set-cookie", "--ignore-redirects", "--flush-session"]
    # Nonces and tokens stand in attributes, and differ from page to page.
    command += ["--text-only"]
    # A link that the target before used up answers 404 until the site is back: no reason to skip.
    command += ["--ignore-code", "404"]
    if not pile[0].headers:
        command += ["--skip", "user-agent,referer,cookie,csrf_token"]
    with (folder / "log.txt").open("w") as log:
        subprocess.run(  # noqa: S603  our own words
            command, cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL, check=False
        )
    return folder


def _blocks(log: str) -> list[str]:
    """What sqlmap says of each target, in order."""
    return re.split(r"^\[\d+/\d+\] URL:$", log, flags=re.MULTILINE)[1:]


def _counted(text: str) -> int:
    """How many parameters of one target were tried."""
    tried = re.findall(
        r"(\S+ parameter '[^\n]+?'(?= (?:does not seem to be|is) (?:inject|vuln)))", text
    )
    return len(set(tried))


def _findings(folder: Path, role: str) -> list[Finding]:
    """What sqlmap wrote down as injectable, with its note where it took that back."""
    found = []
    for file in (folder / "out").glob("results-*.csv"):
        with file.open(newline="") as rows:
            for row in csv.DictReader(rows):
                path = urlsplit(row["Target URL"]).path
                note = f", {row['Note(s)']}" if row["Note(s)"] else ""
                what = f"{row['Place']} {row['Parameter']}: {row['Technique(s)']}{note}"
                found.append(Finding("sqlmap", role, "critical", "SQL injection", path, what))
    return found
