"""Requests that people must decide: what was asked, by whom, and what was answered."""

from uuid import UUID

from sqlalchemy.orm import Session

from trustivide.core.subjects import Person
from trustivide.privacy.models import Case, Request


def open_case(
    session: Session,
    person: Person,
    request: Request,
    *,
    address: str,
    name: str | None,
    locale: str,
    details: str,
    wanted: str | None = None,
    about: tuple[str, UUID, str] | None = None,
    entered_by_id: UUID | None = None,
) -> Case:
    """Put ``request`` on the desk with what was written about it.

    ``about`` names the value that a correction concerns (group, row, column)
    and ``wanted`` what it should say.
    """
    group, row, column = about or (None, None, None)
    case = Case(
        request_id=request.id,
        reference=person.reference,
        email=address,
        name=name,
        locale=locale,
        details=details,
        wanted=wanted,
        about_group=group,
        about_row=row,
        about_field=column,
        entered_by_id=entered_by_id,
    )
    session.add(case)
    session.flush()
    return case
