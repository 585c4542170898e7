"""Inviting colleagues: a mailed link is an offer, and the answer ends it.

An invitation holds for a week, and for as long as whoever sent it may give the
role: somebody who was removed, or lowered, leaves no way back in.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, func, select
from sqlalchemy.orm import Session

from trustivide.audit import actions as audit
from trustivide.auth import queries as accounts
from trustivide.auth.models import User
from trustivide.core import clock
from trustivide.core.activities import COLLEAGUE_INVITATIONS
from trustivide.core.crypto import ring
from trustivide.core.errors import Refused
from trustivide.core.roles import CUSTOMER_ROLES, may_give
from trustivide.core.subjects import Person
from trustivide.organisations.colleagues import hold
from trustivide.organisations.models import ColleagueInvitation, Membership, Organisation
from trustivide.organisations.queries import Actor
from trustivide.outbox.actions import send_mail
from trustivide.outbox.registry import Composer

VALID_FOR = timedelta(days=7)
MOST = 50
"""So many may wait for an answer at once: the form is no way to mail the world."""
_MAIL = "colleague_invitation"


@dataclass(frozen=True)
class Invited:
    """An invitation with what people read of it; ``holds`` while it can be accepted."""

    row: ColleagueInvitation
    organisation: Organisation
    inviter: User | None
    holds: bool

    def is_for(self, user: User) -> bool:
        """Whether the account has proven to have the address."""
        return self.row.email_digest in accounts.person(user).address_digests


def _find(session: Session, where: ColumnElement[bool], now: datetime) -> list[Invited]:
    rows = session.execute(
        select(ColleagueInvitation, Organisation, User, Membership.role)
        .join(Organisation, ColleagueInvitation.organisation_id == Organisation.id)
        .outerjoin(User, ColleagueInvitation.invited_by_id == User.id)
        .outerjoin(
            Membership,
            and_(
                Membership.user_id == User.id,
                Membership.organisation_id == ColleagueInvitation.organisation_id,
            ),
        )
        .where(where)
        .order_by(ColleagueInvitation.expires_at, ColleagueInvitation.id)
        .execution_options(populate_existing=True)
    )
    return [
        Invited(row, organisation, inviter, row.expires_at > now and may_give(role, row.role))
        for row, organisation, inviter, role in rows
    ]


def one(session: Session, where: ColumnElement[bool], now: datetime) -> Invited | None:
    """The one invitation for which ``where`` is true, while it holds."""
    return next((found for found in _find(session, where, now) if found.holds), None)


def by_token(token: str) -> ColumnElement[bool]:
    """The one that a mailed link is about."""
    return ColleagueInvitation.token_digest.in_(ring().digests(token, "colleague"))


def to(user: User) -> ColumnElement[bool]:
    """Those for the account's address, which it must have proven."""
    return ColleagueInvitation.email_digest.in_(accounts.person(user).address_digests)


def sent(session: Session, actor: Actor, now: datetime) -> list[Invited]:
    """The organisation's unanswered invitations, those that no longer hold included."""
    return _find(session, ColleagueInvitation.organisation_id == actor.organisation_id, now)


def behind(session: Session, token: str, now: datetime) -> Invited | None:
    """The invitation of a mailed link, while it holds. Looking it up changes nothing."""
    return one(session, by_token(token), now)


def received(session: Session, user: User, now: datetime) -> list[Invited]:
    """The invitations that the account can accept."""
    return [found for found in _find(session, to(user), now) if found.holds]


def received_one(
    session: Session, user: User, invitation_id: UUID, now: datetime
) -> Invited | None:
    """One of those that the account can accept."""
    return next((f for f in received(session, user, now) if f.row.id == invitation_id), None)


def invite(
    session: Session, actor: Actor, *, email: str, role: str, locale: str, now: datetime
) -> bool:
    """Offer ``role`` to the owner of an address; False if that offer stands already.

    Nobody learns from it whether the address has an account: the work is the
    same. Raises :class:`Refused` with "role" for one that the actor may not
    give, "colleague" for somebody who is in the organisation, "many" when too
    many wait for an answer.
    """
    roles = hold(session, actor, "colleagues.manage")
    if not may_give(roles[actor.user_id], role):
        raise Refused("role")
    mine = ColleagueInvitation.organisation_id == actor.organisation_id
    digests = Person.of(None, email).address_digests
    inside = select(User.id).where(User.id.in_(roles), User.email_digest.in_(digests))
    if session.scalar(inside) is not None:
        raise Refused("colleague")
    found = _find(session, and_(mine, ColleagueInvitation.email_digest.in_(digests)), now)
    if found and found[0].holds and found[0].row.role == role:
        return False
    waiting = session.scalar(select(func.count()).select_from(ColleagueInvitation).where(mine))
    if not found and (waiting or 0) >= MOST:
        raise Refused("many")
    row = found[0].row if found else None
    _offer(session, actor, row, email=email, role=role, locale=locale, now=now)
    return True


