"""A person's data as a ZIP: made by the worker, encrypted as it is written, kept seven days."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import pyrage
from flask import current_app
from flask_babel import force_locale
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from trustivide.audit import actions as audit
from trustivide.auth import queries as accounts
from trustivide.core import clock, inventory
from trustivide.core.activities import PRIVACY_RIGHTS, Activity
from trustivide.core.db import db, transaction
from trustivide.core.inventory import Group, Store
from trustivide.core.subjects import Person
from trustivide.core.text import Text
from trustivide.outbox import jobs
from trustivide.outbox.actions import send_mail, start_job
from trustivide.outbox.registry import job_id
from trustivide.privacy import archive
from trustivide.privacy.actions import record
from trustivide.privacy.archive import Table, both
from trustivide.privacy.models import Export, Request
from trustivide.privacy.words import show

VERSION = "2"
SCHEMA = f"trustivide-export/{VERSION}"
KEPT_FOR = timedelta(days=7)
ON_PAGE = 1000
"""So many rows of a table the page shows: with a million, no browser would open it."""
_LANGUAGES = {"sv": "Svenska", "en": "English"}
_TOLD_EVERY = 1.0  # seconds

Tell = Callable[[float], None]
Write = Callable[[Session, IO[bytes], Tell], None]


class Erased(Exception):
    """The download was erased, with its person, while it was made."""


def request(
    session: Session, person: Person, *, address: str, locale: str, now: datetime
) -> Export:
    """Ask for a download. One that is already being made is given back instead."""
    running = session.scalar(
        select(Export).where(
            Export.reference.in_(person.references),
            Export.organisation_id.is_(None),
            Export.state.in_(("queued", "running")),
        )
    )
    if running is not None:
        return running
    asked = record(session, person, "export", now, done=False)
    export = Export(
        request_id=asked.id,
        reference=person.reference,
        user_id=person.user_id,
        email=address,
        locale=locale,
        requested_at=now,
        expires_at=now + KEPT_FOR,
    )
    session.add(export)
    session.flush()
    audit.record(session, "export_requested", now, actor_id=person.user_id, about_id=person.user_id)
    start_job(session, "export", {"id": str(export.id)}, now=now)
    return export


def folder() -> Path:
    """Where the encrypted files lie."""
    there: Path = current_app.config["SETTINGS"].instance / "exports"
    there.mkdir(exist_ok=True)
    return there


def path_of(export_id: UUID) -> Path:
    """Where the encrypted file of one download lies."""
    return folder() / f"{export_id}.age"


@cache
def schema() -> str:
    """The JSON Schema (draft 2020-12) of data.json."""
    return (Path(__file__).parent / f"export-{VERSION}.schema.json").read_text()


def run(params: dict[str, str], now: datetime) -> None:
    """The job "export": make the file of a person's own download."""
    export = db.session.get(Export, job_id(params))
    if export is None:
        return
    user = accounts.by_id(db.session(), export.user_id) if export.user_id else None
    person = accounts.person(user) if user else Person.of(None, export.email or "")
    locale = export.locale

    def write(session: Session, sink: IO[bytes], tell: Tell) -> None:
        _write(session, sink, person, locale, now, tell)

    make(export, write, "export_ready", {"path": f"/privacy/export/{export.id}"})


def give_up(params: dict[str, str], now: datetime) -> None:
    """The job failed for the last time: say so, and let a new one be asked for."""
    _set(job_id(params), state="failed")


def make(export: Export, write: Write, mail: str, context: dict[str, str]) -> None:
    """Let ``write`` fill the file, encrypted on its way, and tell by ``mail`` that it is there.

    A repeated run starts it anew. One that is finished is left alone, and of
    one that is erased meanwhile nothing stays.
    """
    export_id, request_id = export.id, export.request_id
    identity = pyrage.x25519.Identity.generate()
    if export.state == "ready" or not _set(export_id, state="running", progress=1):
        return
    target = path_of(export_id)
    try:
        with _reading() as session, archive.encrypted(target, identity.to_public()) as sink:
            write(session, sink, _progress(export_id))
        _publish(export_id, str(identity), mail, context)
    except Erased:
        target.unlink(missing_ok=True)
        with transaction() as session:
            _close(session, "cancelled", clock.now(), Request.id == request_id)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _publish(export_id: UUID, file_key: str, mail: str, context: dict[str, str]) -> None:
    now = clock.now()
    with transaction() as session:
        export = session.get(Export, export_id)
        if export is None:
            raise Erased
        export.state, export.progress, export.file_key = "ready", 100, file_key
        asked = session.get_one(Request, export.request_id)
        asked.state, asked.completed_at = "done", now
        # A try before that failed for good is answered by this one too.
        _close(session, "done", now, Request.reference == asked.reference)
        assert export.email is not None
        send_mail(
            session,
            mail,
            export.email,
            context,
            purpose=PRIVACY_RIGHTS,
            locale=export.locale,
            now=now,
        )


def end_with_person(session: Session, person: Person, now: datetime) -> None:
    """An erasure takes the downloads along, and nobody waits for one any more."""
    _close(session, "cancelled", now, Request.reference.in_(person.references))


def _close(session: Session, state: str, now: datetime, which: ColumnElement[bool]) -> None:
    session.execute(
        update(Request)
        .where(which, Request.kind == "export", Request.state == "open")
        .values(state=state, completed_at=now)
        .execution_options(synchronize_session=False)
    )


def _set(export_id: UUID, **values: Any) -> bool:
    with transaction() as session:
        found = session.scalar(
            update(Export)
            .where(Export.id == export_id)
            .values(**values)
            .returning(Export.id)
            .execution_options(synchronize_session=False)
        )
    return found is not None


