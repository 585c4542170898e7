"""A corrected address counts once it is proven: a link mailed to it, used up by POST.

Until then the address from before stands, and a wrong one that was typed in
does nothing but receive one mail. Whether the new address is known here is
looked at only when its owner confirms it.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from blinker import Signal
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from trustivide.auth import addresses
from trustivide.auth import queries as accounts
from trustivide.auth.models import User
from trustivide.core import inventory
from trustivide.core.activities import SECURITY
from trustivide.core.clock import day_of
from trustivide.core.crypto import EncryptedAddress, normalise_address, ring
from trustivide.core.errors import Refused
from trustivide.core.inventory import Field, Group
from trustivide.core.subjects import ByEmail, ByReference, ByUser, Person
from trustivide.outbox.actions import send_mail
from trustivide.privacy import erasure
from trustivide.privacy.actions import correct
from trustivide.privacy.models import AddressChange
from trustivide.privacy.queries import correctable, pending_erasure
from trustivide.rights import actions as rights
from trustivide.rights.ledger import ledger

VALID_FOR = timedelta(hours=24)
_MAIL = "address_change"

address_corrected = Signal(
    "A row's address was corrected; the row is the sender, with session= and before=, the address."
)


def is_address(field: Field) -> bool:
    """Whether correcting the field waits for proof."""
    return isinstance(field.column.type, EncryptedAddress)


def is_sign_in(group: Group, field: Field) -> bool:
    """Whether the field is the address that an account signs in with."""
    return is_address(field) and group.model is User


def ask(
    session: Session,
    person: Person,
    group: Group,
    row_id: UUID,
    field: Field,
    address: str,
    locale: str,
    now: datetime,
) -> AddressChange:
    """Keep the change and mail its link to ``address``: the same work for known and unknown ones.

    It takes the place of one that waited for the same value. Raises
    :class:`Refused` while the person's erasure is decided.
    """
    if pending_erasure(session, person) is not None:
        raise Refused("an erasure is decided")
    session.execute(
        delete(AddressChange)
        .where(
            AddressChange.group == group.name,
            AddressChange.row == row_id,
            AddressChange.field == field.name,
        )
        .execution_options(synchronize_session=False)
    )
    token = secrets.token_urlsafe(24)
    change = AddressChange(
        reference=person.reference,
        email=address,
        group=group.name,
        row=row_id,
        field=field.name,
        token_digest=ring().digest(token, "address-change"),
        expires_at=now + VALID_FOR,
    )
    session.add(change)
    session.flush()
    send_mail(
        session,
        _MAIL,
        address,
        {"change": str(change.id), "path": f"/privacy/address/{token}"},
        purpose=SECURITY,
        locale=locale,
        now=now,
    )
    return change


def compose(session: Session, params: dict[str, Any]) -> dict[str, Any] | None:
    """The mail's context; ``None`` when the change was undone meanwhile."""
    if session.get(AddressChange, UUID(params["change"])) is None:
        return None
    return {"path": params["path"]}


def waiting(
    session: Session, person: Person, group: Group, now: datetime
) -> Mapping[tuple[UUID, str], AddressChange]:
    """The person's changes that wait for proof, by row and field of ``group``."""
    rows = session.scalars(
        select(AddressChange).where(
            AddressChange.reference.in_(person.references),
            AddressChange.group == group.name,
            AddressChange.expires_at > now,
        )
    )
    return {(change.row, change.field): change for change in rows}


def cancel(session: Session, person: Person, change_id: UUID) -> str | None:
    """Take a change back; the name of the group that it was about, ``None`` if it isn't theirs."""
    return session.scalar(
        delete(AddressChange)
        .where(AddressChange.id == change_id, AddressChange.reference.in_(person.references))
        .returning(AddressChange.group)
        .execution_options(synchronize_session=False)
    )


def by_token(session: Session, token: str, now: datetime) -> AddressChange | None:
    """The change that a link confirms, while it holds. Looking it up changes nothing."""
    return session.scalar(
        select(AddressChange).where(
            AddressChange.token_digest.in_(ring().digests(token, "address-change")),
            AddressChange.expires_at > now,
        )
    )


def asks_sign_in(change: AddressChange, user_id: UUID | None) -> bool:
    """Whether somebody must sign in first: to confirm the address of an account, as its owner.

    Else a slip of the pen would hand the account to whoever has the mailbox.
    """
    return change.group == User.__tablename__ and user_id != change.row


