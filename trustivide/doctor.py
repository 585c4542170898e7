"""``flask doctor``: what is weak in this installation, and what to do about it.

The settings and files are looked at first, then the database. What the policy
promises is measured where it is declared: see ``privacy.measures``.
"""

import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import click
from flask import Flask, current_app
from sqlalchemy import and_, func, or_, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from trustivide.audit import queries as audit
from trustivide.auth.models import User
from trustivide.config import DEVELOPMENT_SECRET, Settings
from trustivide.core import clock, processors, rotation
from trustivide.core.clock import day_of
from trustivide.core.db import db
from trustivide.outbox.models import Mail
from trustivide.privacy import measures, promises
from trustivide.surveys.models import Survey

LATE = timedelta(minutes=15)
"""So long a worker that lives leaves nothing undone that was due."""
SKEW = timedelta(seconds=15)
"""Half a step of a two-step code."""
_VARIED = 12
"""Different bytes that a random key of 32 has at least, all but certainly."""


@dataclass(frozen=True)
class Weakness:
    """What is weak, by ``key``, and what makes it strong."""

    key: str
    what: str
    remedy: str


@dataclass(frozen=True)
class Patient:
    """The installation as it is looked at."""

    app: Flask
    settings: Settings
    session: Session
    now: datetime


Check = Callable[[Patient], Iterator[Weakness]]


def secrets(it: Patient) -> Iterator[Weakness]:
    """Secrets that can be guessed, and files of theirs that others can read."""
    given = it.settings.secret_key
    if given == DEVELOPMENT_SECRET or len(given) < 32 or len(set(given)) < _VARIED:
        yield Weakness("secret", "SECRET_KEY can be guessed", "set 32 random characters or more")
    ring = it.settings.keys
    every = [key for kind in (ring.cipher, ring.digest_keys, ring.signing) for key in kind.values()]
    if len(set(every)) < len(every) or any(len(set(key)) < _VARIED for key in every):
        yield Weakness(
            "keys", "the key ring holds a key twice, or one that isn't random", "keys new"
        )
    for file in it.settings.secret_files:
        if readable_by_others(file):
            yield Weakness("secret_file", f"others can read {file}", f"chmod 600 {file}")


def mode(it: Patient) -> Iterator[Weakness]:
    """Development's ways."""
    if not it.settings.production:
        yield Weakness("development", "this is development", "set TRUSTIVIDE_ENV=production")
    if it.app.debug:
        yield Weakness("debug", "the debugger is on", "unset FLASK_DEBUG; never run with --debug")


def transport(it: Patient) -> Iterator[Weakness]:
    """Ways on which others can listen, and cookies that travel them."""
    values, config = it.settings.values, it.app.config
    if values["MAIL_SERVER"] and not (config["MAIL_USE_TLS"] or config["MAIL_USE_SSL"]):
        yield Weakness("smtp", "mail is sent in the clear", "set MAIL_USE_TLS=true")
    if urlsplit(it.settings.public_url).scheme != "https":
        yield Weakness("https", "PUBLIC_URL is not https://", "serve over TLS and set it")
    for name in ("DATABASE_URL", "LEDGER_URL", "REDIS_URL"):
        if values[name] and _travels_open(values[name]):
            yield Weakness(
                "database_tls",
                f"{name} reaches another machine without verified TLS",
                "add ?sslmode=verify-full, or use rediss://",
            )
    if not config["SESSION_COOKIE_SECURE"]:
        yield Weakness("cookies", "cookies travel without TLS", "set PUBLIC_URL to https://…")


def _travels_open(url: str) -> bool:
    """Whether what a database's address reaches is another machine, over something that is open."""
    parts = urlsplit(url)
    here = set(processors.hosts(url)) <= {processors.OWN}
    sealed = parts.scheme == "rediss" or parse_qs(parts.query).get("sslmode") == ["verify-full"]
    return not here and not sealed


def proxies(it: Patient) -> Iterator[Weakness]:
    """Limits that count the wrong thing."""
    if it.settings.secure_cookies and not it.settings.proxies:
        yield Weakness(
            "proxies",
            "TLS ends at a proxy, and PROXIES is 0: limits take the proxy for everybody",
            "set PROXIES to the number of proxies that set X-Forwarded-For",
        )
    if it.settings.processes > 1 and not it.settings.redis_url:
        yield Weakness(
            "limits",
            f"{it.settings.processes} web processes count tries each for itself",
            "set REDIS_URL, or WEB_CONCURRENCY=1",
        )


def files(it: Patient) -> Iterator[Weakness]:
    """Databases and the instance folder that other users of the machine can read."""
    held = [it.settings.instance, it.settings.own_keys]
    held += [_file_of(url) for url in (it.settings.database_url, it.settings.ledger_url)]
    exposed = " ".join(
        dict.fromkeys(str(path) for path in held if path and readable_by_others(path))
    )
    if exposed:
        yield Weakness("files", f"others can read {exposed}", f"chmod o= {exposed}")


def _file_of(url: str) -> Path | None:
    parsed = make_url(url)
    return Path(parsed.database) if parsed.drivername == "sqlite" and parsed.database else None


def readable_by_others(path: Path) -> bool:
    """Whether a user who is neither owner nor in the group gets at it; missing, nobody does."""
    try:
        reach = [stat.S_IMODE(folder.stat().st_mode) for folder in path.absolute().parents]
        own = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return False
    return bool(own & stat.S_IROTH) and all(folder & stat.S_IXOTH for folder in reach)


