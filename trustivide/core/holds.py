"""What must not go: rows under a legal hold, and the gate that no deletion passes.

Which holds stand is answered by whoever keeps them (``privacy.holds``). That
nothing under one is deleted is seen to here, below every feature: what a
session deletes is looked at first, with everything that would go along by a
foreign key. Statements on bare tables pass the gate; those who write them
(erasing, retention, single entries) leave out what is held themselves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Select, Table, event, inspect, or_, select
from sqlalchemy.orm import ORMExecuteState, Session

from trustivide.core import inventory
from trustivide.core.activities import (
    ALL,
    LEGAL_CLAIMS,
    PRIVACY_RIGHTS,
    SECURITY,
    SECURITY_LOG,
    SERVICE_MAIL,
    USAGE_ANALYSIS,
    Activity,
)
from trustivide.core.db import Base
from trustivide.core.inventory import Group
from trustivide.core.subjects import ByCode, ByCookie, Person

_NEVER = frozenset(
    {SECURITY, SECURITY_LOG, SERVICE_MAIL, PRIVACY_RIGHTS, LEGAL_CLAIMS, USAGE_ANALYSIS}
)
"""Secrets and mail under way end by themselves; the log and the proof of rights keep themselves.
Usage rows have a new pseudonym every month: after the last of their days nobody finds whose they
were, to keep them or to let them go."""


@dataclass(frozen=True)
class Hold:
    """One person's data of one activity stays until ``until``, that day included.

    ``ground`` and ``owner``, who answers for it with us, are read by the person.
    """

    person: Person
    activity: Activity
    ground: str
    until: date
    owner: str

    def covers(self, group: Group) -> bool:
        """Whether rows of ``group`` hold data of the activity."""
        return any(f.activity == self.activity for f in group.fields)

    def concerns(self, person: Person) -> bool:
        """Whether it is about ``person``, by account or by an address."""
        same_account = person.user_id is not None and person.user_id == self.person.user_id
        return same_account or bool(person.addresses & self.person.addresses)


class Held(Exception):
    """What was to be deleted is under a hold. It says no more: not everyone who asks may know."""


_source: list[Callable[[Session], Sequence[Hold]]] = []


def install(source: Callable[[Session], Sequence[Hold]]) -> None:
    """Let ``source`` say which holds stand today."""
    _source[:] = [source]


def standing(session: Session) -> Sequence[Hold]:
    """Every hold that stands today."""
    return [hold for source in _source for hold in source(session)]


def over(session: Session, person: Person, group: Group | None = None) -> tuple[Hold, ...]:
    """The holds on the person's data, of one group or of all."""
    return tuple(
        hold
        for hold in standing(session)
        if hold.concerns(person) and (group is None or hold.covers(group))
    )


def holdable() -> list[Activity]:
    """The activities whose data can be held: where rows lead to an account or an address."""
    known = {
        f.activity
        for group in inventory.groups()
        if not isinstance(group.subject, ByCode | ByCookie)
        for f in group.fields
    }
    return [a for a in ALL if a in known - _NEVER]


def ties(group: Group) -> set[ForeignKey]:
    """The foreign keys whose other row must stay for the group's rows to stay, and stay a person's.

    Those that would take the rows along, and those that say something of the person.
    """
    own = {fk for f in group.fields for fk in f.column.foreign_keys}
    return own | {fk for fk in group.table.foreign_keys if fk.ondelete == "CASCADE"}


def inside(
    session: Session, model: type[Base], which: ColumnElement[bool] | None
) -> tuple[Hold, ...]:
    """The holds under which something would go with these rows of ``model`` (None: all)."""
    mapper = inspect(model)
    table: Any = mapper.local_table
    rows = select(mapper.primary_key[0])
    rows = rows if which is None else rows.where(which)
    return tuple(
        hold
        for hold in standing(session)
        if any(
            _reaches(session, hold, group, table, rows)
            for group in inventory.groups()
            if hold.covers(group)
        )
    )


def _reaches(session: Session, hold: Hold, group: Group, table: Table, rows: Select[Any]) -> bool:
    mine, within = inventory.clause(group, hold.person), _within(group, table, rows)
    if mine is None or within is None:
        return False
    return session.scalar(select(group.table.c.id).where(mine, within).limit(1)) is not None


def _within(group: Group, table: Table, rows: Select[Any]) -> ColumnElement[bool] | None:
    return _along(group.table, ties(group), table, rows)


def _along(
    start: Table, keys: set[ForeignKey], table: Table, rows: Select[Any]
) -> ColumnElement[bool] | None:
    """Which rows of ``start`` would go, or lose what ties them to a person, with those ``rows``."""
    if start is table:
        return start.c.id.in_(rows)
    ways = []
    for key in keys:
        beyond = key.column.table
        further = {fk for fk in beyond.foreign_keys if fk.ondelete == "CASCADE"}
        inner = _along(beyond, further, table, rows)
        if inner is not None:
            ways.append(key.parent.in_(select(key.column).where(inner)))
    return or_(*ways) if ways else None


def _keep(session: Session, model: type[Base], which: ColumnElement[bool] | None) -> None:
    if inside(session, model, which):
        raise Held


@event.listens_for(Session, "before_flush")
def _keep_objects(session: Session, *_: Any) -> None:
    for row in session.deleted:
        mapper = inspect(type(row))
        (identity,) = mapper.primary_key_from_instance(row)
        _keep(session, type(row), mapper.primary_key[0] == identity)


@event.listens_for(Session, "do_orm_execute")
def _keep_statements(state: ORMExecuteState) -> None:
    if state.is_orm_statement and state.is_delete and state.bind_mapper is not None:
        which = state.statement.whereclause  # type: ignore[attr-defined]
        _keep(state.session, state.bind_mapper.class_, which)
