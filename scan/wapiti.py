"""Wapiti, fed with what a role meets and signed in as that role."""

import json
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from scan.findings import REPORTS, SEVERITIES, Finding, Run
from scan.site import ROOT, Site
from scan.surface import Enter, Routes, Surface, split, with_words
from scan.visitor import Form, Visitor

PROGRAM = ROOT / ".venv-scan" / "bin" / "wapiti"
MODULES = (
    "cookieflags,crlf,csp,csrf,exec,file,htaccess,http_headers,methods,permanentxss,redirect,sql,"
    "ssrf,timesql,upload,xss,xxe"
)
QUICK = "cookieflags,csp,csrf,http_headers,permanentxss,redirect,sql,xss"


@dataclass(frozen=True)
class _Errand:
    """One run of wapiti: where it starts, and what it leaves alone.

    ``form`` is the only thing attacked where one is given.
    """

    name: str
    start: Sequence[str] = ()
    spared: Sequence[str] = ()
    form: Form | None = None


def scan(
    site: Site,
    routes: Routes,
    enter: Enter,
    fresh: Collection[str],
    endpoint: str,
    *,
    quick: bool,
) -> Run:
    """Attack the pages and forms of the kinds ``fresh``; what ends something comes last.

    That part on a site that heals. The choice of language, which stands on
    every page, is attacked once a role. For each errand the role signs in anew,
    so that weighty pages, open for a while after that, are.
    """
    began = time.monotonic()
    attack = partial(_run, site, QUICK if quick else MODULES, endpoint)
    visitor, surface = enter()
    mine = _own(surface, fresh)
    lasting, endings = split(mine)
    runs = []
    if lasting:
        asked = [q for q in routes.asking(surface) if urlsplit(q).path in lasting]
        spared = [*_others(surface, lasting), "/language"]
        runs.append(attack(visitor, _Errand("pages", [*lasting, *asked], spared)))
    visitor, surface = enter()
    language = next((f for f in surface.forms.values() if f.action == "/language"), None)
    if language:
        runs.append(attack(visitor, _Errand("language", form=language)))
    visitor, surface = enter()
    _, endings = split(_own(surface, fresh))
    if endings:
        spared = [*_others(surface, endings), "/language"]
        with site.restoring("signed-in", 2):
            runs.append(attack(visitor, _Errand("endings", endings, spared)))
    forms, parameters, found = zip(*runs, strict=True)
    return Run(
        "wapiti",
        visitor.name,
        len(mine),
        sum(forms),
        sum(parameters),
        list(dict.fromkeys(chain(*found))),
        time.monotonic() - began,
    )


def finds(site: Site, path: str, visitor: Visitor, endpoint: str) -> set[str]:
    """The kinds of flaw that it sees in one page."""
    errand = _Errand("canary", [path])
    _, _, found = _run(site, "sql,xss", endpoint, visitor, errand)
    return {f.kind for f in found if urlsplit(path).path in f.where}


def _own(surface: Surface, fresh: Collection[str]) -> list[str]:
    return list(dict.fromkeys(path for kind, path in surface.kinds.items() if kind in fresh))


def _others(surface: Surface, paths: Sequence[str]) -> list[str]:
    return [path for path in surface.paths if path not in paths]


def _run(
    site: Site, modules: str, endpoint: str, visitor: Visitor, errand: _Errand
) -> tuple[int, int, list[Finding]]:
    """``(forms, parameters, findings)`` of one errand."""
    store = REPORTS / f"wapiti-{visitor.name.replace(' ', '-')}-{errand.name}"
    shutil.rmtree(store, ignore_errors=True)
    store.mkdir(parents=True)
    listed, output = store / "start.txt", store / "report.json"
    listed.write_text("".join(f"{site.url}{path}\n" for path in errand.start))
    command = [str(PROGRAM), "-m", modules, "-C", visitor.cookie_header]
    if errand.form:
        command += ["-u", site.url + errand.form.action, "--scope", "url"]
        command += ["--data", urlencode(with_words(errand.form))]
    else:
        command += ["-u", f"{site.url}/healthz", "--scope", "domain", "-d", "1", "-s", str(listed)]
    command += ["--flush-session", "--store-session", str(store), "--store-config", str(store)]
    command += ["--endpoint", endpoint, "--no-bugreport", "-t", "20", "-v", "1"]
    command += ["-f", "json", "-o", str(output)]
    for path in [*errand.spared, "/auth/logout", "/static/*", "/dev/*"]:
        command += ["-x", site.url + path]
    with (store / "log.txt").open("w") as log:
        subprocess.run(  # noqa: S603  our own words
            command, cwd=store, stdout=log, stderr=log, check=False
        )
    if not output.exists():
        raise RuntimeError(f"wapiti made no report; see {store / 'log.txt'}")
    forms, parameters = _tried(store)
    return forms, parameters, _findings(visitor.name, output)


def _tried(store: Path) -> tuple[int, int]:
    """How many forms and parameters the crawl gave to attack, read from wapiti's own store."""
    (file,) = store.glob("*.db")
    with closing(sqlite3.connect(file)) as held:
        forms = held.execute("SELECT count(*) FROM paths WHERE method = 'POST' AND NOT evil")
        parameters = held.execute(
            "SELECT count(*) FROM params JOIN paths USING (path_id) WHERE NOT evil"
        )
        return forms.fetchone()[0], parameters.fetchone()[0]


def _findings(role: str, output: Path) -> list[Finding]:
    said = json.loads(output.read_text())
    return [
        Finding(
            "wapiti",
            role,
            SEVERITIES[4 - entry["level"]],
            kind,
            f"{entry['method']} {urlsplit(entry['path']).path}",
            entry["info"] + (f" [{entry['parameter']}]" if entry.get("parameter") else ""),
        )
        for part in ("vulnerabilities", "anomalies", "additionals")
        for kind, entries in said[part].items()
        for entry in entries
    ]
