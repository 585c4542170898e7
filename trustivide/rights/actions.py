"""Making a choice: each writes the ledger's intent first where a restore could undo it."""

from datetime import datetime
from uuid import UUID

from blinker import Signal
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from trustivide.core.activities import Activity
from trustivide.core.clock import day_of
from trustivide.core.crypto import ring
from trustivide.core.subjects import Person
from trustivide.rights.ledger import ledger
from trustivide.rights.legal_texts import LegalText
from trustivide.rights.models import (
    ConsentRecord,
    NoticeRecord,
    Objection,
    Restriction,
    Suppression,
)
from trustivide.rights.queries import (
    EVERYTHING,
    RESTRICTED,
    consent_history,
    named,
    objected,
    restricted,
)
from trustivide.rights.receipts import declared

objected_to = Signal(
    "Somebody objects to an activity from now on; the sender is the Person, sent with session=, "
    "activity= (its name, with the scope if there is one) and now=."
)

_NO: dict[type[Objection] | type[Restriction], tuple[str, str]] = {
    Objection: ("objection", ""),
    Restriction: ("restriction", RESTRICTED),
}
"""What the ledger calls each kind of no, and the prefix of its suppression."""


def inform(
    session: Session, person: Person, text: LegalText, now: datetime, *, how: str
) -> NoticeRecord:
    """Record that the person was shown ``text``; this is never a consent.

    ``how`` says where: "registration", "sign_in" or "mail".
    """
    record = NoticeRecord(
        reference=person.reference,
        notice=text.key,
        version=text.version,
        language=text.language,
        text_hash=text.sha256,
        at=now,
        how=how,
    )
    session.add(record)
    session.flush()
    return record


def choose(
    session: Session,
    person: Person,
    activity: Activity,
    event: str,
    text: LegalText,
    now: datetime,
    *,
    collected_by: str,
    gpc_seen: bool = False,
) -> ConsentRecord:
    """Record a consent "given", "refused" or "withdrawn" under the shown ``text``.

    The control is always offered unticked. What is declared about the processing today
    is kept with it. A withdrawal reaches the ledger first.
    """
    if event not in {"given", "refused", "withdrawn"}:
        raise ValueError(event)
    if event == "withdrawn":
        ledger().append(
            "consent-withdrawn", person.reference, day_of(now), {"activity": activity.key}
        )
    history = consent_history(session, person, activity)
    record = ConsentRecord(
        reference=person.reference,
        activity=activity.key,
        event=event,
        at=now,
        notice=text.key,
        version=text.version,
        text_hash=text.sha256,
        language=text.language,
        collected_by=collected_by,
        wording=text.body,
        default_state="off",
        gpc_seen=gpc_seen,
        processing=declared(activity, text.language),
        previous_id=history[0].id if history else None,
    )
    session.add(record)
    session.flush()
    return record


def forget_choices(session: Session, person: Person) -> None:
    """Delete what was noted for an account that nobody had confirmed: it proved nobody's choice."""
    for model in (ConsentRecord, NoticeRecord, Objection, Restriction):
        session.execute(delete(model).where(model.reference.in_(person.references)))


def object_to(
    session: Session,
    person: Person,
    activity: Activity,
    now: datetime,
    scope: UUID | None = None,
) -> None:
    """Stop ``activity`` for this person from now on, for known addresses also after an erasure.

    With ``scope`` within that alone; see :func:`~trustivide.rights.queries.named`.
    """
    _refuse(session, person, Objection, named(activity, scope), now)


def _refuse(
    session: Session,
    person: Person,
    kind: type[Objection] | type[Restriction],
    name: str,
    now: datetime,
) -> None:
    """Write down a no, unless it stands already, and let it stand for the addresses too."""
    effect, prefix = _NO[kind]
    ledger().append(effect, person.reference, day_of(now), {"activity": name})
    standing = session.scalar(
        select(kind.id).where(
            kind.reference.in_(person.references), kind.activity == name, kind.lifted_at.is_(None)
        )
    )
    if standing is None:
        session.add(kind(reference=person.reference, activity=name, at=now))
    _suppress(session, person, prefix + name)
    if kind is Objection:
        objected_to.send(person, session=session, activity=name, now=now)


def carry_over(session: Session, before: Person, after: Person, now: datetime) -> None:
    """Let every no that stands for ``before`` stand for ``after`` too: an address was corrected.

    A no also stays where it was, since other rows may still hold the address
    from before. A yes is never carried: it was given for what was known then.
    """
    for kind, names in (
        (Objection, objected(session, before)),
        (Restriction, restricted(session, before)),
    ):
        for name in sorted(names):
            _refuse(session, after, kind, name, now)


def _suppress(session: Session, person: Person, name: str) -> None:
    """Let a no stand for the person's addresses, whoever asks and also after an erasure."""
    for address in person.addresses:
        known = session.scalar(
            select(Suppression.id).where(
                Suppression.digest.in_(ring().digests(address)), Suppression.activity == name
            )
        )
        if known is None:
            session.add(Suppression(digest=ring().digest(address), activity=name))
    session.flush()


def _unsuppress(session: Session, person: Person, name: str) -> None:
    for suppression in session.scalars(
        select(Suppression).where(
            Suppression.digest.in_(person.address_digests), Suppression.activity == name
        )
    ).all():
        session.delete(suppression)
    session.flush()


def withdraw_objection(
    session: Session,
    person: Person,
    activity: Activity,
    now: datetime,
    scope: UUID | None = None,
) -> None:
    """The person takes the objection back: the activity may go on."""
    name = named(activity, scope)
    ledger().append("objection-lifted", person.reference, day_of(now), {"activity": name})
    for objection in session.scalars(
        select(Objection).where(
            Objection.reference.in_(person.references),
            Objection.activity == name,
            Objection.lifted_at.is_(None),
        )
    ):
        objection.lifted_at = now
    _unsuppress(session, person, name)


def restrict(
    session: Session, person: Person, now: datetime, activity: Activity | None = None
) -> None:
    """Store but don't use, for one activity or for all.

    Like an objection it stands for the addresses too: whoever is about to send
    mail knows an address, not an account.
    """
    name = activity.key if activity else EVERYTHING
    _refuse(session, person, Restriction, name, now)


def lift_restriction(
    session: Session, person: Person, now: datetime, activity: Activity | None = None
) -> None:
    """End a restriction that :func:`restrict` began."""
    name = activity.key if activity else EVERYTHING
    ledger().append("restriction-lifted", person.reference, day_of(now), {"activity": name})
    for restriction in session.scalars(
        select(Restriction).where(
            Restriction.reference.in_(person.references),
            Restriction.activity == name,
            Restriction.lifted_at.is_(None),
        )
    ):
        restriction.lifted_at = now
    _unsuppress(session, person, RESTRICTED + name)