def _progress(export_id: UUID) -> Tell:
    """Tell how far it is, once a second in a small transaction of its own, and keep the lease.

    Raises :class:`Erased` when there is nobody left to tell.
    """
    told = time.monotonic()

    def tell(part: float) -> None:
        nonlocal told
        if time.monotonic() - told < _TOLD_EVERY:
            return
        if not _set(export_id, progress=min(99, max(1, round(100 * part)))):
            raise Erased
        for kind in ("export", "hand_back"):
            jobs.keep_alive(kind, clock.now())
        told = time.monotonic()

    return tell


@contextmanager
def _reading() -> Iterator[Session]:
    """One unchanging view of the data, while progress is written beside it."""
    with Session(db.engine) as session:
        if db.engine.dialect.name == "postgresql":
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        yield session


def content(export_id: UUID, file_key: str) -> Iterator[bytes]:
    """The decrypted file in pieces, constant in memory."""
    return archive.decrypted(path_of(export_id), file_key)


def _write(
    session: Session, sink: IO[bytes], person: Person, locale: str, now: datetime, tell: Tell
) -> None:
    """All that is held about a person: two pages to read, one file for machines, tables."""
    held = [(g, n) for g in inventory.groups() if (n := inventory.count(session, g, person))]
    with archive.zipped(sink, now) as add:
        for language in _LANGUAGES:
            add(_page_name(language, locale), _page(session, held, person, language, locale, now))
            tell(0)
        add("data.schema.json", [schema()])
        tables = [_table(session, person, group, n, locale) for group, n in held]
        archive.write_tables(add, _head(held, person, now), tables, folder(), tell)


def _page_name(language: str, locale: str) -> str:
    return "index.html" if language == locale else f"index.{language}.html"


def _page(
    session: Session,
    held: list[tuple[Group, int]],
    person: Person,
    language: str,
    locale: str,
    now: datetime,
) -> Iterator[str]:
    """The page in one language; it leads to the one in the other."""
    stores = [(s, n) for s in inventory.registry.stores if (n := s.find(session, person))]
    with force_locale(language):
        template = current_app.jinja_env.get_template("privacy/export_page.html")
        pieces = template.stream(
            held=held,
            rows=lambda group: inventory.records(session, group, person, limit=ON_PAGE),
            on_page=ON_PAGE,
            stores=stores,
            now=now,
            language=language,
            others=[(c, n, _page_name(c, locale)) for c, n in _LANGUAGES.items() if c != language],
            show=show,
            addresses=sorted(person.addresses),
            contact_email=current_app.config["SETTINGS"].contact_email,
        )
        pieces.enable_buffering(100)
        yield from pieces


def _head(held: list[tuple[Group, int]], person: Person, now: datetime) -> dict[str, Any]:
    used = dict.fromkeys(f.activity for group, _ in held for f in group.fields)
    return {
        "schema": SCHEMA,
        "made_at": now.isoformat(timespec="seconds"),
        "account": str(person.user_id) if person.user_id else None,
        "addresses": sorted(person.addresses),
        "activities": {activity.key: _facts(activity) for activity in used},
    }


def _facts(activity: Activity) -> dict[str, Any]:
    assert activity.legal_basis is not None
    assert activity.retention is not None
    return {
        "name": both(activity.name),
        "purpose": both(activity.purpose),
        "legal_basis": both(activity.legal_basis.value),
        "source": both(activity.source),
        "retention": both(activity.retention.text),
        "recipients": [{"name": both(r.name), "country": r.country} for r in activity.recipients],
    }


def _table(session: Session, person: Person, group: Group, count: int, locale: str) -> Table:
    shown = [f for f in group.fields if f.shown]
    about = {
        "label": both(group.label),
        "count": count,
        "columns": {
            f.name: {
                "label": both(f.declared.label) if f.declared.label else None,
                "type": archive.type_name(inventory.shown_column(f)),
                "activity": f.activity.key,
                "portable": f.declared.portable,
            }
            for f in shown
        },
        "never_shown": [
            both(f.declared.label) for f in group.fields if f.declared.secret and f.declared.label
        ],
    }
    header = (f.declared.label.in_(locale) if f.declared.label else f.name for f in shown)
    return Table(
        group.name,
        about,
        ["id", *(f.name for f in shown)],
        ["id", *header],
        count,
        lambda: inventory.batches(session, group, person),
    )


def expired(session: Session, now: datetime) -> int:
    """How many downloads :func:`drop_expired` would remove."""
    counted = select(func.count()).select_from(Export).where(Export.expires_at <= now)
    return session.scalar(counted) or 0


def drop_expired(now: datetime) -> int:
    """Remove downloads whose time is out, and files that no row speaks of; returns how many."""
    with transaction() as session:
        old = session.scalars(select(Export).where(Export.expires_at <= now)).all()
        for export in old:
            session.delete(export)
    files = list(folder().glob("*.age"))  # before the rows: a file comes after its row
    known = {str(i) for i in db.session.scalars(select(Export.id))}
    for path in files:
        if path.stem not in known:
            path.unlink(missing_ok=True)
    return len(old)


def _files(session: Session, person: Person) -> list[Path]:
    mine = session.scalars(select(Export.id).where(Export.reference.in_(person.references)))
    return [path for i in mine if (path := path_of(i)).exists()]


def _erase_files(session: Session, person: Person) -> int:
    files = _files(session, person)
    for path in files:
        path.unlink(missing_ok=True)
    return len(files)


FILES = Store(
    "exports",
    Text("Filer du beställt med dina uppgifter", "Files with your data that you asked for"),
    PRIVACY_RIGHTS,
    lambda session, person: len(_files(session, person)),
    _erase_files,
)
