"""Dated evidence for what software can't measure: who answers for it, and until when it counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from trustivide.core import inventory
from trustivide.core.activities import Recipient
from trustivide.core.text import Text
from trustivide.privacy.models import Attestation

PHYSICAL_ACCESS, AUTOMATED_DECISIONS = "physical_access", "automated_decisions"
_AGREEMENT = "agreement"
LONGEST = timedelta(days=2 * 365)
"""Evidence older than two years proves little: it must be renewed."""


@dataclass(frozen=True)
class Needed:
    """Something that must be attested: ``subject`` is its key, ``asks`` what to find out."""

    subject: str
    label: Text
    asks: Text

    @property
    def is_agreement(self) -> bool:
        """Whether it is about the agreement with a processor (GDPR Art. 28)."""
        return self.subject.startswith(_AGREEMENT + ":")


@dataclass(frozen=True)
class Evidence:
    """What is needed, and the newest attestation of it if there is one."""

    needed: Needed
    newest: Attestation | None

    def counts_on(self, day: date) -> bool:
        """Whether it is attested, and still counts that day."""
        return self.newest is not None and self.newest.valid_until >= day


def agreement(processor: Recipient) -> str:
    """The subject of a processor's agreement: the company's, since another one has its own."""
    company = f"{processor.name.sv}/{processor.country}"
    return f"{_AGREEMENT}:{processor.key}:{sha256(company.encode()).hexdigest()[:8]}"


def needed() -> list[Needed]:
    """Everything that must be attested, the agreement with each processor included."""
    processors = [r for r in inventory.recipients() if r.processor]
    return [
        Needed(
            PHYSICAL_ACCESS,
            Text("Fysisk åtkomst till datacenter", "Physical access to data centres"),
            Text(
                "Vilka regler gäller för vem som kommer in, och hur har vi förvissat oss om det?",
                "Which rules say who gets in, and how have we made sure of that?",
            ),
        ),
        Needed(
            AUTOMATED_DECISIONS,
            Text("Inga automatiserade beslut", "No automated decisions"),
            Text(
                "Har vi gått igenom att ingen del av tjänsten beslutar om någon (art. 22)?",
                "Have we gone through that no part of the service decides about anybody (Art. 22)?",
            ),
        ),
        *(
            Needed(
                agreement(r),
                Text(
                    f"Biträdesavtal: {r.name.sv}",
                    f"Processing agreement: {r.name.en}",
                ),
                Text(
                    "Vilket avtal gäller (art. 28), med vem, och uppfyller det kraven?",
                    "Which agreement is in force (Art. 28), with whom, and does it meet the rules?",
                ),
            )
            for r in processors
        ),
    ]


def all_evidence(session: Session) -> list[Evidence]:
    """Everything needed, each with its newest attestation, by one query."""
    newest: dict[str, Attestation] = {}
    for attestation in session.scalars(
        select(Attestation).order_by(Attestation.attested_on, Attestation.valid_until)
    ):
        newest[attestation.subject] = attestation
    return [Evidence(each, newest.get(each.subject)) for each in needed()]


def history(session: Session, subject: str) -> Sequence[Attestation]:
    """Every attestation of ``subject``, newest first. None is ever changed."""
    return session.scalars(
        select(Attestation)
        .where(Attestation.subject == subject)
        .order_by(Attestation.attested_on.desc(), Attestation.valid_until.desc())
    ).all()


def attest(
    session: Session,
    subject: str,
    *,
    statement: str,
    owner: str,
    valid_until: date,
    staff_id: UUID,
    today: date,
) -> Attestation:
    """Add evidence of ``subject``; ``owner`` is a role, and what was attested before stays.

    Raises :class:`ValueError` unless ``valid_until`` lies ahead, by at most
    :data:`LONGEST`.
    """
    if not today < valid_until <= today + LONGEST:
        raise ValueError(valid_until)
    attestation = Attestation(
        subject=subject,
        statement=statement,
        owner=owner,
        attested_on=today,
        valid_until=valid_until,
        attested_by_id=staff_id,
    )
    session.add(attestation)
    session.flush()
    return attestation
