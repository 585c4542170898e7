"""A person's data as a ZIP: made by the worker, encrypted as it is written, kept seven days.

Nothing readable touches the disk, and memory does not grow with the data:
rows stream out of the database, through the ZIP, through age encryption
(https://age-encryption.org/v1), into the file.
"""

import csv
import io
import json
import logging
import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import pyrage
from flask import current_app
from flask_babel import force_locale
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from trustivide.auth import queries as accounts
from trustivide.auth.models import User
from trustivide.core import clock, inventory
from trustivide.core.activities import PRIVACY_RIGHTS
from trustivide.core.db import db, transaction
from trustivide.core.inventory import Group, Store
from trustivide.core.subjects import Person
from trustivide.core.text import Text
from trustivide.outbox import jobs
from trustivide.outbox.actions import send_mail, start_job
from trustivide.outbox.registry import job_id
from trustivide.privacy.actions import record
from trustivide.privacy.models import Export, Request
from trustivide.privacy.words import show

log = logging.getLogger(__name__)

SCHEMA = "trustivide-export/1"
KEPT_FOR = timedelta(days=7)
_CHUNK = 64 * 1024
_STEPS = 3


def request(
    session: Session, person: Person, *, address: str, locale: str, now: datetime
) -> Export:
    """Ask for a download. One that is already being made is given back instead."""
    running = session.scalar(
        select(Export).where(
            Export.reference.in_(person.references), Export.state.in_(("queued", "running"))
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
    start_job(session, "export", {"id": str(export.id)}, now=now)
    return export


def path_of(export_id: UUID) -> Path:
    """Where the encrypted file lies."""
    folder: Path = current_app.config["SETTINGS"].instance / "exports"
    folder.mkdir(exist_ok=True)
    return folder / f"{export_id}.age"


def run(params: dict[str, str], now: datetime) -> None:
    """Make the file. A repeated run starts it anew; an erased or finished one is left alone."""
    export_id = job_id(params)
    export = db.session.get(Export, export_id)
    if export is None or export.state == "ready":
        return
    user = accounts.by_id(db.session(), export.user_id) if export.user_id else None
    person = accounts.person(user) if user else Person.of(None, export.email or "")
    identity = pyrage.x25519.Identity.generate()
    if not _set(export_id, state="running", progress=1):
        return
    target = path_of(export_id)
    try:
        with _reading() as session, _encrypted(target, identity.to_public()) as sink:
            _write(session, sink, person, user, export.locale, now, _progress(export_id))
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    _publish(export_id, str(identity), target)


def _publish(export_id: UUID, file_key: str, target: Path) -> None:
    now = clock.now()
    with transaction() as session:
        export = session.get(Export, export_id)
        if export is None:  # erased while it was made
            target.unlink(missing_ok=True)
            return
        export.state, export.progress, export.file_key = "ready", 100, file_key
        asked = session.get_one(Request, export.request_id)
        asked.state, asked.completed_at = "done", now
        assert export.email is not None
        send_mail(
            session,
            "export_ready",
            export.email,
            {"path": f"/privacy/export/{export_id}"},
            purpose=PRIVACY_RIGHTS,
            locale=export.locale,
            now=now,
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


def _progress(export_id: UUID) -> Callable[[float], None]:
    """Tell how far it is, in a small transaction of its own, and keep the job's lease."""

    def tell(part: float) -> None:
        _set(export_id, progress=min(99, max(1, round(100 * part))))
        jobs.keep_alive("export", clock.now())

    return tell


@contextmanager
def _reading() -> Iterator[Session]:
    """One unchanging view of the data, while progress is written beside it."""
    with Session(db.engine) as session:
        if db.engine.dialect.name == "postgresql":
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        yield session


@contextmanager
def _encrypted(target: Path, recipient: Any) -> Iterator[IO[bytes]]:
    """A writable stream whose bytes arrive encrypted in ``target``."""
    reading, writing = os.pipe()
    failed: list[BaseException] = []

    def encrypt() -> None:
        with os.fdopen(reading, "rb") as source, target.open("wb") as out:
            os.chmod(target, 0o600)
            try:
                pyrage.encrypt_io(source, out, [recipient])
            except BaseException as error:
                failed.append(error)

    thread = threading.Thread(target=encrypt, name="export-encryption")
    thread.start()
    try:
        with os.fdopen(writing, "wb") as sink:
            yield sink
    finally:
        thread.join()
    if failed:
        raise failed[0]


def content(export_id: UUID, file_key: str) -> Iterator[bytes]:
    """The decrypted file in pieces, constant in memory."""
    return _decrypted(path_of(export_id), file_key)


def _decrypted(source: Path, file_key: str) -> Iterator[bytes]:
    reading, writing = os.pipe()
    identity = pyrage.x25519.Identity.from_str(file_key)

    def decrypt() -> None:
        try:
            with os.fdopen(writing, "wb") as out, source.open("rb") as sealed:
                pyrage.decrypt_io(sealed, out, [identity])
        except OSError:
            log.info("a download was broken off")

    thread = threading.Thread(target=decrypt, name="export-decryption", daemon=True)
    thread.start()
    with os.fdopen(reading, "rb") as plain:
        while piece := plain.read(_CHUNK):
            yield piece
    thread.join()


def _write(
    session: Session,
    sink: IO[bytes],
    person: Person,
    user: User | None,
    locale: str,
    now: datetime,
    tell: Callable[[float], None],
) -> None:
    groups = [(g, n) for g in inventory.groups() if (n := inventory.count(session, g, person))]
    total = max(1, sum(n for _, n in groups) * _STEPS)
    done = 0

    def rows(group: Group) -> Iterator[inventory.Record]:
        nonlocal done
        for row in inventory.records(session, group, person):
            yield row
            done += 1
            if done % 500 == 0:
                tell(done / total)
        tell(done / total)

    stamp = now.astimezone(clock.STOCKHOLM).timetuple()[:6]
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(name: str, pieces: Iterator[str], encoding: str = "utf-8") -> None:
            info = zipfile.ZipInfo(name, stamp)
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as file:
                for piece in pieces:
                    file.write(piece.encode(encoding))

        add("index.html", _page(session, groups, person, user, locale, now, rows))
        add("data.json", _json(groups, person, user, now, rows))
        for group, _ in groups:
            add(f"{group.name}.csv", _csv(group, locale, rows(group)))


def _page(
    session: Session,
    groups: list[tuple[Group, int]],
    person: Person,
    user: User | None,
    locale: str,
    now: datetime,
    rows: Callable[[Group], Iterator[inventory.Record]],
) -> Iterator[str]:
    stores = [(s, n) for s in inventory.registry.stores if (n := s.find(session, person))]
    with force_locale(locale):
        template = current_app.jinja_env.get_template("privacy/export_page.html")
        yield from template.generate(
            groups=groups,
            rows=rows,
            stores=stores,
            now=now,
            locale=locale,
            show=show,
            addresses=sorted(person.addresses | ({user.email} if user else frozenset())),
            contact_email=current_app.config["SETTINGS"].contact_email,
        )


def _json(
    groups: list[tuple[Group, int]],
    person: Person,
    user: User | None,
    now: datetime,
    rows: Callable[[Group], Iterator[inventory.Record]],
) -> Iterator[str]:
    head = {
        "schema": SCHEMA,
        "made_at": now.isoformat(timespec="seconds"),
        "account": str(user.id) if user else None,
        "addresses": sorted(person.addresses),
    }
    yield json.dumps(head, ensure_ascii=False)[:-1] + ', "activities": {'
    used = dict.fromkeys(f.activity for g, _ in groups for f in g.fields)
    yield ", ".join(
        f"{json.dumps(a.key)}: {json.dumps(_facts(a), ensure_ascii=False)}" for a in used
    )
    yield '}, "groups": {'
    for n, (group, _) in enumerate(groups):
        yield ("," if n else "") + f"\n{json.dumps(group.name)}: {_described(group)[:-1]}, "
        yield '"rows": ['
        for m, row in enumerate(rows(group)):
            values = {k: plain_value(v) for k, v in row.values.items()}
            line = json.dumps({"id": str(row.id), **values}, ensure_ascii=False)
            yield ("," if m else "") + "\n  " + line
        yield "]}"
    yield "\n}}\n"


def _described(group: Group) -> str:
    return json.dumps(
        {
            "label": _both(group.label),
            "columns": {
                f.name: {
                    "label": _both(f.declared.label) if f.declared.label else None,
                    "activity": f.activity.key,
                    "portable": f.declared.portable,
                }
                for f in group.fields
                if f.shown
            },
            "never_shown": [
                _both(f.declared.label)
                for f in group.fields
                if f.declared.secret and f.declared.label
            ],
        },
        ensure_ascii=False,
    )


def _facts(activity: Any) -> dict[str, Any]:
    return {
        "name": _both(activity.name),
        "purpose": _both(activity.purpose),
        "legal_basis": _both(activity.legal_basis.value),
        "source": _both(activity.source),
        "retention": _both(activity.retention.text),
        "recipients": [{"name": _both(r.name), "country": r.country} for r in activity.recipients],
    }


def _both(text: Text) -> dict[str, str]:
    return {"sv": text.sv, "en": text.en}


def plain_value(value: Any) -> Any:
    """A stored value as JSON: dates as ISO 8601, ids as text."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    return value


def _csv(group: Group, locale: str, rows: Iterator[inventory.Record]) -> Iterator[str]:
    shown = [f for f in group.fields if f.shown]
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")  # else spreadsheets read Swedish letters wrong
    writer.writerow(
        ["id", *((f.declared.label.in_(locale) if f.declared.label else f.name) for f in shown)]
    )
    for row in rows:
        writer.writerow([str(row.id), *(_cell(row.values[f.name]) for f in shown)])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def _cell(value: Any) -> str:
    """Text that a spreadsheet takes for text: a leading apostrophe defuses formulas (OWASP)."""
    value = plain_value(value)
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def drop_expired(now: datetime) -> int:
    """Remove downloads whose time is out, and files that no row speaks of; returns how many."""
    folder = path_of(UUID(int=0)).parent
    with transaction() as session:
        old = session.scalars(select(Export).where(Export.expires_at <= now)).all()
        for export in old:
            session.delete(export)
    known = {str(i) for i in db.session.scalars(select(Export.id))}
    stray = [path for path in folder.glob("*.age") if path.stem not in known]
    for path in stray:
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
