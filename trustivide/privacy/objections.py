"""Assessing an objection (GDPR Art. 21(1)); the activity has stood still since it was made."""

from datetime import datetime

from sqlalchemy.orm import Session

from trustivide.auth.models import User
from trustivide.core.activities import BY_KEY, LegalBasis
from trustivide.core.errors import Refused
from trustivide.privacy import cases, desk
from trustivide.privacy.models import Request
from trustivide.rights import actions as rights
from trustivide.rights.queries import objected

ABSOLUTE = "absolute"
"""Why an objection can't be overridden."""


def decide(
    session: Session,
    request: Request,
    upheld: bool,
    answer: str,
    ground: str,
    staff: User,
    now: datetime,
) -> None:
    """Uphold it, so that the activity stays stopped, or override it, so that it goes on.

    Overriding takes ``ground`` and reasons, and tells the person where to
    complain. Raises :class:`~trustivide.privacy.cases.Decided` when it was
    decided, or taken back, in the meantime, and :class:`Refused` for
    :data:`ABSOLUTE`: a no to marketing outweighs everything (Art. 21(3)).
    """
    if upheld:
        desk.answer(session, request.id, answer, staff, now)
        return
    asked, case = cases.hold(session, request.id)
    if asked.activity in BY_KEY and BY_KEY[asked.activity].legal_basis is LegalBasis.CONSENT:
        raise Refused(ABSOLUTE)
    person = cases.person_of(session, case)
    if asked.activity in objected(session, person):
        rights.withdraw_objection(session, person, BY_KEY[asked.activity], now)
    desk.refuse(session, request.id, ground, answer, staff, now)
