"""Receipts of erasure: what was done, signed, and naming nobody."""

import base64
import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from trustivide.core import inventory, tenancy
from trustivide.core.activities import ALL
from trustivide.core.crypto import DecryptionError, normalise_address, ring
from trustivide.core.db import Keep
from trustivide.core.inventory import Group
from trustivide.core.tenancy import Part
from trustivide.core.text import Text
from trustivide.privacy import holds
from trustivide.privacy.models import DELIVERIES, Erasure, RecipientNotice, Request

_SEAL = "erasure-code"
SCHEMA = "trustivide-erasure-receipt/1"

AGGREGATES = Text(
    "Publicerade sammanställningar är oförändrade: de räknades fram ur minst fyra svar och nämner "
    "inga namn eller adresser. Kommentarer som redan visas står kvar.",
    "Published aggregates are unchanged: they were computed from at least four answers and hold "
    "no names or addresses of ours. Comments already shown remain.",
)
BACKUPS = Text(
    "Säkerhetskopior som driften har gjort före raderingen finns kvar tills deras tid går ut.",
    "Backups that the operator made before the erasure remain until their time runs out.",
)
AGGREGATES_GONE = Text(
    "Sammanställda resultat är raderade med organisationen.",
    "Published results are erased with the organisation.",
)
UNCOUNTED = Text(
    "Enskilda svar är raderade. Antalet sägs inte: är de få kan det röja vem som har svarat.",
    "Single answers are erased. Their number is not told: where they are few, it could give away "
    "who answered.",
)
EXPORTS = Text(
    "Filer med dina uppgifter som låg hos oss är raderade. Det du själv laddat ner har du kvar.",
    "Files with your data that lay with us are erased. What you downloaded yourself stays with "
    "you.",
)


def new_code() -> str:
    """A code of 128 random bits in readable groups. Who holds it may see the receipt."""
    plain = base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()
    return "-".join(plain[i : i + 5] for i in range(0, len(plain), 5))


def seal(code: str) -> str:
    """The code for a hidden field: who sends the form twice gets one receipt, and chose no code."""
    return urlsafe_b64encode(ring().seal(code.encode(), _SEAL)).decode()


def unseal(sealed: str | None) -> str | None:
    """The code that :func:`seal` hid; ``None`` for anything else."""
    try:
        return ring().unseal(urlsafe_b64decode(sealed or ""), _SEAL).decode()
    except (ValueError, DecryptionError):
        return None


def code_digests(code: str) -> tuple[bytes, ...]:
    """Under what an erasure with this code may be found; case and dashes mean nothing."""
    return ring().digests(_clean(code), "erasure-receipt")


def _clean(code: str) -> str:
    return "".join(c for c in code.lower() if c.isalnum())


def subject_reference(code: str, name: str) -> str:
    """HMAC-SHA-256 (hex) of the normalised address, or organisation's name, keyed with the code.

    Only who holds the code can recompute it, so the receipt proves to its
    holder whom it is about, and to nobody else.
    """
    message = normalise_address(name).encode()
    return hmac.digest(_clean(code).encode(), message, hashlib.sha256).hex()


def of(session: Session, erasure: Erasure) -> dict[str, Any] | None:
    """The receipt as it stands; ``None`` before there is one.

    While a hold keeps something the receipt is made when it is asked for, and
    stored nowhere: the ground is somebody's words about the person.
    """
    if erasure.state != "held":
        return erasure.receipt
    request = session.get_one(Request, erasure.request_id)
    assert request.completed_at is not None
    return issue(session, erasure, request, request.completed_at)


def issue(session: Session, erasure: Erasure, request: Request, now: datetime) -> dict[str, Any]:
    """The signed receipt of an erasure that became done, or as done as holds let it, at ``now``."""
    counts = erasure.counts or {}
    tables = counts.get("tables", {})
    ends = erasure.organisation_id is not None
    what = "the organisation's name in lower case" if ends else "the address"
    body = {
        "schema": SCHEMA,
        "id": str(erasure.id),
        "request": str(request.id),
        "complete": erasure.state != "held",
        "received_at": request.received_at.isoformat(timespec="seconds"),
        "confirmed_at": erasure.requested_at.isoformat(timespec="seconds"),
        "begun_no_earlier_than": erasure.begins_at.isoformat(timespec="seconds"),
        "due_on": request.due_on.isoformat(),
        "completed_at": now.isoformat(timespec="seconds"),
        "subject": {
            "kind": "organisation" if ends else "person",
            "algorithm": f"HMAC-SHA-256, key: the code without dashes, message: {what}",
            "value": erasure.subject_reference,
        },
        "declarations_sha256": inventory.fingerprint(),
        "tables": tables,
        "stores": counts.get("stores", {}),
        "kept": [*_kept(tables), *_held(session, erasure, tables)],
        "recipients_told": _told(session, request),
        "published_aggregates": _both(AGGREGATES_GONE if ends else AGGREGATES),
        "exports": _both(EXPORTS),
        "backups": _both(BACKUPS),
    }
    if ends:
        body["uncounted"] = {"tables": _uncounted(), **_both(UNCOUNTED)}
    version, signature = ring().sign(canonical(body))
    body["signature"] = {
        "algorithm": "Ed25519",
        "over": "this object without 'signature', as UTF-8 JSON with sorted keys and no blanks",
        "key_version": version,
        "public_key": ring().public_key(version).hex(),
        "value": signature.hex(),
    }
    return body


