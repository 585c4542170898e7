"""Commands: ``flask --app wsgi <command>``."""

import json

import click
from flask import Flask
from flask.cli import AppGroup

from trustivide.core import inventory
from trustivide.core.crypto import KeyRing
from trustivide.core.db import db
from trustivide.outbox import worker as outbox_worker

privacy = AppGroup("privacy", help="What the product knows about people, and whether that holds.")
keys = AppGroup("keys", help="The key ring.")


@privacy.command("check")
def privacy_check() -> None:
    """Print the inventory's verdict; exit 1 when it does not hold."""
    wrong = inventory.problems()
    wrong += [f"undeclared table {name}" for name in inventory.undeclared_tables(db.engine)]
    groups = inventory.groups()
    for line in wrong:
        click.echo(f"✗ {line}")
    columns = sum(len(group.fields) for group in groups)
    tables = len({group.table.name for group in groups})
    click.echo(
        f"{columns} personal columns in {tables} tables, "
        f"{len(inventory.registry.stores)} other stores, {len(wrong)} problems"
    )
    raise SystemExit(1 if wrong else 0)


@privacy.command("record")
@click.option("--language", type=click.Choice(["sv", "en"]), default="sv")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def privacy_record(language: str, as_json: bool) -> None:
    """Print the record of processing (GDPR Art. 30)."""
    entries = inventory.describe_record(language)
    if as_json:
        click.echo(json.dumps(entries, ensure_ascii=False, indent=2))
        return
    for entry in entries:
        click.echo(f"\n{entry['name']}\n{'─' * len(entry['name'])}")
        for term, value in entry["facts"]:
            click.echo(f"  {term}: {value}")
        for table, names in entry["tables"].items():
            click.echo(f"  · {table}: {', '.join(names)}")


@keys.command("new")
def keys_new() -> None:
    """Print a fresh key ring for TRUSTIVIDE_KEYS."""
    click.echo(json.dumps(json.loads(KeyRing.generate().to_json())))


def init_app(app: Flask) -> None:
    """Add the commands."""
    app.cli.add_command(privacy)
    app.cli.add_command(keys)

    @app.cli.command("worker")
    def run_worker() -> None:
        """Deliver mail, run jobs and watch the clock until stopped."""
        outbox_worker.run(app)
