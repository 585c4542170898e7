"""Wapiti, fed with what a role meets and signed in as that role."""

import json
import sqlite3
import subprocess
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from scan.findings import REPORTS, SEVERITIES, Finding, Run
from scan.site import ROOT, Site
from scan.surface import Routes, Surface, split, with_questions
from scan.visitor import Visitor

PROGRAM = ROOT / ".venv-scan" / "bin" / "wapiti"
MODULES = (
    "cookieflags,crlf,csp,csrf,exec,file,htaccess,http_headers,methods,permanentxss,redirect,sql,"
    "ssrf,timesql,upload,xss,xxe"
)
QUICK = "cookieflags,csp,csrf,http_headers,permanentxss,redirect,sql,xss"


def scan(
    site: Site, routes: Routes, surface: Surface, visitor: Visitor, endpoint: str, *, quick: bool
) -> Run:
    """Attack every page and form; what ends something comes last, on a site that heals."""
    began, runs = time.monotonic(), []
    mine = [p for p in surface.paths if visitor.name == "stranger" or not routes.is_public(p)]
    paths, endings = split(mine)
    others, kept = split(surface.paths)
    asked = [q for path in paths for q in with_questions(path, routes.questions)]
    modules = QUICK if quick else MODULES
    name = visitor.name.replace(" ", "-")
    skipped = [p for p in surface.paths if p not in mine]
    site.keep("signed-in")
    if paths:
        runs.append(_run(site, visitor, f"{name}-1", [*paths, *asked], [*kept, *skipped], modules, endpoint))
    site.restore("signed-in")
    if endings:
        with site.restoring("signed-in", 2):
            runs.append(_run(site, visitor, f"{name}-2", endings, others, modules, endpoint))
    site.restore("signed-in")
    found = [f for _, _, findings in runs for f in findings]
    return Run(
        "wapiti",
        visitor.name,
        len(mine),
        sum(forms for forms, _, _ in runs),
        sum(parameters for _, parameters, _ in runs),
        found,
        time.monotonic() - began,
    )


def _run(
    site: Site,
    visitor: Visitor,
    name: str,
    paths: Sequence[str],
    spared: Sequence[str],
    modules: str,
    endpoint: str,
) -> tuple[int, int, list[Finding]]:
    """``(forms, parameters, findings)`` of one run."""
    REPORTS.mkdir(exist_ok=True)
    store = REPORTS / f"wapiti-{name}"
    store.mkdir(exist_ok=True)
    listed, output = store / "start.txt", store / "report.json"
    listed.write_text("".join(f"{site.url}{path}\n" for path in paths))
    output.unlink(missing_ok=True)
    command = [str(PROGRAM), "-u", f"{site.url}/healthz", "-s", str(listed), "-d", "1"]
    command += ["--scope", "domain", "-m", modules, "-C", visitor.cookie_header]
    command += ["--flush-session", "--store-session", str(store), "--store-config", str(store)]
    command += ["--endpoint", endpoint, "--no-bugreport", "-t", "20", "-v", "1"]
    command += ["-f", "json", "-o", str(output)]
    for path in [*spared, "/auth/logout", "/static/*", "/dev/*"]:
        command += ["-x", site.url + path]
    with (store / "log.txt").open("w") as log:
        subprocess.run(command, cwd=store, stdout=log, stderr=log, check=False)
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
