"""Commands about the office: who works in it, and the check of its security log."""

import click
from flask.cli import AppGroup

from trustivide.admin import colleagues
from trustivide.audit import queries as trail
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.core.roles import STAFF_ROLES
from trustivide.web.forms import clean_address

audit = AppGroup("audit", help="The security log and its chain.")
staff = AppGroup("staff", help="Who works in the office.")


@audit.command("verify")
@click.option("--expect", metavar="NUMBER:SEAL", help="A head that was noted earlier.")
def audit_verify(expect: str | None) -> None:
    """Check the audit trail's chain; exit 1 and say where it breaks, if it does."""
    try:
        noted = trail.Noted.read(expect) if expect else None
    except ValueError:
        raise click.UsageError("--expect takes a head as this command prints it.") from None
    verdict = trail.verify(db.session(), noted)
    click.echo(f"{verdict.entries} entries")
    click.echo(f"head {verdict.head}")
    for fault in verdict.faults:
        click.echo(f"✗ {fault.number}: {trail.FAULTS[fault.what].en}")
    raise SystemExit(1 if verdict.faults else 0)


@staff.command("add")
@click.argument("address")
@click.argument("role", type=click.Choice(list(STAFF_ROLES)))
@click.option("--name", default="", help="Makes the account, where the address has none.")
def staff_add(address: str, role: str, name: str) -> None:
    """Give a role in the office to an account, and mail its owner."""
    try:
        cleaned = clean_address(address)
    except ValueError:
        raise click.UsageError("That is not an e-mail address.") from None
    try:
        with transaction() as session:
            user = colleagues.add(session, None, cleaned, role, clock.now(), name=name)
            click.echo(f"{user.id} is {role} now")
    except Refused as no:
        raise click.ClickException(_REFUSED[str(no)]) from None


_REFUSED = {
    colleagues.NAMELESS: "No account has that address. Give --name to make one.",
    colleagues.ALREADY: "The account has a role already. An owner changes it in the office.",
    colleagues.CUSTOMERS: "The account belongs to a customer's organisation.",
    colleagues.UNPROVEN: "Nobody has confirmed that address yet.",
}
