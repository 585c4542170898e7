"""Changing what colleagues may do. It counts from their next request on."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.audit import actions as audit
from trustivide.auth import queries as accounts
from trustivide.auth.models import User
from trustivide.core.activities import SECURITY
from trustivide.core.errors import Refused
from trustivide.core.roles import CUSTOMER_ROLES, customer_may, may_give
from trustivide.organisations.models import Membership, Organisation
from trustivide.organisations.queries import Actor
from trustivide.outbox.actions import send_mail


def lock(session: Session, organisation_id: UUID) -> None:
    """Let nobody else change who belongs to the organisation until the commit."""
    session.execute(
        select(Organisation.id)
        .where(Organisation.id == organisation_id)
        .with_for_update(key_share=True)
    )


def hold(session: Session, actor: Actor, permission: str) -> dict[UUID, str]:
    """Lock the organisation, and read everybody's role (by account) anew.

    Raises :class:`Refused` when the actor's no longer has ``permission``: of
    two who act on each other at once, the later one is too late.
    """
    lock(session, actor.organisation_id)
    rows = session.execute(
        select(Membership.user_id, Membership.role).where(
            Membership.organisation_id == actor.organisation_id
        )
    )
    roles: dict[UUID, str] = {row.user_id: row.role for row in rows}
    if actor.user_id not in roles or not customer_may(roles[actor.user_id], permission):
        raise Refused("not allowed")
    return roles


def is_last_owner(roles: dict[UUID, str], user_id: UUID) -> bool:
    """Whether the organisation would stand without an owner, without this account as one."""
    return {user for user, role in roles.items() if role == "owner"} == {user_id}


def change_role(session: Session, actor: Actor, user_id: UUID, role: str, now: datetime) -> None:
    """Give a colleague, or oneself, another role; the person gets a mail. Twice does it once.

    Raises :class:`Refused` with "role" above the actor's own, "last owner",
    "unconfirmed" for an owner whose address nobody has proven, "gone" for
    somebody who has left.
    """
    roles = hold(session, actor, "colleagues.manage")
    membership, user = _subject(session, actor, user_id, roles)
    before = membership.role
    if before == role:
        return
    if not may_give(roles[actor.user_id], role):
        raise Refused("role")
    if is_last_owner(roles, user_id):
        raise Refused("last owner")
    if role == "owner" and user.confirmed_at is None:
        raise Refused("unconfirmed")
    membership.role = role
    session.flush()
    _tell(session, "role_changed", actor, user, role, now)


def remove(session: Session, actor: Actor, user_id: UUID, now: datetime) -> None:
    """Take a colleague out of the organisation; the account stays the person's.

    Raises :class:`Refused` as :func:`change_role`.
    """
    roles = hold(session, actor, "colleagues.manage")
    membership, user = _subject(session, actor, user_id, roles)
    _end(session, actor, membership, user, roles, now)


def leave(session: Session, actor: Actor, now: datetime) -> None:
    """Leave the organisation; the account stays. Raises :class:`Refused` ("last owner")."""
    roles = hold(session, actor, "workshops.use")
    _end(session, actor, *_colleague(session, actor, actor.user_id), roles, now)


def _end(
    session: Session,
    actor: Actor,
    membership: Membership,
    user: User,
    roles: dict[UUID, str],
    now: datetime,
) -> None:
    if is_last_owner(roles, user.id):
        raise Refused("last owner")
    role = membership.role
    session.delete(membership)
    session.flush()
    _tell(session, "colleague_removed", actor, user, role, now)


def _subject(
    session: Session, actor: Actor, user_id: UUID, roles: dict[UUID, str]
) -> tuple[Membership, User]:
    """The colleague, whose role the actor may give and hence take."""
    membership, user = _colleague(session, actor, user_id)
    if not may_give(roles[actor.user_id], membership.role):
        raise Refused("role")
    return membership, user


def _colleague(session: Session, actor: Actor, user_id: UUID) -> tuple[Membership, User]:
    membership = session.scalar(
        select(Membership)
        .where(Membership.organisation_id == actor.organisation_id, Membership.user_id == user_id)
        .execution_options(populate_existing=True)
    )
    user = accounts.by_id(session, user_id)
    if membership is None or user is None:
        raise Refused("gone")
    return membership, user


def _tell(session: Session, event: str, actor: Actor, user: User, role: str, now: datetime) -> None:
    """Seal it, and mail the person: ``templates/mail/`` is named as the event is."""
    audit.record(
        session,
        event,
        now,
        actor_id=actor.user_id,
        about_id=user.id,
        thing_id=actor.organisation_id,
        detail=role,
    )
    who, organisation = (
        session.get_one(User, actor.user_id),
        session.get_one(Organisation, actor.organisation_id),
    )
    send_mail(
        session,
        event,
        user.email,
        {
            "name": user.name,
            "organisation": organisation.name,
            "by": None if who.id == user.id else who.name,
            "role": CUSTOMER_ROLES[role].in_(user.locale),
        },
        purpose=SECURITY,
        locale=user.locale,
        now=now,
    )


def require_second_factor(session: Session, actor: Actor, required: bool, now: datetime) -> None:
    """Let only those who sign in in two steps into the organisation, or everybody.

    Raises :class:`Refused` when the actor would be shut out by it themselves.
    """
    hold(session, actor, "organisation.own")
    if required and not accounts.with_second_factor(session, [actor.user_id]):
        raise Refused("own")
    organisation = session.get_one(Organisation, actor.organisation_id, populate_existing=True)
    if organisation.second_factor_required == required:
        return
    organisation.second_factor_required = required
    session.flush()
    audit.record(
        session,
        "second_factor_required",
        now,
        actor_id=actor.user_id,
        thing_id=organisation.id,
        detail="on" if required else "off",
    )
