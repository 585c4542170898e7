"""The processing agreement (GDPR Art. 28(3)): which version an organisation accepted, and when."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.auth.models import User
from trustivide.core.errors import Refused
from trustivide.organisations.models import AgreementAcceptance
from trustivide.organisations.queries import owned_by
from trustivide.rights import legal_texts
from trustivide.rights.legal_texts import LegalText

KEY = "processing-agreement"


def accepted(session: Session, organisation_id: UUID) -> AgreementAcceptance | None:
    """The newest version that somebody accepted for the organisation."""
    return session.scalars(
        select(AgreementAcceptance)
        .where(AgreementAcceptance.organisation_id == organisation_id)
        .order_by(AgreementAcceptance.version.desc(), AgreementAcceptance.at)
        .limit(1)
    ).one_or_none()


def awaited(session: Session, organisation_id: UUID, locale: str) -> LegalText | None:
    """The agreement that counts now, where the organisation hasn't accepted that version."""
    text, known = legal_texts.current(KEY, locale), accepted(session, organisation_id)
    return text if known is None or known.version < text.version else None


def accept(
    session: Session,
    organisation_id: UUID,
    user_id: UUID,
    version: int,
    locale: str,
    now: datetime,
) -> None:
    """Accept ``version``, as read in ``locale``; what is accepted already stays as it is.

    Raises :class:`Refused` ("newer") where another version counts by now.
    """
    text = legal_texts.current(KEY, locale)
    if version != text.version:
        raise Refused("newer")
    if awaited(session, organisation_id, locale) is None:
        return
    session.add(
        AgreementAcceptance(
            organisation_id=organisation_id,
            accepted_by_id=user_id,
            version=version,
            text_hash=text.sha256,
            at=now,
        )
    )
    session.flush()


def first_stop(session: Session, user: User, now: datetime) -> str | None:
    """Where an owner who signs in is asked to accept a newer version, until one of them has."""
    return next(
        (
            f"/organisation/{key}/agreement"
            for key in owned_by(session, user.id)
            if awaited(session, key, user.locale)
        ),
        None,
    )