def schema(it: Patient) -> Iterator[Weakness]:
    """Migrations that have not been run."""
    from trustivide import migrating  # the commands are known to every process, alembic isn't

    if not migrating.is_current(it.session.connection()):
        yield Weakness("migrations", "the database has an older schema", "db upgrade")


def keys_in_use(it: Patient) -> Iterator[Weakness]:
    """Cipher keys that should be gone, and ciphertext that nobody can read."""
    ring, current = it.settings.keys, it.settings.keys.cipher_version
    counts = {v: sum(t.values()) for v, t in rotation.rows_by_key(it.session).items()}
    old = sum(n for v, n in counts.items() if v in ring.cipher and v != current)
    lost = sum(n for v, n in counts.items() if v not in ring.cipher)
    if lost:
        yield Weakness("lost_keys", f"{lost} rows need a key that is missing", "put it back")
    if ring.writes_with is not None:
        yield Weakness("held_key", "a new cipher key waits to be used", "keys use")
    elif old:
        yield Weakness("old_keys", f"{old} rows stand under an old cipher key", "keys rotate")
    elif len(ring.cipher) > 1:
        yield Weakness("old_keys", "an old cipher key is needed by nothing", "keys retire")


def staff(it: Patient) -> Iterator[Weakness]:
    """An office that nobody answers for, or that a password alone opens."""
    owners = select(func.count()).where(User.staff_role == "owner", User.confirmed_at.is_not(None))
    if not it.session.scalar(owners):
        yield Weakness("owner", "nobody is owner of the office", "give one account that role")
    measured = measures.second_factor(it.session, it.now)
    if measured.state == measures.BROKEN:
        yield Weakness("second_factor", measured.value.en, "let each of them sign in and set it up")


def trail(it: Patient) -> Iterator[Weakness]:
    """An audit trail that was tampered with."""
    faults = audit.verify(it.session).faults
    if faults:
        yield Weakness(
            "audit",
            f"the audit trail is broken at entry {faults[0].number} ({faults[0].what})",
            "find out who could write to the database; restore it from a backup",
        )


def worker(it: Patient) -> Iterator[Weakness]:
    """A worker that seems dead: what it would have done long ago waits."""
    before = it.now - LATE
    mail = select(func.count()).where(
        Mail.state.in_(("queued", "deferred")),
        # What has no time has a day.
        or_(
            Mail.not_before < before,
            and_(Mail.not_before.is_(None), Mail.created_on < day_of(before)),
        ),
    )
    surveys = select(func.count()).where(Survey.closed_at.is_(None), Survey.closes_at < before)
    counts = {"mails": it.session.scalar(mail), "surveys to close": it.session.scalar(surveys)}
    waiting = [f"{what}: {n}" for what, n in counts.items() if n]
    if measures.swept(it.session, it.now).state == measures.BROKEN:
        waiting.append("retention")
    if waiting:
        yield Weakness("worker", f"long due: {', '.join(waiting)}", "start the worker")


def time(it: Patient) -> Iterator[Weakness]:
    """A clock that differs from the database server's."""
    if it.session.get_bind().dialect.name == "sqlite":
        return  # the same machine
    there = it.session.scalar(text("SELECT clock_timestamp()"))
    skew = abs(there.astimezone(UTC) - clock.now()) if there else timedelta()
    if skew > SKEW:
        seconds = int(skew.total_seconds())
        yield Weakness("clock", f"the database's clock is {seconds} s off", "run NTP on both")


def ledger(it: Patient) -> Iterator[Weakness]:
    """A rights ledger that doesn't answer."""
    if measures.ledger_reached(it.session, it.now).state == measures.BROKEN:
        yield Weakness("ledger", "the rights ledger does not answer", "see LEDGER_URL")


def agreements(it: Patient) -> Iterator[Weakness]:
    """Processors without an agreement that counts."""
    measured = measures.agreements(it.session, it.now)
    if measured.state != measures.KEPT:
        yield Weakness("agreements", measured.value.en, "attest them at /admin/evidence")


def policy(it: Patient) -> Iterator[Weakness]:
    """Promises of the privacy policy that are broken."""
    states = promises.by_section(it.session, it.now).values()
    broken = [
        each.promise.key
        for section in states
        for each in section
        if each.measured.state == measures.BROKEN
    ]
    if broken:
        yield Weakness("promises", f"not kept: {', '.join(broken)}", "privacy verify")


SETTINGS: Sequence[Check] = (secrets, mode, transport, proxies, files)
DATABASE: Sequence[Check] = (
    keys_in_use,
    staff,
    trail,
    worker,
    time,
    ledger,
    agreements,
    policy,
)


def examine(app: Flask, session: Session, now: datetime) -> list[Weakness]:
    """Everything weak. The database is asked only when it answers, and has this schema."""
    it = Patient(app, app.config["SETTINGS"], session, now)
    found = [weakness for check in SETTINGS for weakness in check(it)]
    try:
        behind = list(schema(it))
        found += behind
        for check in () if behind else DATABASE:
            found += check(it)
    except SQLAlchemyError as error:
        found.append(Weakness("database", f"no answer: {type(error).__name__}", "see DATABASE_URL"))
    return found


@click.command("doctor")
def doctor() -> None:
    """Say what is weak in this installation; exit 1 in production when something is."""
    found = examine(current_app._get_current_object(), db.session(), clock.now())  # type: ignore[attr-defined]
    for weakness in found:
        click.echo(f"✗ {weakness.key}: {weakness.what} → {weakness.remedy}")
    click.echo(f"{len(found)} weaknesses")
    production = current_app.config["SETTINGS"].production
    raise SystemExit(1 if found and production else 0)
