"""Commands about mail: ``flask --app wsgi mail <command>``."""

from collections import Counter
from pathlib import Path

import click
from flask.cli import AppGroup

from trustivide.core.db import transaction
from trustivide.outbox import bounces

mail = AppGroup("mail", help="What became of mail after it was sent.")

_WORDS = {
    "bounced": "bounced: the mail came back for good",
    "delayed": "delayed: the receiving server is still trying",
    "known": "known already",
    "unknown": "of mail that is not ours, gone, or leaves no trace",
    "no_report": "no readable delivery report",
    "too_large": f"larger than {bounces.LARGEST // 1_000_000} MB, not read",
}


@mail.command("bounces")
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(exists=True, readable=True, path_type=Path)
)
def take_in_bounces(paths: tuple[Path, ...]) -> None:
    """Take in delivery reports (RFC 3464) from files, mboxes or Maildirs, and count them.

    The files stay as they are. Nothing that is printed names anybody.
    """
    counts: Counter[str] = Counter()
    for path in paths:
        for content in bounces.messages(path):
            with transaction() as session:
                counts[bounces.take_in(session, content)] += 1
    for outcome in bounces.OUTCOMES:
        if counts[outcome]:
            click.echo(f"{counts[outcome]:>6} {_WORDS[outcome]}")
    click.echo(f"{counts.total():>6} in all")
