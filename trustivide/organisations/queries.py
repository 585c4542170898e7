"""Who acts for which organisation, and with what role."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from trustivide.auth import queries as accounts
from trustivide.auth.models import User
from trustivide.core.roles import CUSTOMER_ROLES, customer_may
from trustivide.organisations.models import Membership, Organisation


@dataclass(frozen=True)
class Actor:
    """A member acting for their organisation. Every scoped look-up starts from one."""

    user_id: UUID
    organisation_id: UUID
    role: str

    def may(self, permission: str) -> bool:
        """Whether the actor's role allows it (see :mod:`trustivide.core.roles`)."""
        return customer_may(self.role, permission)


def actor_for(session: Session, user_id: UUID) -> Actor | None:
    """The actor that an account is, or ``None`` for one without an organisation."""
    membership = session.scalar(
        select(Membership).where(Membership.user_id == user_id).order_by(Membership.id).limit(1)
    )
    if membership is None:
        return None
    return Actor(user_id, membership.organisation_id, membership.role)


def actor_in(session: Session, user_id: UUID, organisation_id: UUID) -> Actor | None:
    """The account acting for this very organisation, or ``None`` if it doesn't belong there."""
    role = session.scalar(
        select(Membership.role).where(
            Membership.user_id == user_id, Membership.organisation_id == organisation_id
        )
    )
    return None if role is None else Actor(user_id, organisation_id, role)


def acting(session: Session, user_id: UUID, chosen: UUID | None) -> Actor | None:
    """The account in the organisation that it chose, while it belongs there, else its first."""
    actor = actor_in(session, user_id, chosen) if chosen else None
    return actor or actor_for(session, user_id)


def organisations_of(session: Session, user_id: UUID) -> dict[UUID, str]:
    """The organisations (id → name) that the account belongs to, by name."""
    rows = session.execute(
        select(Organisation.id, Organisation.name)
        .join(Membership, Membership.organisation_id == Organisation.id)
        .where(Membership.user_id == user_id)
        .order_by(Organisation.name, Organisation.id)
    )
    return {row.id: row.name for row in rows}


def organisation_of(session: Session, actor: Actor) -> Organisation:
    """The actor's organisation."""
    return session.get_one(Organisation, actor.organisation_id)


def requires_second_factor(session: Session, user_id: UUID) -> bool:
    """Whether an organisation of the account's requires two-step sign-in of its people."""
    requiring = (
        select(Organisation.id)
        .join(Membership, Membership.organisation_id == Organisation.id)
        .where(Membership.user_id == user_id, Organisation.second_factor_required)
        .limit(1)
    )
    return session.scalar(requiring) is not None


def owned_alone(session: Session, user_id: UUID) -> Sequence[Organisation]:
    """Organisations that would have no owner without this account."""
    owners = (
        select(Membership.organisation_id)
        .where(Membership.role == "owner")
        .group_by(Membership.organisation_id)
        .having(func.count() == 1)
    )
    return session.scalars(
        select(Organisation)
        .join(Membership, Membership.organisation_id == Organisation.id)
        .where(
            Membership.user_id == user_id,
            Membership.role == "owner",
            Organisation.id.in_(owners),
        )
    ).all()


def owned_by(session: Session, user_id: UUID) -> dict[UUID, str]:
    """The organisations (id → name) whose owner this account is, by name."""
    rows = session.execute(
        select(Organisation.id, Organisation.name)
        .join(Membership, Membership.organisation_id == Organisation.id)
        .where(Membership.user_id == user_id, Membership.role == "owner")
        .order_by(Organisation.name, Organisation.id)
    )
    return {row.id: row.name for row in rows}


def owners_of(session: Session, organisation_id: UUID) -> list[UUID]:
    """The accounts that own the organisation."""
    return list(
        session.scalars(
            select(Membership.user_id)
            .where(Membership.organisation_id == organisation_id, Membership.role == "owner")
            .order_by(Membership.user_id)
        )
    )


@dataclass(frozen=True)
class Colleague:
    """Somebody in the actor's organisation."""

    user: User
    role: str
    second_factor: bool


def colleagues(session: Session, actor: Actor) -> list[Colleague]:
    """Everyone in the actor's organisation, the highest roles first, then by name."""
    found = accounts_of(session, actor.organisation_id)
    safe = accounts.with_second_factor(session, [user.id for user, _ in found])
    order = list(CUSTOMER_ROLES)
    return sorted(
        (Colleague(user, role, user.id in safe) for user, role in found),
        key=lambda c: (-order.index(c.role), c.user.name.casefold(), c.user.id),
    )


def colleague(session: Session, actor: Actor, user_id: UUID) -> Colleague | None:
    """Somebody in the actor's organisation, or ``None`` if there is nobody of this id in it."""
    return next((c for c in colleagues(session, actor) if c.user.id == user_id), None)


def left_without(session: Session, organisation_id: UUID) -> list[UUID]:
    """The accounts that belong to this organisation and to no other; never one of our staff's."""
    elsewhere = select(Membership.user_id).where(Membership.organisation_id != organisation_id)
    return list(
        session.scalars(
            select(User.id)
            .join(Membership, Membership.user_id == User.id)
            .where(
                Membership.organisation_id == organisation_id,
                User.is_staff.is_(False),
                User.id.not_in(elsewhere),
            )
            .order_by(User.id)
        )
    )


def accounts_of(session: Session, organisation_id: UUID) -> Sequence[tuple[User, str]]:
    """The accounts of an organisation with their roles."""
    rows = session.execute(
        select(User, Membership.role)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.organisation_id == organisation_id)
        .order_by(User.created_on, User.id)
    )
    return [(user, role) for user, role in rows]
