"""May this person's data be used for that? Everyone who is about to use data asks here."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.core.activities import (
    PRIVACY_RIGHTS,
    SECURITY,
    SECURITY_LOG,
    Activity,
    LegalBasis,
)
from trustivide.core.subjects import Person
from trustivide.rights import legal_texts
from trustivide.rights.models import (
    ConsentRecord,
    NoticeRecord,
    Objection,
    Restriction,
    Suppression,
)

K = TypeVar("K", bound=Hashable)
WITHIN = "@"
"""Between an activity's key and the id within which alone a no stands."""
EVERYTHING = "all"
RESTRICTED = "restricted:"
"""Prefix of a suppression that stands for a restriction, not for an objection."""
_AT_ONCE = 10_000
NEVER_STOPPED = (PRIVACY_RIGHTS, SECURITY, SECURITY_LOG)
"""Answering a request and protecting the account go on under a restriction:
both happen for the person's own sake, and that of others (GDPR Art. 18(2))."""


def named(activity: Activity, scope: UUID | None) -> str:
    """What a no to ``activity`` is called: to all of it, or within ``scope`` alone.

    A scope is an id that the feature chose which asks: an organisation's, say.
    """
    return activity.key if scope is None else f"{activity.key}{WITHIN}{scope}"


def may_use(
    session: Session, person: Person, activity: Activity, scopes: Sequence[UUID] = ()
) -> bool:
    """Whether ``person``'s data may be used for ``activity`` right now.

    False under a restriction, an objection or a suppression, also one that
    stands within one of ``scopes`` alone, and for a consent activity without a
    standing consent. Read from the database on every call, so that a choice
    acts in the same second.
    """
    if activity in NEVER_STOPPED:
        return True
    if restricted(session, person) & {activity.key, EVERYTHING}:
        return False
    if {named(activity, scope) for scope in (None, *scopes)} & objected(session, person):
        return False
    if activity.legal_basis is LegalBasis.CONSENT:
        return consented(session, person, activity)
    return True


def restricted(session: Session, person: Person) -> frozenset[str]:
    """Keys of the activities under restriction; ``EVERYTHING`` stands for all."""
    own = session.scalars(
        select(Restriction.activity).where(
            Restriction.reference.in_(person.references), Restriction.lifted_at.is_(None)
        )
    )
    return frozenset(own) | frozenset(
        key.removeprefix(RESTRICTED)
        for key in _suppressed(session, person)
        if key.startswith(RESTRICTED)
    )


def objected(session: Session, person: Person) -> frozenset[str]:
    """Keys of the activities that the person objects to, or an address of theirs once did."""
    own = session.scalars(
        select(Objection.activity).where(
            Objection.reference.in_(person.references), Objection.lifted_at.is_(None)
        )
    )
    return frozenset(own) | frozenset(
        key for key in _suppressed(session, person) if not key.startswith(RESTRICTED)
    )


def _suppressed(session: Session, person: Person) -> frozenset[str]:
    return frozenset(
        session.scalars(
            select(Suppression.activity).where(Suppression.digest.in_(person.address_digests))
        )
    )


def consented(session: Session, person: Person, activity: Activity) -> bool:
    """Whether the newest consent record says "given", to the text that asks today.

    A yes to an older text is a yes to something else: a changed text asks again.
    """
    return consent_state(consent_history(session, person, activity), activity) == "given"


def consent_state(history: Sequence[ConsentRecord], activity: Activity) -> str:
    """What ``history``, newest first, comes to today.

    "none" before any answer, "given", "refused", "withdrawn", or "outdated": a
    yes to a text that has changed since.
    """
    if not history:
        return "none"
    assert activity.consent_text is not None
    newest = history[0]
    current = legal_texts.versions(activity.consent_text)[-1]
    return "outdated" if newest.event == "given" and newest.version != current else newest.event


def consent_history(
    session: Session, person: Person, activity: Activity
) -> Sequence[ConsentRecord]:
    """Every choice made about the activity, newest first."""
    return session.scalars(
        select(ConsentRecord)
        .where(
            ConsentRecord.reference.in_(person.references), ConsentRecord.activity == activity.key
        )
        .order_by(ConsentRecord.at.desc())
    ).all()


def informed_of(session: Session, person: Person, notice: str) -> int | None:
    """The newest version of ``notice`` that the person was informed of."""
    return session.scalar(
        select(NoticeRecord.version)
        .where(NoticeRecord.reference.in_(person.references), NoticeRecord.notice == notice)
        .order_by(NoticeRecord.version.desc())
        .limit(1)
    )


def was_informed(
    session: Session, person: Person, notice: str, version: int, how: Sequence[str]
) -> bool:
    """Whether the person was informed of this version of ``notice`` in one of these ways."""
    found = session.scalar(
        select(NoticeRecord.id)
        .where(
            NoticeRecord.reference.in_(person.references),
            NoticeRecord.notice == notice,
            NoticeRecord.version == version,
            NoticeRecord.how.in_(how),
        )
        .limit(1)
    )
    return found is not None


def refusing(
    session: Session, addresses: Sequence[str], activity: Activity, scopes: Sequence[UUID] = ()
) -> frozenset[str]:
    """Which of the addresses have said no to ``activity``: :func:`refusers` by address."""
    return refusers(session, {a: Person.of(None, a) for a in addresses}, activity, scopes)


def refusers(
    session: Session,
    people: Mapping[K, Person],
    activity: Activity,
    scopes: Sequence[UUID] = (),
) -> frozenset[K]:
    """The keys of those who have said no to ``activity``, in a few queries for any number.

    The batch form of :func:`may_use`, for activities that need no consent.
    """
    names = [named(activity, scope) for scope in (None, *scopes)]
    owners = {digest: key for key, person in people.items() for digest in person.references}
    standing: set[bytes] = set()
    for batch in _batches(list(owners)):
        for model in (Objection, Restriction):
            standing |= set(
                session.scalars(
                    select(model.reference).where(
                        model.reference.in_(batch),
                        model.lifted_at.is_(None),
                        model.activity.in_((*names, EVERYTHING)),
                    )
                )
            )
        standing |= set(
            session.scalars(
                select(Suppression.digest).where(
                    Suppression.digest.in_(batch),
                    Suppression.activity.in_(
                        (*names, RESTRICTED + activity.key, RESTRICTED + EVERYTHING)
                    ),
                )
            )
        )
    return frozenset(owners[digest] for digest in standing)


def _batches(digests: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Databases take only so many parameters in one statement."""
    for start in range(0, len(digests), _AT_ONCE):
        yield digests[start : start + _AT_ONCE]