def _kept(tables: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    kept = []
    for group in inventory.groups():
        if not tables.get(group.name, {}).get("kept"):
            continue
        by_ground: dict[Text, list[str]] = {}
        for item in group.fields:
            if isinstance(item.erase, Keep):
                by_ground.setdefault(item.erase.ground, []).append(item.name)
        kept += [
            {"table": group.name, "columns": columns, "ground": _both(ground)}
            for ground, columns in by_ground.items()
        ]
    return kept


def _uncounted() -> list[str]:
    return [part.name for part in tenancy.parts() if part.author_only]


def _held(
    session: Session, erasure: Erasure, tables: dict[str, dict[str, int]]
) -> list[dict[str, Any]]:
    if erasure.state != "held":
        return []
    keeping = holds.keeping(session, erasure.person)
    return [
        {
            "table": group.name,
            "columns": [f.name for f in group.fields if keeping.leaves(group, f)],
            "ground": _both(kept.ground),
            "until": kept.until.isoformat(),
        }
        for group in inventory.groups()
        if tables.get(group.name, {}).get("held")
        for kept in keeping.of(group)
    ]


def _told(session: Session, request: Request) -> list[dict[str, Any]]:
    rows = session.execute(
        select(RecipientNotice.recipient, RecipientNotice.state, func.count())
        .where(RecipientNotice.request_id == request.id, RecipientNotice.event == "erased")
        .group_by(RecipientNotice.recipient, RecipientNotice.state)
        .order_by(RecipientNotice.recipient, RecipientNotice.state)
    )
    return [{"recipient": key, "state": state, "count": n} for key, state, n in rows]


def _both(text: Text) -> dict[str, str]:
    return {"sv": text.sv, "en": text.en}


def canonical(body: dict[str, Any]) -> bytes:
    """The bytes that are signed: without the signature itself."""
    unsigned = {key: value for key, value in body.items() if key != "signature"}
    return json.dumps(unsigned, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def is_genuine(body: Any) -> bool:
    """Whether this service signed exactly this. Anything that is no receipt is not genuine."""
    try:
        signature = body["signature"]
        version, value = int(signature["key_version"]), bytes.fromhex(signature["value"])
        return body["schema"] == SCHEMA and ring().verify(version, value, canonical(body))
    except (KeyError, TypeError, ValueError, OverflowError):
        return False


def is_genuine_text(text: str) -> bool:
    """The same for a receipt as it was downloaded. Nested without end it is none either."""
    try:
        return is_genuine(json.loads(text))
    except (ValueError, RecursionError):
        return False


@dataclass(frozen=True)
class Line:
    """One row of a receipt as it is read: what it concerns, and what became of it."""

    label: Text
    deleted: int
    blanked: int
    kept: int


@dataclass(frozen=True)
class Remaining:
    """What a receipt says of something kept: what, why, and until when where it has an end."""

    label: Text
    columns: tuple[Text, ...]
    ground: Text
    until: date | None


def lines(body: dict[str, Any]) -> list[Line]:
    """The tables and stores of a receipt, by the names that people read."""
    named: Iterable[Group | Part] = inventory.groups()
    if body["subject"].get("kind") == "organisation":
        named = tenancy.parts()
    labels = {each.name: each.label for each in named}
    stores = {store.key: store.label for store in inventory.registry.stores}
    found = [
        Line(
            labels.get(name, Text(name, name)),
            n["deleted"],
            n["blanked"],
            max(n["kept"], n.get("held", 0)),
        )
        for name, n in body["tables"].items()
    ]
    return found + [
        Line(stores.get(key, Text(key, key)), n, 0, 0) for key, n in body["stores"].items() if n
    ]


def remaining(body: dict[str, Any]) -> list[Remaining]:
    """What a receipt says is kept, by the names that people read."""
    groups = {group.name: group for group in inventory.groups()}
    found = []
    for kept in body["kept"]:
        name, group = kept["table"], groups.get(kept["table"])
        labels = {f.name: f.declared.label for f in group.fields} if group else {}
        found.append(
            Remaining(
                group.label if group else Text(name, name),
                tuple(label for c in kept["columns"] if (label := labels.get(c))),
                Text(**kept["ground"]),
                date.fromisoformat(kept["until"]) if kept.get("until") else None,
            )
        )
    return found


def told(body: dict[str, Any]) -> list[tuple[Text, Text, int]]:
    """Whom a receipt says was told: recipient, how far the notice had come, and how many."""
    names = {r.key: r.name for activity in ALL for r in activity.recipients}
    return [
        (
            names.get(n["recipient"], Text(n["recipient"], n["recipient"])),
            DELIVERIES[n["state"]],
            n["count"],
        )
        for n in body["recipients_told"]
    ]
