"""``flask keys``: a cipher key is added, used, taken everywhere, and the old one retired.

One step at a time, each with a restart of every process: no process may read
what it has no key for, and none may write under a key that is about to go.
"""

import json
from collections import Counter

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide import config
from trustivide.audit import actions as audit
from trustivide.audit.models import AuditEntry
from trustivide.core import clock, rotation
from trustivide.core.crypto import KeyRing, ring
from trustivide.core.db import db, transaction
from trustivide.outbox import actions as outbox

keys = AppGroup("keys", help="The key ring.")


@keys.command("new")
def keys_new() -> None:
    """Print a fresh key ring for TRUSTIVIDE_KEYS."""
    click.echo(_one_line(KeyRing.generate()))


@keys.command("add")
def keys_add() -> None:
    """Add a cipher key that every process can read with, and none writes with yet."""
    if ring().writes_with is not None:
        raise click.ClickException("a key that was added before is not in use yet: keys use")
    _hand_out(ring().with_new_cipher(), "Restart web and worker with it, then: keys use")


@keys.command("use")
def keys_use() -> None:
    """Write with the newest cipher key from now on."""
    if ring().writes_with is None:
        raise click.ClickException("the newest key is in use already; keys add makes another")
    _hand_out(ring().released(), "Restart web and worker with it, then: keys rotate")


@keys.command("rotate")
def keys_rotate() -> None:
    """Re-encrypt everything under the key in use, while the service runs.

    Cut off, it is run again and does the rest. Exits 1 while something is left.
    """
    done: Counter[str] = Counter()

    def tell(table: str, rows: int, unreadable: int) -> None:
        done[table] += rows
        click.echo(f"{table:<24} {done[table]:>9} re-encrypted")

    rotation.rotate(tell)
    version = ring().cipher_version
    click.echo(f"{sum(done.values())} rows re-encrypted under key {version}")
    _refuse_if_any(_others(version), "is left; run keys rotate again")
    with transaction() as session:
        if not _is_noted(session, version):
            audit.record(session, "keys_rotated", clock.now(), detail=str(version))
            # What the old key wrote is gone from the file too, not from its rows alone.
            outbox.start_job(session, "compact", {}, now=clock.now())


@keys.command("retire")
def keys_retire() -> None:
    """Drop the cipher keys from before; refuses while a row needs one of them."""
    version = ring().cipher_version
    old = [v for v in sorted(ring().cipher) if v < version]
    if not old:
        raise click.ClickException("there is no old cipher key")
    _refuse_if_any(_others(version), "needs an old key; run keys rotate first")
    with transaction() as session:
        audit.record(
            session, "keys_retired", clock.now(), detail=" ".join(str(number) for number in old)
        )
    _hand_out(
        ring().retired(),
        "Restart web and worker with it. Keep the ring from before as long as backups of its time.",
    )


def _others(version: int) -> dict[str, int]:
    """Rows of each table that hold what another key wrote."""
    left: Counter[str] = Counter()
    for number, tables in rotation.rows_by_key(db.session()).items():
        if number != version:
            left.update(tables)
    return left


def _refuse_if_any(left: dict[str, int], why: str) -> None:
    if left:
        for table, rows in sorted(left.items()):
            click.echo(f"{table:<24} {rows:>9} under another key")
        raise click.ClickException(f"{sum(left.values())} rows: something {why}")


def _is_noted(session: Session, version: int) -> bool:
    noted = select(AuditEntry.number).where(
        AuditEntry.event == "keys_rotated", AuditEntry.detail == str(version)
    )
    return session.scalar(noted.limit(1)) is not None


def _hand_out(changed: KeyRing, then: str) -> None:
    """Keep the ring where it was ours to keep; else print what to set."""
    own = current_app.config["SETTINGS"].own_keys
    if own is not None:
        config.keep_keys(own, changed)
        click.echo(f"{own} is changed.", err=True)
    else:
        click.echo("TRUSTIVIDE_KEYS must become:", err=True)
        click.echo(_one_line(changed))
    click.echo(then, err=True)


def _one_line(printed: KeyRing) -> str:
    return json.dumps(json.loads(printed.to_json()))