def confirm(session: Session, token: str, now: datetime, *, keep: UUID | None = None) -> bool:
    """Use the link up and put the new address in place; ``False`` if it no longer holds.

    Everything is looked at anew: that the row is still there and still the
    requester's. Of an account every sign-in but ``keep`` ends. Raises
    IntegrityError where another row has the address, and :class:`Refused` while
    an erasure is decided; the caller's transaction then leaves all as it was.
    """
    change = _use_up(session, token, now)
    place = _place(session, change) if change else None
    if change is None or place is None:
        return False
    group, field, row, owner = place
    if pending_erasure(session, owner) is not None:
        raise Refused("an erasure is decided")
    before, new = getattr(row, field.name), normalise_address(change.email)
    correct(session, owner, group, change.row, field, new, now)
    address_corrected.send(row, session=session, before=before)
    if isinstance(row, User):
        addresses.take_address(session, row, before, now, keep=keep)
    after = Person.of(row.id if isinstance(row, User) else None, new)
    _follow(session, owner, before, after, new)
    rights.carry_over(session, owner, after, now)
    return True


def on_taken_back(user: User, *, session: Session, before: str, now: datetime) -> None:
    """The account's owner undid a change of its address: what followed it follows back.

    An erasure that was decided meanwhile is undone with it, since whoever changed
    the address may have asked for that too. Raises :class:`Refused` once it began.
    """
    owner, after = Person.of(user.id, before), accounts.person(user)
    if not erasure.cancel(session, after, now) and pending_erasure(session, after):
        raise Refused("an erasure has begun")
    session.execute(
        delete(AddressChange)
        .where(AddressChange.group == User.__tablename__, AddressChange.row == user.id)
        .execution_options(synchronize_session=False)
    )
    corrected = {"table": User.__tablename__, "row": str(user.id), "column": "email"}
    ledger().append("correction", after.reference, day_of(now), corrected)
    address_corrected.send(user, session=session, before=before)
    _follow(session, owner, before, after, user.email)
    rights.carry_over(session, owner, after, now)


def _use_up(session: Session, token: str, now: datetime) -> Any:
    """The change behind a link that still held; of two requests with it, one wins."""
    return session.execute(
        delete(AddressChange)
        .where(
            AddressChange.token_digest.in_(ring().digests(token, "address-change")),
            AddressChange.expires_at > now,
        )
        .returning(
            AddressChange.reference,
            AddressChange.email,
            AddressChange.group,
            AddressChange.row,
            AddressChange.field,
        )
        .execution_options(synchronize_session=False)
    ).one_or_none()


def _place(session: Session, change: Any) -> tuple[Group, Field, Any, Person] | None:
    """What the change is about, and whose it is now: ``None`` unless still the requester's."""
    group = inventory.group_named(change.group)
    field = correctable(group, change.field) if group else None
    row = session.get(group.model, change.row) if group else None
    if group is None or field is None or row is None:
        return None
    if isinstance(group.subject, ByUser):
        user = accounts.by_id(session, getattr(row, group.subject.column))
        owner = accounts.person(user) if user else Person()
    else:
        owner = accounts.person_at(session, getattr(row, field.name))
    return (group, field, row, owner) if change.reference in owner.references else None


def _follow(session: Session, owner: Person, before: str, after: Person, new: str) -> None:
    """Let what stands under a reference follow the person.

    Where nothing that could be corrected is left at the address from before,
    its records (consents, notices, requests and their cases, downloads) are
    the new one's from now on. Else they stay with it: a person with two
    addresses has two. Answers under way go to the new address.
    """
    old = Person.of(None, before)
    moved = old.address_digests if not _is_in_use(session, old, before) else frozenset()
    mine = moved | (owner.references if after.user_id else frozenset())
    for group in inventory.groups():
        if not isinstance(group.subject, ByReference):
            continue
        reference = getattr(group.model, group.subject.column)
        for name in [f.name for f in group.fields if is_address(f)]:
            for row in session.scalars(select(group.model).where(reference.in_(mine))).all():
                if getattr(row, name) == before:
                    setattr(row, name, new)
            session.flush()
        session.execute(
            update(group.model)
            .where(reference.in_(moved))
            .values({group.subject.column: after.reference})
            .execution_options(synchronize_session=False)
        )


def _is_in_use(session: Session, person: Person, address: str) -> bool:
    """Whether an account or a row that its person can correct still has the address."""
    return accounts.by_address(session, address) is not None or any(
        inventory.count(session, group, person)
        for group in inventory.groups()
        if isinstance(group.subject, ByEmail)
        and any(is_address(f) and f.declared.correct for f in group.fields)
    )


COMPOSERS = {_MAIL: compose}
