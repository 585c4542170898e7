"""Commands: ``flask --app wsgi <command>``."""

import base64
import hashlib
import hmac
import json
import urllib.request
from pathlib import Path

import click
import pyotp
from flask import Flask, current_app
from flask.cli import AppGroup
from sqlalchemy import select

from trustivide import config
from trustivide import demo as demonstration
from trustivide.core import clock, inventory
from trustivide.core.db import db
from trustivide.doctor import doctor
from trustivide.key_commands import keys
from trustivide.mail_commands import mail
from trustivide.office_commands import audit, factors, staff
from trustivide.organisations.models import Organisation
from trustivide.outbox import worker as outbox_worker
from trustivide.privacy import promises, record, retention, trace
from trustivide.privacy.measures import KEPT, NOT_YET
from trustivide.starting import make_ready
from trustivide.web.forms import clean_address

privacy = AppGroup("privacy", help="What the product knows about people, and whether that holds.")
assets = AppGroup("assets", help="Files of others that an operator may serve himself.")


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
@click.option("--customers", is_flag=True, help="For whom we act, for the authority alone.")
def privacy_record(language: str, as_json: bool, customers: bool) -> None:
    """Print the record of processing (GDPR Art. 30), as /privacy/record shows it."""
    if customers:
        for customer in db.session.scalars(select(Organisation).order_by(Organisation.name)):
            click.echo(f"{customer.name}, {customer.number}, {customer.customer_since}")
        return
    held = record.document(language, current_app.config["SETTINGS"].contact_email)
    if as_json:
        click.echo(json.dumps(held, ensure_ascii=False, indent=1))
        return
    click.echo(f"{held['controller']['name']}, {held['controller']['contact']}")
    click.echo(held["measures"])
    for entry in held["activities"]:
        click.echo(f"\n{entry['name']}\n{'─' * len(entry['name'])}")
        for term, value in entry["facts"].items():
            click.echo(f"  {term}: {value}")
        for path in entry["assessments"].values():
            click.echo(f"  {path}")
        for table, names in entry["tables"].items():
            click.echo(f"  · {table}: {', '.join(names)}")


@privacy.command("verify")
@click.option("--language", type=click.Choice(["sv", "en"]), default="sv")
def privacy_verify(language: str) -> None:
    """Print every promise of the policy with its state; exit 1 unless all are kept."""
    wanting = []
    for section, states in promises.by_section(db.session(), clock.now()).items():
        click.echo(f"\n§ {section}")
        for each in states:
            promise, measured = each.promise, each.measured
            mark = {"kept": "✓", "broken": "✗"}.get(measured.state, "·")
            when = f" ({measured.as_of})" if measured.as_of else ""
            state = promises.STATES[measured.state].in_(language)
            click.echo(f"  {mark} {promise.key:<14} {state:<15} {promise.promise.in_(language)}")
            if measured is not NOT_YET:
                click.echo(f"    {'':<30} {measured.value.in_(language)}{when}")
            if measured.state != KEPT:
                wanting.append(f"{promise.key}: {state}")
    click.echo("\n" + ("\n".join(wanting) or "✓"))
    raise SystemExit(1 if wanting else 0)


@privacy.command("trace")
@click.argument("address")
def privacy_trace(address: str) -> None:
    """Count what is left of the person with this e-mail address, and show nothing of it."""
    try:
        cleaned = clean_address(address)
    except ValueError:
        raise click.UsageError("That is not an e-mail address.") from None
    queue = outbox_worker.queue_file(current_app)
    places = trace.trace(db.session(), cleaned, queue)
    width = max(len(found.place) for found in places)
    for found in places:
        kept = "  kept by promise, without name or address" if found.kept and found.count else ""
        click.echo(f"{found.place:<{width}} {found.count:>9}{kept}")
    left = sum(found.count for found in places if not found.kept)
    click.echo(f"{'in all, but for that':<{width}} {left:>9}")
    click.echo("Survey answers can't be traced: nothing joins them to an address.")
    if queue is None:
        click.echo("Redis keeps the queue, which holds wake-ups alone, and was not searched.")


@privacy.command("retention")
@click.option("--dry-run", is_flag=True, help="Change nothing; say when the next rows go.")
def privacy_retention(dry_run: bool) -> None:
    """Let go of what is due, and print how many rows of each group that was."""
    now, session = clock.now(), db.session()
    if dry_run:
        for f in retention.forecast(session, now):
            held = f"  {f.held} held" if f.held else ""
            following = f"  next {f.next_on}" if f.next_on else ""
            click.echo(f"{f.group.name:<24} {f.due:>9} due{held}{following}")
        others = {name: other.due(session, now) for name, other in retention.elsewhere.items()}
        for name, n in (retention.spent(session, now) | others).items():
            click.echo(f"{name:<24} {n:>9} due")
        return
    retention.sweep(now)
    (run,) = retention.runs(session, 1)
    for name, n in run.counts.items():
        click.echo(f"{name:<24} {n:>9} gone")
    click.echo(f"{sum(run.counts.values())} in all")


@assets.command("htmx")
def assets_htmx() -> None:
    """Fetch htmx, verify its hash, and keep it in static/vendor/."""
    values = current_app.config["SETTINGS"].values
    # Where the file is served from here already, the address says nothing about its origin.
    url = config.HTMX_URL if values["HTMX_URL"].startswith("/") else values["HTMX_URL"]
    with urllib.request.urlopen(url, timeout=30) as response:  # nosec B310 # noqa: S310  the operator's own address
        content = response.read()
    if not fits(content, values["HTMX_INTEGRITY"]):
        raise click.ClickException(f"{url} does not have the hash {values['HTMX_INTEGRITY']}")
    target = Path(str(current_app.static_folder)) / "vendor" / "htmx.min.js"
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".new")
    draft.write_bytes(content)
    draft.replace(target)
    click.echo(f"{target}: {len(content)} bytes, hash verified")
    click.echo("Set HTMX_URL=/static/vendor/htmx.min.js to serve it from here.")


def fits(content: bytes, integrity: str) -> bool:
    """Whether ``content`` has the hash of a Subresource Integrity value (W3C SRI, one hash)."""
    algorithm, _, expected = integrity.partition("-")
    if algorithm not in {"sha256", "sha384", "sha512"}:
        return False
    digest = base64.b64encode(hashlib.new(algorithm, content).digest()).decode()
    return hmac.compare_digest(digest, expected)


@click.command("demo")
def demo() -> None:
    """Make sure that the fictional demo customer stands, and print its sign-ins."""
    if current_app.config["SETTINGS"].production:
        raise click.ClickException("the demo has known passwords; production refuses it")
    make_ready(current_app._get_current_object())  # type: ignore[attr-defined]
    click.echo(f"{demonstration.ORGANISATION}, password for all: {demonstration.PASSWORD}")
    for who in demonstration.seed(clock.now()):
        click.echo(f"  {who.role:<12} {who.email}")
        if who.seed:
            click.echo(f"{'':15}TOTP seed {who.seed}, code now {pyotp.TOTP(who.seed).now()}")


def init_app(app: Flask) -> None:
    """Add the commands."""
    for command in (privacy, audit, staff, factors, keys, mail, assets, demo, doctor):
        app.cli.add_command(command)

    @app.cli.command("worker")
    def run_worker() -> None:
        """Deliver mail, run jobs and watch the clock until stopped."""
        make_ready(app)
        outbox_worker.run(app)
