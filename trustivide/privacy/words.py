"""Stored values as a person reads them."""

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import gettext as _

from trustivide.audit.events import EVENTS
from trustivide.core import inventory
from trustivide.core.activities import BY_KEY, Activity
from trustivide.core.inventory import Field
from trustivide.core.roles import CUSTOMER_ROLES, STAFF_ROLES
from trustivide.core.text import Text
from trustivide.privacy.answers import GROUNDS
from trustivide.privacy.models import CHANNELS, DELIVERIES, IDENTITIES, KINDS, STATES
from trustivide.rights.queries import EVERYTHING, RESTRICTED, WITHIN
from trustivide.web.locale import day, language, moment

more: dict[str, Mapping[str, Text]] = {}
"""Codes of features, by column name. Filled by create_app."""

# Codes by column name: what a person typed is never taken for one.
_CODES: dict[str, dict[str, Text]] = {
    "role": dict(CUSTOMER_ROLES),
    "event": {
        "given": Text("Ja", "Yes"),
        "refused": Text("Nej", "No"),
        "withdrawn": Text("Återtaget", "Withdrawn"),
        "corrected": Text("Rättelse", "Correction"),
        "erased": Text("Radering", "Erasure"),
        "restricted": Text("Begränsning", "Restriction"),
        "lifted": Text("Begränsningen upphävd", "Restriction lifted"),
    }
    | dict(EVENTS),
    "staff_role": dict(STAFF_ROLES),
    "state": STATES
    | DELIVERIES
    | {
        "held": Text("Raderat, utom det som en spärr bevarar", "Erased, but for what a hold keeps"),
        "cooling": Text("Väntar, kan ångras", "Waiting, can be undone"),
        "queued": Text("Står på tur", "Queued"),
        "rows": Text("Pågår", "Under way"),
        "compacting": Text("Pågår", "Under way"),
        "running": Text("Görs i ordning", "Being made"),
        "ready": Text("Klar att hämta", "Ready"),
        "failed": Text("Misslyckades", "Failed"),
    },
    "kind": KINDS,
    "channel": CHANNELS,
    "identity": IDENTITIES,
    "ground": {key: ground.whole for key, ground in GROUNDS.items()},
    "how": {
        "registration": Text("Registreringen", "Registration"),
        "sign_in": Text("Inloggningen", "Sign-in"),
        "mail": Text("Mejl", "Mail"),
    },
    "locale": {"sv": Text("Svenska", "Swedish"), "en": Text("Engelska", "English")},
    "language": {"sv": Text("Svenska", "Swedish"), "en": Text("Engelska", "English")},
    "default_state": {"off": Text("Av", "Off")},
    "purpose": {
        "confirm": Text("Bekräfta adress", "Confirm address"),
        "reset": Text("Välja nytt lösenord", "Choose a new password"),
    },
    "collected_by": {
        "registration": Text("Registreringen", "Registration"),
        "privacy_centre": Text("Integritetscentret", "The privacy centre"),
        "unsubscribe": Text("Länken i ett mejl", "The link in a mail"),
    },
    "notice": {
        "privacy-notice": Text("Integritetsinformation", "Privacy notice"),
        "privacy-policy": Text("Integritetspolicy", "Privacy policy"),
        "survey-notice": Text("Information om enkäten", "Survey notice"),
        "marketing": Text("Nyheter per e-post", "News by e-mail"),
        "marketing-phone": Text("Nyheter per telefon", "News by phone"),
    },
}


def show(field: Field, value: Any) -> str:
    """The value in words, in the current language; every character of a text survives."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return _("Ja") if value else _("Nej")
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return day(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, indent=1)
    text = str(value)
    return _activity(text) if field.name == "activity" else code(field.name, text)


def code(column: str, value: str) -> str:
    """A code in words; anything that is none as it stands."""
    if column == "recipient":
        return recipient(value)
    known = _CODES.get(column, {}).get(value) or more.get(column, {}).get(value)
    return known.in_(language()) if known else value


def recipient(key: str) -> str:
    """A recipient's name; its key where the record of processing no longer has it."""
    names = {r.key: r.name for r in inventory.recipients()}
    return names[key].in_(language()) if key in names else key


def _activity(key: str) -> str:
    if key.startswith(RESTRICTED):
        return _("Begränsning: %(name)s", name=_activity(key.removeprefix(RESTRICTED)))
    if key == EVERYTHING:
        return _("Allt")
    if WITHIN in key:
        whole = _activity(key.partition(WITHIN)[0])
        return _("%(name)s, från en avsändare eller i en serie", name=whole)
    return BY_KEY[key].name.in_(language()) if key in BY_KEY else key


def until(goes: tuple[date, date] | None, activity: Activity) -> str:
    """Until when something is kept: in days where a date ends it, else the event."""
    if goes is None:
        return activity.retention.text.in_(language()) if activity.retention else ""
    first, last = goes
    if last - first <= timedelta(days=1):
        return _("Raderas senast %(day)s", day=day(last))
    return _("Raderas tidigast %(first)s, allt senast %(last)s", first=day(first), last=day(last))