def send_again(
    session: Session, actor: Actor, invitation_id: UUID, *, locale: str, now: datetime
) -> str | None:
    """Mail a new link in place of the one before, in the actor's name; the address, or ``None``.

    Raises :class:`Refused` when the actor may not give the role.
    """
    roles = hold(session, actor, "colleagues.manage")
    row = session.scalar(_own(actor, invitation_id))
    if row is None:
        return None
    if not may_give(roles[actor.user_id], row.role):
        raise Refused("role")
    _offer(session, actor, row, email=row.email, role=row.role, locale=locale, now=now)
    return row.email


def _own(actor: Actor, invitation_id: UUID) -> Select[ColleagueInvitation]:
    return select(ColleagueInvitation).where(
        ColleagueInvitation.id == invitation_id,
        ColleagueInvitation.organisation_id == actor.organisation_id,
    )


def _offer(
    session: Session,
    actor: Actor,
    row: ColleagueInvitation | None,
    *,
    email: str,
    role: str,
    locale: str,
    now: datetime,
) -> None:
    token = secrets.token_urlsafe(24)
    if row is None:
        row = ColleagueInvitation(organisation_id=actor.organisation_id, email=email)
        session.add(row)
    row.role, row.invited_by_id = role, actor.user_id
    row.token_digest, row.expires_at = ring().digest(token, "colleague"), now + VALID_FOR
    session.flush()
    audit.record(
        session,
        "colleague_invited",
        now,
        actor_id=actor.user_id,
        thing_id=actor.organisation_id,
        detail=role,
    )
    send_mail(
        session,
        _MAIL,
        email,
        {"invitation": str(row.id), "token": token},
        purpose=COLLEAGUE_INVITATIONS,
        locale=locale,
        now=now,
    )


def withdraw(session: Session, actor: Actor, invitation_id: UUID) -> str | None:
    """Take an invitation back: its link opens nothing from now on. The address, or ``None``."""
    hold(session, actor, "colleagues.manage")
    row = session.scalar(_own(actor, invitation_id))
    if row is None:
        return None
    email = row.email
    session.delete(row)
    session.flush()
    return email


def decline(session: Session, token: str) -> None:
    """Whoever got the mail says no: the row goes. Doing it twice does it once."""
    session.execute(
        delete(ColleagueInvitation)
        .where(by_token(token))
        .execution_options(synchronize_session=False)
    )


def refuse(session: Session, user: User, invitation_id: UUID) -> bool:
    """Say no to an invitation to the account's own address; False if there is none."""
    gone = session.scalar(
        delete(ColleagueInvitation)
        .where(ColleagueInvitation.id == invitation_id, to(user))
        .returning(ColleagueInvitation.id)
        .execution_options(synchronize_session=False)
    )
    return gone is not None


def compose(session: Session, params: dict[str, Any]) -> dict[str, Any] | None:
    """The mail's context; ``None`` once the invitation no longer holds, or was sent anew."""
    where = and_(ColleagueInvitation.id == UUID(params["invitation"]), by_token(params["token"]))
    found = one(session, where, clock.now())
    if found is None:
        return None
    return {
        "organisation": found.organisation.name,
        "inviter": found.inviter,
        "role": CUSTOMER_ROLES[found.row.role],
        "until": found.row.expires_at,
        "path": f"/invitation/{params['token']}",
    }


def origins(session: Session, invitations: Sequence[UUID]) -> dict[UUID, str]:
    """Which organisation, and who in it, invited: by invitation."""
    rows = session.execute(
        select(ColleagueInvitation.id, Organisation.name, User)
        .join(Organisation, ColleagueInvitation.organisation_id == Organisation.id)
        .outerjoin(User, ColleagueInvitation.invited_by_id == User.id)
        .where(ColleagueInvitation.id.in_(invitations))
    )
    return {key: f"{name}, {user.name}" if user else name for key, name, user in rows}


COMPOSERS: dict[str, Composer] = {_MAIL: compose}
