"""What is left of a person, in counts alone: for whoever must prove that an erasure was one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from trustivide.auth import queries as accounts
from trustivide.core import inventory
from trustivide.core.db import Keep
from trustivide.core.inventory import Group
from trustivide.core.subjects import ByCode, ByCookie, Person
from trustivide.privacy.queries import left_behind
from trustivide.rights.ledger import ledger


@dataclass(frozen=True)
class Found:
    """How much there is of the person in one place. ``kept`` places hold it by promise."""

    place: str
    count: int
    kept: bool = False


def whose(session: Session, address: str) -> Person:
    """Every identity that the address leads to: its account, confirmed or not, and its digests.

    An account that is gone but for what a legal hold keeps counts too.
    """
    user = accounts.by_address(session, address)
    return Person.of(user.id, address) if user else left_behind(session, address)


def trace(session: Session, address: str, queue: Path | None) -> list[Found]:
    """Rows of each group, items of each store, bytes in the queue, entries of the ledger.

    Every place that an address can lead to is there, with zero where nothing
    is. Survey answers are not: nothing joins them to anybody. ``queue`` is the
    file of the worker's queue, which need not exist, or None for Redis.
    """
    person = whose(session, address)
    found = [
        Found(group.name, inventory.count(session, group, person), not _all_goes(group))
        for group in inventory.groups()
        if not isinstance(group.subject, ByCode | ByCookie)
    ]
    found += [
        Found(f"store: {store.key}", store.find(session, person))
        for store in inventory.registry.stores
    ]
    if queue is not None:
        found.append(Found("queue, in bytes", _occurrences(queue, person)))
    found.append(Found("rights ledger", ledger().count(references=person.references), kept=True))
    return found


def _all_goes(group: Group) -> bool:
    """Whether an erasure leaves no row that still leads to the person."""
    tie = next((f for f in group.fields if f.name == group.subject.column), None)
    return tie is None or not isinstance(tie.erase, Keep)


def _occurrences(queue: Path, person: Person) -> int:
    """How often anything that leads to the person stands in the queue's file or its journal."""
    parts = [queue, queue.with_name(f"{queue.name}-wal")]
    content = b"\0".join(part.read_bytes() for part in parts if part.exists())
    return sum(content.count(needle) for needle in set(_needles(person)))


def _needles(person: Person) -> Iterator[bytes]:
    for address in person.addresses:
        yield address.encode()
    for reference in person.references:
        yield from (reference, reference.hex().encode())
    if person.user_id is not None:
        user_id = person.user_id
        yield from (user_id.bytes, user_id.hex.encode(), str(user_id).encode())
