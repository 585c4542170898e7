"""Making a choice: each writes the ledger's intent first where a restore could undo it."""

from datetime import datetime

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
from trustivide.rights.queries import EVERYTHING, RESTRICTED, consent_history


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

    The control is always offered unticked. A withdrawal reaches the ledger first.
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
        previous_id=history[0].id if history else None,
    )
    session.add(record)
    session.flush()
    return record


def forget_choices(session: Session, person: Person) -> None:
    """Delete what was noted for an account that nobody had confirmed: it proved nobody's choice."""
    for model in (ConsentRecord, NoticeRecord, Objection, Restriction):
        session.execute(delete(model).where(model.reference.in_(person.references)))


def object_to(session: Session, person: Person, activity: Activity, now: datetime) -> None:
    """Stop ``activity`` for this person from now on, for known addresses also after an erasure."""
    ledger().append("objection", person.reference, day_of(now), {"activity": activity.key})
    session.add(Objection(reference=person.reference, activity=activity.key, at=now))
    _suppress(session, person, activity.key)


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


def withdraw_objection(session: Session, person: Person, activity: Activity, now: datetime) -> None:
    """The person takes the objection back: the activity may go on."""
    ledger().append("objection-lifted", person.reference, day_of(now), {"activity": activity.key})
    for objection in session.scalars(
        select(Objection).where(
            Objection.reference.in_(person.references),
            Objection.activity == activity.key,
            Objection.lifted_at.is_(None),
        )
    ):
        objection.lifted_at = now
    _unsuppress(session, person, activity.key)


def restrict(
    session: Session, person: Person, now: datetime, activity: Activity | None = None
) -> None:
    """Store but don't use, for one activity or for all.

    Like an objection it stands for the addresses too: whoever is about to send
    mail knows an address, not an account.
    """
    name = activity.key if activity else EVERYTHING
    ledger().append("restriction", person.reference, day_of(now), {"activity": name})
    session.add(Restriction(reference=person.reference, activity=name, at=now))
    _suppress(session, person, RESTRICTED + name)


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
