"""Registering a customer, and what becomes of one whose last owner leaves."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from blinker import Signal
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from trustivide.auth import actions as auth
from trustivide.auth import queries as accounts
from trustivide.auth.models import User
from trustivide.core.activities import MARKETING_EMAIL
from trustivide.core.clock import day_of
from trustivide.core.db import transaction
from trustivide.core.holds import Hold, inside
from trustivide.core.inventory import Consequence
from trustivide.core.subjects import Person
from trustivide.core.text import Text
from trustivide.organisations import agreements
from trustivide.organisations.models import Membership, Organisation
from trustivide.organisations.numbers import clean
from trustivide.organisations.queries import left_without, owned_alone
from trustivide.outbox.actions import start_job
from trustivide.rights import actions as rights
from trustivide.rights import legal_texts

UNCONFIRMED_FOR = timedelta(days=7)

organisation_closing = Signal("An organisation is about to be erased; sent with session= and now=.")


def register(
    session: Session,
    *,
    organisation: str,
    number: str,
    name: str,
    email: str,
    password: str,
    locale: str,
    marketing: bool,
    gpc_seen: bool,
    now: datetime,
) -> User | None:
    """A new customer with its owner's account; ``None`` if the address has an account.

    Records the versions of the privacy notice and policy that were shown, the
    processing agreement accepted for the organisation, and the marketing
    consent if the box was ticked. In both cases the address gets a mail and the work is
    the same, and the caller must answer alike.
    """
    given: dict[str, Any] = {
        "organisation": organisation,
        "number": number,
        "name": name,
        "password": password,
        "locale": locale,
        "marketing": marketing,
        "gpc_seen": gpc_seen,
        "now": now,
    }
    known = accounts.by_address(session, email)
    if known is not None:
        _enter_nobody(session, given)
    else:
        # Refused by the database where somebody was a moment quicker.
        with suppress(IntegrityError), session.begin_nested():
            return _enter(session, email=email, **given)
        known = accounts.by_address(session, email)
        assert known is not None
    auth.tell_account_exists(session, known, now)
    return None


class _TakenBack(Exception):
    """All of it was done to take as long as a registration."""


def _enter_nobody(session: Session, given: dict[str, Any]) -> None:
    """Do what a registration takes, and take it back: a stopwatch must not tell who is known."""
    with suppress(_TakenBack), session.begin_nested():
        _enter(session, email=f"{uuid4()}@trustivide.invalid", **given)
        raise _TakenBack


def _enter(
    session: Session,
    *,
    organisation: str,
    number: str,
    name: str,
    email: str,
    password: str,
    locale: str,
    marketing: bool,
    gpc_seen: bool,
    now: datetime,
) -> User:
    user = auth.create_user(
        session, email=email, name=name, password=password, locale=locale, now=now
    )
    customer = Organisation(
        name=organisation,
        number=clean(number),
        customer_since=day_of(now),
        registered_by_id=user.id,
    )
    session.add(customer)
    session.flush()
    session.add(Membership(organisation_id=customer.id, user_id=user.id, role="owner"))
    newest = legal_texts.current(agreements.KEY, locale).version
    agreements.accept(session, customer.id, user.id, newest, locale, now)
    who = Person.of(user.id, email)
    for notice in ("privacy-notice", "privacy-policy"):
        rights.inform(session, who, legal_texts.current(notice, locale), now, how="registration")
    if marketing:
        rights.choose(
            session,
            who,
            MARKETING_EMAIL,
            "given",
            legal_texts.current("marketing", locale),
            now,
            collected_by="registration",
            gpc_seen=gpc_seen,
        )
    auth.ask_for_confirmation(session, user, now)
    session.flush()
    return user


def erasure_preview(session: Session, person: Person) -> list[Consequence]:
    """Say which organisations end with this account, and which can't while something is held."""
    if person.user_id is None:
        return []
    return [_end_of(session, o) for o in owned_alone(session, person.user_id)]


