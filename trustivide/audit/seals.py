"""What makes entries a chain: each seal is a keyed digest over the entry and the seal before."""

import json
from datetime import UTC, datetime

from trustivide.audit.models import AuditEntry
from trustivide.core.crypto import ring

_PURPOSE = "audit"


def seal(entry: AuditEntry, before: bytes) -> bytes:
    """The seal of an entry that follows the one sealed ``before``, under the current key."""
    return ring().digest(_said(entry, before), _PURPOSE)


def is_sealed(entry: AuditEntry, before: bytes) -> bool:
    """Whether the entry and the seal before it are those that were sealed, under any key."""
    return entry.seal in ring().digests(_said(entry, before), _PURPOSE)


def _said(entry: AuditEntry, before: bytes) -> bytes:
    every = (entry.id, entry.actor_id, entry.about_id, entry.thing_id)
    ids = [str(x) if x else "" for x in every]
    said = [entry.number, in_utc(entry.at), entry.event, *ids, entry.detail, before.hex()]
    return json.dumps(said).encode()


def in_utc(moment: datetime) -> str:
    """The moment as ISO 8601 with an offset of zero, the same before and after it was stored."""
    return moment.astimezone(UTC).isoformat()
