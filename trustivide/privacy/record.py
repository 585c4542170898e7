"""The record of processing (GDPR Art. 30), with the evidence and assessments beside it."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session

from trustivide.core import inventory
from trustivide.core.activities import ALL, BY_KEY, Activity, Recipient
from trustivide.core.text import Text
from trustivide.privacy import evidence
from trustivide.privacy.models import Attestation
from trustivide.rights import legal_texts
from trustivide.rights.legal_texts import LegalText

BALANCING, DPIA = "balancing", "dpia"
"""The two kinds of assessment; an activity's is the legal text ``<kind>-<key>``."""

CONTROLLER = "Trustivide AB"
CUSTOMERS = Text(
    "Varje organisation som frågar sitt team; deras namn står i kundregistret och lämnas till "
    "tillsynsmyndigheten",
    "Each organisation that asks its team; their names are in the customer register and are given "
    "to the supervisory authority",
)
MEASURES = Text(
    "Krypterad trafik (TLS). Namn, adresser, telefonnummer, organisationsnummer, sökord och "
    "enkätsvar krypterade i databasen. Lösenord lagras så att de inte går att läsa tillbaka. "
    "Personalen loggar in med två steg, och varje öppnat konto loggas med skäl som personen ser. "
    "Enkätsvar utan namn, adress och tid. Gallring varje natt. Mer i integritetspolicyn, punkt 6.",
    "Encrypted traffic (TLS). Names, addresses, phone numbers, registration numbers, search words "
    "and survey answers encrypted in the database. Passwords stored so that they can't be read "
    "back. Staff sign in with two steps, and each account opened is logged with a reason that the "
    "person sees. Survey answers without name, address or time. What is due goes every night. "
    "More in section 6 of the privacy policy.",
)


def assessment(kind: str, activity: Activity, language: str) -> LegalText | None:
    """The newest balancing test or DPIA note of ``activity``, or ``None`` if it has none."""
    key = f"{kind}-{activity.key}"
    return legal_texts.current(key, language) if legal_texts.versions(key) else None


def review_by(text: LegalText) -> date:
    """When an assessment must have been made again: a year after its day, at the latest."""
    return text.valid_from + timedelta(days=365)


def assessed(kind: str) -> list[Activity]:
    """The activities that have an assessment of this kind, in the order of the record."""
    return [a for a in ALL if legal_texts.versions(f"{kind}-{a.key}")]


def is_balanced(activity: Activity) -> bool:
    """Whether an interest was weighed against people's own, and can be read."""
    return activity in assessed(BALANCING)


def document(language: str, contact: str) -> dict[str, Any]:
    """The whole record in words, in ``language``, for JSON: no date, so that a change is a diff.

    The contents that Art. 30(1) and (2) ask for; the columns stand with each activity.
    """
    entries = inventory.describe_record(language)
    for entry in entries:
        activity = BY_KEY[entry["key"]]
        entry["facts"] = dict(entry["facts"])
        entry["assessments"] = {
            kind: f"/privacy/{kind}/{activity.key}"
            for kind in (BALANCING, DPIA)
            if activity in assessed(kind)
        }
    return {
        "language": language,
        "controller": {"name": CONTROLLER, "contact": contact},
        "processor_for": CUSTOMERS.in_(language),
        "measures": MEASURES.in_(language),
        "activities": entries,
        "recipients": [inventory.describe_recipient(r, language) for r in inventory.recipients()],
    }


def as_csv(record: Mapping[str, Any]) -> str:
    """One row per activity (RFC 4180, UTF-8 with a mark, since spreadsheets need it)."""
    entries = record["activities"]
    terms = list(dict.fromkeys(term for entry in entries for term in entry["facts"]))
    buffer = io.StringIO()
    buffer.write("\ufeff")
    writer = csv.writer(buffer)
    writer.writerow(["key", "name", *terms, "tables", *(BALANCING, DPIA)])
    for entry in entries:
        writer.writerow(
            [
                entry["key"],
                entry["name"],
                *(entry["facts"].get(term, "") for term in terms),
                "; ".join(f"{table}: {', '.join(c)}" for table, c in entry["tables"].items()),
                *(entry["assessments"].get(kind, "") for kind in (BALANCING, DPIA)),
            ]
        )
    return buffer.getvalue()


@dataclass(frozen=True)
class Entry:
    """One activity as its page shows it: facts in words, and fields by the tables they stand in."""

    activity: Activity
    facts: Sequence[tuple[str, str]]
    fields: Mapping[str, Sequence[str]]
    dpia: bool
    balancing: bool


def entries(language: str) -> list[Entry]:
    """The record for people: fields by the words that the person reads."""
    fields: dict[str, dict[str, list[str]]] = {a.key: {} for a in ALL}
    for group in inventory.groups():
        for item in group.fields:
            if item.declared.label is not None:
                held = fields[item.activity.key].setdefault(group.label.in_(language), [])
                held.append(item.declared.label.in_(language))
    return [
        Entry(
            activity=(activity := BY_KEY[described["key"]]),
            facts=described["facts"],
            fields=fields[activity.key],
            dpia=activity in assessed(DPIA),
            balancing=activity in assessed(BALANCING),
        )
        for described in inventory.describe_record(language)
    ]


@dataclass(frozen=True)
class Processor:
    """A recipient, what it is needed for, and the newest evidence of its agreement."""

    recipient: Recipient
    activities: Sequence[Activity]
    agreement: Attestation | None
    expired: bool


def processors(session: Session, today: date) -> list[Processor]:
    """Every recipient. An agreement is what staff attested last, and nothing is assumed."""
    newest = {e.needed.subject: e.newest for e in evidence.all_evidence(session)}
    found = []
    for recipient in inventory.recipients():
        agreement = newest.get(evidence.agreement(recipient))
        found.append(
            Processor(
                recipient,
                [a for a in ALL if recipient in a.recipients],
                agreement,
                agreement is not None and agreement.valid_until < today,
            )
        )
    return found
