"""Accepting an invitation: with an account that is there, or with one made for it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from trustivide.audit import actions as audit
from trustivide.auth import actions as auth
from trustivide.auth import passkeys
from trustivide.auth import queries as accounts
from trustivide.auth.models import User
from trustivide.auth.passkeys import Made
from trustivide.core.errors import Refused
from trustivide.organisations import invitations
from trustivide.organisations.colleagues import lock
from trustivide.organisations.invitations import Invited
from trustivide.organisations.models import ColleagueInvitation, Membership
from trustivide.organisations.queries import Actor, actor_in
from trustivide.rights import actions as rights
from trustivide.rights import legal_texts


def _held(session: Session, where: ColumnElement[bool], now: datetime) -> Invited | None:
    """The invitation, if it still holds once its organisation is locked: of two, one wins."""
    organisation_id = session.scalar(select(ColleagueInvitation.organisation_id).where(where))
    if organisation_id is None:
        return None
    lock(session, organisation_id)
    return invitations.one(session, where, now)


def newcomer(invited: Invited, name: str) -> User:
    """The account as it will be if its passkey is made: shown to the browser, and not kept.

    Its id is the invitation's, as random as any and the same on every try: an
    authenticator that is asked again replaces what it made before (Web
    Authentication level 3, §6.3.2).
    """
    return User(id=invited.row.id, email=invited.row.email, name=name)


def accept_anew(
    session: Session, token: str, *, name: str, credential: str | Made, locale: str, now: datetime
) -> User | None:
    """A new account in the organisation, by mailed link; ``None`` if that no longer holds.

    ``credential`` opens it from then on: a password, or the passkey that a
    browser made for :func:`newcomer`. The link proves the address. Raises
    :class:`Refused` with "account" when the address has one: then its owner
    signs in, and a link alone opens nothing. With "passkey" for one that doesn't
    hold; the caller's transaction must not be kept then.
    """
    found = _held(session, invitations.by_token(token), now)
    if found is None:
        return None
    email = found.row.email
    password = credential if isinstance(credential, str) else None
    if accounts.by_address(session, email) is not None:
        raise Refused("account")
    try:
        with session.begin_nested():
            user = auth.create_user(
                session,
                email=email,
                name=name,
                password=password,
                locale=locale,
                now=now,
                user_id=found.row.id,
            )
    except IntegrityError:  # somebody was a moment quicker
        raise Refused("account") from None
    user.confirmed_at = now
    if isinstance(credential, Made) and not passkeys.register(session, user, credential, now):
        raise Refused("passkey")
    who = accounts.person(user)
    for notice in ("privacy-notice", "privacy-policy"):
        rights.inform(session, who, legal_texts.current(notice, locale), now, how="registration")
    _join(session, found, user, now)
    return user


def accept(session: Session, user: User, invitation_id: UUID, now: datetime) -> Actor | None:
    """The account joins, by an invitation to its own address; ``None`` if there is none.

    Raises :class:`Refused` for one of our staff's.
    """
    found = _held(session, and_(ColleagueInvitation.id == invitation_id, invitations.to(user)), now)
    if found is None:
        return None
    if user.is_staff:
        raise Refused("staff")
    return _join(session, found, user, now)


def _join(session: Session, found: Invited, user: User, now: datetime) -> Actor:
    """Put the account into the organisation; one that is in already keeps its role."""
    organisation_id, role = found.organisation.id, found.row.role
    session.delete(found.row)
    if (actor := actor_in(session, user.id, organisation_id)) is not None:
        return actor
    session.add(Membership(organisation_id=organisation_id, user_id=user.id, role=role))
    session.flush()
    audit.record(
        session,
        "colleague_joined",
        now,
        actor_id=user.id,
        about_id=user.id,
        thing_id=organisation_id,
        detail=role,
    )
    return Actor(user.id, organisation_id, role)
