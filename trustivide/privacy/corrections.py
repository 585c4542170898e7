"""Corrections that the person can't make in place: asked for, and made by the desk (Art. 16)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Date, String
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from trustivide.auth.models import User
from trustivide.core import inventory
from trustivide.core.activities import (
    LEGAL_CLAIMS,
    PRIVACY_RIGHTS,
    REQUEST_CASES,
    SECURITY,
    SECURITY_LOG,
    SERVICE_MAIL,
    STAFF_ACCESS,
)
from trustivide.core.crypto import EncryptedAddress, EncryptedText
from trustivide.core.errors import Refused
from trustivide.core.inventory import Field, Group
from trustivide.privacy import actions, cases, desk, queries
from trustivide.privacy.models import Case

UNFIT, GONE = "unfit", "gone"
"""Why a correction can't be made."""
_EVIDENCE = (
    LEGAL_CLAIMS,
    PRIVACY_RIGHTS,
    REQUEST_CASES,
    SECURITY,
    SECURITY_LOG,
    SERVICE_MAIL,
    STAFF_ACCESS,
)
"""What happened, as it was noted: a note that was changed would prove nothing."""


def can_be_asked(field: Field) -> bool:
    """Whether the person can ask for it; what they can change themselves needs no asking."""
    return field.shown and not field.declared.correct and field.activity not in _EVIDENCE


def can_be_made(field: Field) -> bool:
    """Whether the desk can change the value itself. Pointers and times are mended by hand."""
    kind = field.column.type
    is_value = isinstance(kind, String | Date | EncryptedText)
    return (
        can_be_asked(field)
        and is_value
        and not isinstance(kind, EncryptedAddress)
        and not field.column.foreign_keys
    )


def read(field: Field, typed: str) -> Any:
    """What was typed, as the column stores it. Raises :class:`ValueError` when it can't be."""
    if field.declared.reader is not None:
        return field.declared.reader.read(typed)
    return date.fromisoformat(typed) if isinstance(field.column.type, Date) else typed


def about(case: Case) -> tuple[Group, Field] | None:
    """The group and field that a correction concerns, where the product still has them."""
    group = inventory.group_named(case.about_group) if case.about_group else None
    fields = group.fields if group else ()
    return next(((group, f) for f in fields if group and f.name == case.about_field), None)


def current(session: Session, case: Case) -> Any:
    """What stands there now; ``None`` where the row is gone or somebody else's."""
    found = about(case)
    if found is None or case.about_row is None:
        return None
    group, field = found
    entry = queries.entry(session, group, cases.person_of(session, case), case.about_row)
    cells = entry.cells if entry else ()
    return next((value for f, value in cells if f.name == field.name), None)


def make(session: Session, request_id: UUID, words: str, staff: User, now: datetime) -> None:
    """Put the wanted value in place, tell those who had the old one, and answer.

    Raises :class:`Refused`: :data:`UNFIT` when the column can't hold what is
    wanted, :data:`GONE` when the row is no longer there.
    """
    asked, case = cases.hold(session, request_id)
    found = about(case)
    if found is None or case.wanted is None or not can_be_made(found[1]):
        raise Refused(UNFIT)
    if asked.identity not in desk.KNOWN:
        raise Refused(desk.UNKNOWN)
    group, field = found
    assert case.about_row is not None
    person = cases.person_of(session, case)
    try:
        value = read(field, case.wanted)
        mine = actions.correct(
            session, person, group, case.about_row, field, value, now, asked=asked
        )
    except (ValueError, IntegrityError):
        raise Refused(UNFIT) from None
    if not mine:
        raise Refused(GONE)
    desk.grant(session, asked, case, words, staff, now)
