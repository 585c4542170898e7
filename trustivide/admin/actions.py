"""What the office writes: the log of its own looks."""

from datetime import datetime

from sqlalchemy.orm import Session

from trustivide.admin.models import StaffAccess
from trustivide.auth.models import User
from trustivide.core.text import Text

ACCOUNT_PAGE = Text("Kontots uppgifter", "The account's data")


def look_at(session: Session, staff: User, user: User, reason: str, now: datetime) -> StaffAccess:
    """Log that ``staff`` opens ``user``'s data and why, before anything is shown.

    The person reads the row in the privacy centre, hence the page's name in
    their language and the reason as it was written.
    """
    look = StaffAccess(
        user_id=user.id,
        at=now,
        who=staff.name,
        what=ACCOUNT_PAGE.in_(user.locale),
        reason=reason,
        staff_id=staff.id,
    )
    session.add(look)
    session.flush()
    return look