def _end_of(session: Session, organisation: Organisation) -> Consequence:
    name = organisation.name
    held = kept_in(session, organisation.id)
    if not held:
        return Consequence(
            Text(
                f"Du är ensam ägare av {name}. Organisationen avslutas: dess team, deltagare, "
                "enkäter och resultat raderas. Konton som inte hör till någon annan organisation "
                "raderas också, sju dagar senare. Lämna över till någon annan först, om den ska "
                "finnas kvar.",
                f"You are the only owner of {name}. The organisation ends: its teams, members, "
                "surveys and results are erased. Accounts that belong to no other organisation "
                "are erased too, seven days later. Hand over to somebody else first, if it is to "
                "stay.",
            ),
            href=f"/organisation/{organisation.id}/people",
        )
    until = max(hold.until for hold in held)
    return Consequence(
        Text(
            f"Du är ensam ägare av {name}, och organisationen kan inte avslutas än: uppgifter i "
            f"den bevaras för ett rättsligt anspråk, längst till och med {until}. Vänta tills "
            "dess, eller låt någon annan bli ägare först.",
            f"You are the only owner of {name}, and the organisation can't end yet: data in it is "
            f"kept for a legal claim, at the latest through {until}. Wait until then, or let "
            "somebody else become an owner first.",
        ),
        blocks=True,
    )


def kept_in(session: Session, organisation_id: UUID) -> tuple[Hold, ...]:
    """The legal holds under which something belongs to the organisation; it can't end before."""
    return inside(session, Organisation, Organisation.id == organisation_id)


def ending_preview(session: Session, organisation_id: UUID) -> list[Consequence]:
    """Say what becomes of the accounts when the contract ends, and whether it can't end yet."""
    held = kept_in(session, organisation_id)
    if held:
        until = max(hold.until for hold in held)
        return [
            Consequence(
                Text(
                    "Organisationen kan inte avslutas än: uppgifter i den bevaras för ett "
                    f"rättsligt anspråk, längst till och med {until}.",
                    "The organisation can't end yet: data in it is kept for a legal claim, at "
                    f"the latest through {until}.",
                ),
                blocks=True,
            )
        ]
    number = len(left_without(session, organisation_id))
    if not number:
        return []
    return [
        Consequence(
            Text(
                f"Konton som inte hör till någon annan organisation: {number}. De raderas sju "
                "dagar efter organisationen. Var och en får ett mejl med ett eget kvitto, och kan "
                "behålla sitt konto.",
                f"Accounts that belong to no other organisation: {number}. They are erased seven "
                "days after the organisation. Each gets a mail with a receipt of their own, and "
                "can keep the account.",
            )
        )
    ]


def close(session: Session, organisation_id: UUID, now: datetime) -> None:
    """Erase the organisation with all that belongs to it; one that is gone is left alone."""
    organisation = session.get(Organisation, organisation_id)
    if organisation is not None:
        organisation_closing.send(organisation, session=session, now=now)
        session.execute(delete(Organisation).where(Organisation.id == organisation_id))


def close_orphans(session: Session, person: Person, now: datetime) -> None:
    """Erase the organisations that would have no owner left, with all that belongs to them.

    Raises :class:`~trustivide.core.holds.Held` when that would take held rows along.
    """
    if person.user_id is None:
        return
    # Locked first: of two owners who leave at once, the later one sees that they are alone.
    session.execute(
        select(Organisation.id)
        .join(Membership, Membership.organisation_id == Organisation.id)
        .where(Membership.user_id == person.user_id, Membership.role == "owner")
        .order_by(Organisation.id)
        .with_for_update(of=Organisation)
    )
    for organisation in owned_alone(session, person.user_id):
        close(session, organisation.id, now)


def forget_unconfirmed(now: datetime) -> None:
    """Erase registrations that nobody confirmed within a week, organisation and account."""
    overdue = day_of(now - UNCONFIRMED_FOR)
    with transaction() as session:
        for user in session.scalars(
            select(User)
            .where(User.confirmed_at.is_(None), User.created_on < overdue)
            .with_for_update(skip_locked=True)
        ).all():
            forget_registration(session, user, now)


def forget_registration(session: Session, user: User, now: datetime) -> None:
    """Erase an account whose address nobody has proven, and what is its own alone.

    One under a legal hold stays.
    """
    if inside(session, User, User.id == user.id):
        return
    # By the account alone: what stands under the address may be its real owner's.
    unproven = Person.of(user.id)
    close_orphans(session, unproven, now)
    rights.forget_choices(session, unproven)
    session.delete(user)
    session.flush()
    start_job(session, "compact", {}, now=now)
