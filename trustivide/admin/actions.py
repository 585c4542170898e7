"""What the office writes: the log of its own looks, and legal holds."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from trustivide.admin.models import StaffAccess
from trustivide.auth import queries as accounts
from trustivide.auth.models import User
from trustivide.core.activities import Activity
from trustivide.core.text import Text
from trustivide.privacy import holds
from trustivide.privacy.models import Case, LegalHold

ACCOUNT_PAGE = Text("Kontots uppgifter", "The account's data")
CASE_PAGE = Text("Din begäran", "Your request")
HOLD_PAGE = Text("Bevarande för ett rättsligt anspråk", "Keeping for a legal claim")


def look_at(
    session: Session,
    staff: User,
    user: User,
    reason: str,
    now: datetime,
    page: Text = ACCOUNT_PAGE,
) -> StaffAccess:
    """Log that ``staff`` opens ``user``'s data and why, before anything is shown.

    The person reads the row in the privacy centre, hence the page's name in
    their language and the reason as it was written.
    """
    look = StaffAccess(
        user_id=user.id,
        at=now,
        who=staff.name,
        what=page.in_(user.locale),
        reason=reason,
        staff_id=staff.id,
    )
    session.add(look)
    session.flush()
    return look


def open_case(session: Session, staff: User, case: Case, now: datetime) -> None:
    """Log the look that opening a case is, where the person has an account to read it in."""
    user = accounts.by_id(session, case.user_id) if case.user_id else None
    if user is not None:
        reason = Text(
            f"Handlägger begäran {case.request_id}", f"Handling request {case.request_id}"
        )
        look_at(session, staff, user, reason.in_(user.locale), now, CASE_PAGE)


def place_hold(
    session: Session,
    staff: User,
    address: str,
    activity: Activity,
    ground: str,
    ends_on: date,
    now: datetime,
) -> LegalHold:
    """Keep one activity's data about an address and its account; an account's person sees a look.

    The look says of what, and not on which ground: colleagues read looks too.
    Raises :class:`~trustivide.core.errors.Refused` as :func:`holds.place` does.
    """
    user = accounts.by_address(session, address)
    if user is not None:
        look_at(session, staff, user, activity.name.in_(user.locale), now, HOLD_PAGE)
    return holds.place(session, staff, address, user, activity, ground, ends_on, now)
