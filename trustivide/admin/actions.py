"""What the office writes: the log of its own looks, and legal holds."""

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from trustivide.admin.models import StaffAccess
from trustivide.audit import actions as audit
from trustivide.auth import queries as accounts
from trustivide.auth.models import User
from trustivide.core.activities import Activity
from trustivide.core.subjects import Person
from trustivide.core.text import Text
from trustivide.privacy import cases, holds
from trustivide.privacy.models import Case, LegalHold

PAGES: Mapping[str, Text] = {
    "account": Text("Kontots uppgifter", "The account's data"),
    "case": Text("Din begäran", "Your request"),
    "hold": Text("Bevarande för ett rättsligt anspråk", "Keeping for a legal claim"),
}
"""What is opened of a person, by its code in the audit trail."""


def look_at(
    session: Session,
    staff: User,
    person: Person,
    locale: str,
    reason: str,
    now: datetime,
    page: str = "account",
    thing_id: UUID | None = None,
) -> StaffAccess:
    """Log that ``staff`` opens the person's data and why, before anything is shown.

    The person reads the row in the privacy centre, with an account or without,
    hence the page's name in their language and the reason as it was written.
    The audit trail holds ``page``, a key of :data:`PAGES`, and never the reason.
    """
    look = StaffAccess(
        reference=person.reference,
        user_id=person.user_id,
        at=now,
        who=staff.name,
        what=PAGES[page].in_(locale),
        reason=reason,
        staff_id=staff.id,
    )
    session.add(look)
    audit.record(
        session,
        "person_opened",
        now,
        actor_id=staff.id,
        about_id=person.user_id,
        thing_id=thing_id,
        detail=page,
    )
    return look


def open_case(session: Session, staff: User, case: Case, now: datetime) -> None:
    """Log the look that opening a case is."""
    reason = Text(f"Handlägger begäran {case.request_id}", f"Handling request {case.request_id}")
    person = cases.person_of(session, case)
    words, locale = reason.in_(case.locale), case.locale
    look_at(session, staff, person, locale, words, now, "case", case.request_id)


def place_hold(
    session: Session,
    staff: User,
    address: str,
    activity: Activity,
    ground: str,
    ends_on: date,
    now: datetime,
) -> LegalHold:
    """Keep one activity's data about an address and its account; the person sees a look.

    The look says of what, and not on which ground: colleagues read looks too.
    Raises :class:`~trustivide.core.errors.Refused` as :func:`holds.place` does.
    """
    user = accounts.by_address(session, address)
    person, locale = accounts.person_at(session, address), user.locale if user else "sv"
    look_at(session, staff, person, locale, activity.name.in_(locale), now, "hold")
    return holds.place(session, staff, address, user, activity, ground, ends_on, now)
