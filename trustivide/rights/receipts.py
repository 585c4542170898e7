"""A consent as a record to keep: fields of ISO/IEC TS 27560:2023, each named in the schema.

Three parts: ``header`` (which record, whose), ``processing`` (what the person
was told about it, as it was declared that day) and ``event`` (what they chose,
and how). No IP address is among them, since none is kept.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from trustivide.core.activities import Activity
from trustivide.rights.models import ConsentRecord

_SCHEMA = Path(__file__).parent / "consent-receipt-1.schema.json"
_CONTROLLER = {"name": "Trustivide AB", "country": "SE", "contact": "contact@trustivide.com"}
_WITHDRAW = "/privacy/choices"


def declared(activity: Activity, language: str) -> dict[str, Any]:
    """What is said about the processing today, in ``language``, to be kept with a choice."""
    assert activity.legal_basis is not None
    assert activity.retention is not None
    return {
        "activity": activity.key,
        "purpose": activity.purpose.in_(language),
        "legal_basis": activity.legal_basis.value.in_(language),
        "data_types": activity.categories.in_(language),
        "controller": _CONTROLLER,
        "storage_locations": sorted({r.country for r in activity.recipients if r.in_place}),
        "retention": activity.retention.text.in_(language),
        "recipients": [
            {
                "name": r.name.in_(language),
                "country": r.country,
                "role": "processor" if r.processor else "controller",
            }
            for r in activity.recipients
        ],
        "how_to_withdraw": _WITHDRAW,
        "jurisdiction": "SE",
    }


def receipt(record: ConsentRecord) -> dict[str, Any]:
    """The record as JSON values, after :func:`schema`.

    Records from before the declaration was kept say ``"declared": null``
    rather than what holds today.
    """
    return {
        "schema": "trustivide-consent-receipt/1",
        "header": {
            "schema_version": record.schema_version,
            "record_id": str(record.id),
            "subject_reference": record.reference.hex(),
        },
        "processing": {
            "notice": {"id": record.notice, "version": record.version, "sha256": record.text_hash},
            "language": record.language,
            "declared": record.processing,
        },
        "event": {
            "time": record.at.isoformat(),
            "state": record.event,
            "explicit": True,
            "collected_by": record.collected_by,
            "wording": record.wording,
            "default_state": record.default_state,
            "gpc_seen": record.gpc_seen,
            "previous_record_id": str(record.previous_id) if record.previous_id else None,
        },
    }


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a receipt."""
    read: dict[str, Any] = json.loads(_SCHEMA.read_text())
    return read
