"""What belongs to an organisation, read from the mapped tables (GDPR Art. 28(3)(g)).

A row belongs to an organisation when the database deletes it together with it:
its table reaches the organisation's by foreign keys with ON DELETE CASCADE.
Counting, handing back and erasing all start here, so that no table is in one
and missing in another.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, Select, Table, func, inspect, or_, select
from sqlalchemy.orm import Session

from trustivide.core.db import Base, Personal, Plain
from trustivide.core.inventory import Batch, Record, Tenancy, mappers, registry
from trustivide.core.text import Text


@dataclass(frozen=True)
class Column:
    """One column as it is handed back. Ids have no label: they join the tables, for machines.

    ``show`` names the column of the row pointed at that is read in its place.
    """

    name: str
    column: Any
    label: Text | None = None
    show: str | None = None

    @property
    def shown(self) -> Any:
        """The column whose values are read: its own, or that of the row pointed at."""
        if self.show is None:
            return self.column
        (foreign_key,) = self.column.foreign_keys
        return foreign_key.column.table.c[self.show]


@dataclass(frozen=True)
class Part:
    """One table of which rows belong to an organisation.

    ``keys`` are the foreign keys by which they do; the organisation's own table
    has none. What only its author may read (``author_only``) is not handed
    back and not even counted: below k the number of answers tells too much.
    """

    model: type[Base]
    keys: tuple[ForeignKey, ...]
    author_only: bool
    columns: tuple[Column, ...]

    @property
    def table(self) -> Table:
        """The mapped table."""
        return self.model.__table__  # type: ignore[return-value]

    @property
    def name(self) -> str:
        """Stable name, used in downloads and receipts."""
        return self.table.name

    @property
    def label(self) -> Text:
        """What an organisation reads."""
        return self.model.__collection__ or self.model.__label__ or Text(self.name, self.name)

    @property
    def labelled(self) -> tuple[Column, ...]:
        """The columns that people read."""
        return tuple(c for c in self.columns if c.label)


def tenancy() -> Tenancy:
    """How organisations are reached; create_app has filled it in."""
    assert registry.tenancy is not None
    return registry.tenancy


def parts() -> tuple[Part, ...]:
    """Every table of which rows can belong to an organisation, parents before children."""
    models = {mapper.local_table: mapper.class_ for mapper in mappers()}
    found: dict[Table, Part] = {}
    for table in Base.metadata.sorted_tables:
        keys = tuple(
            key
            for key in sorted(table.foreign_keys, key=lambda k: k.parent.name)
            if key.ondelete == "CASCADE" and key.column.table in found
        )
        if keys or table.name == tenancy().table:
            found[table] = _part(models[table], keys, set(found))
    return tuple(found.values())


def handed_back() -> tuple[Part, ...]:
    """The tables that the organisation gets back."""
    return tuple(part for part in parts() if not part.author_only)


def _part(model: type[Base], keys: tuple[ForeignKey, ...], tables: set[Table]) -> Part:
    declared = [
        (a.key, a.columns[0], a.columns[0].info["trustivide"]) for a in inspect(model).column_attrs
    ]
    author_only = any(
        isinstance(d, Personal) and d.activity is not None and d.activity.author_only
        for _, _, d in declared
    )
    columns: list[Column] = []
    for name, column, said in declared:
        pointing = any(k.column.table in tables for k in column.foreign_keys)
        if column.primary_key or pointing:
            columns.append(Column(name, column))
        if said.label and _may_leave(said):
            shown = name.removesuffix("_id") if pointing else name
            columns.append(Column(shown, column, said.label, said.show))
    return Part(model, keys, author_only, () if author_only else tuple(columns))


def _may_leave(declared: Personal | Plain) -> bool:
    return isinstance(declared, Plain) or not (declared.secret or declared.derived)


def lock(session: Session, organisation_id: UUID) -> bool:
    """Let nobody else change who owns or ends it until the commit; False if it is gone."""
    (root,) = (part.table for part in parts() if not part.keys)
    statement = select(root.c.id).where(root.c.id == organisation_id).with_for_update()
    return session.scalar(statement) is not None


def clause(part: Part, organisation_id: UUID) -> ColumnElement[bool]:
    """Which rows of ``part`` belong to the organisation."""
    if not part.keys:
        return part.table.c.id == organisation_id
    parents = {each.table: each for each in parts()}
    return or_(
        *(
            key.parent.in_(
                select(key.column).where(clause(parents[key.column.table], organisation_id))
            )
            for key in part.keys
        )
    )


def count(session: Session, part: Part, organisation_id: UUID) -> int:
    """How many rows of ``part`` belong to the organisation."""
    statement = select(func.count()).select_from(part.table)
    return session.scalar(statement.where(clause(part, organisation_id))) or 0


def records(
    session: Session, part: Part, organisation_id: UUID, *, limit: int | None = None
) -> Iterator[Record]:
    """The first ``limit`` of the organisation's rows of ``part``, or all, streamed."""
    names = [column.name for column in part.columns]
    for batch in batches(session, part, organisation_id, limit=limit):
        for row in batch:
            yield Record(row[0], dict(zip(names, row, strict=True)))


def batches(
    session: Session,
    part: Part,
    organisation_id: UUID,
    *,
    limit: int | None = None,
    size: int = 1000,
) -> Iterator[Batch]:
    """The organisation's rows of ``part``, ``size`` at a time, each as its columns stand.

    The first of them is the row's key.
    """
    statement = _selection(part).where(clause(part, organisation_id)).limit(limit)
    yield from session.execute(statement, execution_options={"yield_per": size}).partitions()


def _selection(part: Part) -> Select[Any]:
    (row_id,) = part.table.primary_key.columns
    columns: list[Any] = []
    source: Any = part.table
    for column in part.columns:
        if column.show is None:
            columns.append(column.column)
            continue
        (foreign_key,) = column.column.foreign_keys
        other = foreign_key.column.table.alias()
        source = source.outerjoin(other, column.column == other.c[foreign_key.column.name])
        columns.append(other.c[column.show])
    return select(*columns).select_from(source).order_by(row_id)
