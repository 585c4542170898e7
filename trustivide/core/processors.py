"""Who receives data by name: each host in the settings is tied to a recipient with a country.

The activities declare roles (a hosting provider, a mail provider). Which company
fills one, and where, the operator says in ``PROCESSORS``; production does not
start while a host that receives data belongs to nobody (GDPR Art. 28, 30 and Ch. V).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from trustivide.core.activities import ALL, EEA, HOSTING, JSDELIVR, Recipient
from trustivide.core.text import Text

OWN = "localhost"
"""Stands for the operator's own hosting: loopback, sockets and files."""
_SEEDED = {"cdn.jsdelivr.net": JSDELIVR}


def read(setting: str) -> dict[str, Recipient]:
    """``PROCESSORS`` by host, with what is known without it.

    Raises :class:`ValueError`, with a sentence for the operator, for what can't be read.
    """
    try:
        stated = json.loads(setting or "{}")
        given = {str(host).lower(): _recipient(host, entry) for host, entry in stated.items()}
    except (json.JSONDecodeError, AttributeError):
        raise ValueError(
            'PROCESSORS must be JSON: {"host": {"recipient": …, "name": …, "country": …}}'
        ) from None
    return {OWN: HOSTING, **_SEEDED, **given}


def _recipient(host: str, entry: Any) -> Recipient:
    roles = {r.key: r for activity in ALL for r in activity.declared_recipients}
    if not isinstance(entry, dict) or not {"recipient", "name", "country"} <= set(entry):
        raise ValueError(f"PROCESSORS: {host} needs recipient, name and country")
    role = roles.get(entry["recipient"])
    if role is None:
        raise ValueError(
            f"PROCESSORS: {host} names the unknown recipient {entry['recipient']!r}; "
            f"there are {', '.join(sorted(roles))}"
        )
    name, country, ground = str(entry["name"]), str(entry["country"]).upper(), entry.get("ground")
    if not name.strip() or not re.fullmatch("[A-Z]{2}", country):
        raise ValueError(f"PROCESSORS: {host} needs a name and a country of two letters (ISO 3166)")
    try:
        told = Text(ground["sv"], ground["en"]) if ground else None
    except (KeyError, TypeError, AttributeError, ValueError):
        raise ValueError(f"PROCESSORS: {host} needs its ground in both sv and en") from None
    return replace(role, name=_called(role, name), country=country, ground=told)


def _called(role: Recipient, name: str) -> Text:
    """A processor stands under its role; one that answers for itself under its own name."""
    if not role.processor:
        return Text(name, name)
    return Text(f"{role.name.sv}: {name}", f"{role.name.en}: {name}")


def hosts(address: str) -> Iterator[str]:
    """The hosts that ``address`` reaches; :data:`OWN` for loopback, sockets and files.

    ``address`` is an URL, a path on this site, or a bare host.
    """
    if not address:
        return
    if address.startswith("postgres"):
        yield from (_host(h) for h in _database_hosts(address))
    elif "//" in address:
        yield _host(urlsplit(address).hostname)
    else:
        yield _host(None if address.startswith("/") else address)


def _database_hosts(address: str) -> list[str | None]:
    try:
        url = make_url(address)
    except ArgumentError:
        return [address]  # reaches nobody we know, and so stops the boot
    found: list[str | None] = [url.host] if url.host else []
    for key in ("host", "hostaddr"):
        more = url.query.get(key, ())
        found += [more] if isinstance(more, str) else more
    return [part for h in found for part in (h or "").split(",")] or [None]


def _host(host: str | None) -> str:
    name = (host or "").lower().rstrip(".").strip("[]")
    if not name or name.startswith("/") or name == OWN:
        return OWN
    try:
        return OWN if ip_address(name).is_loopback else name
    except ValueError:
        return name


def problems(addresses: Mapping[str, str], named: Mapping[str, Recipient]) -> list[str]:
    """What keeps production from starting: by setting, each host that nobody answers for."""
    found = []
    for setting, address in addresses.items():
        for host in hosts(address):
            recipient = named.get(host)
            if recipient is None:
                found.append(
                    f"{setting} reaches {host}, which PROCESSORS ties to no recipient and country"
                )
            elif recipient.country not in EEA and recipient.ground is None:
                found.append(
                    f"{setting} reaches {host} in {recipient.country}, outside the EEA, "
                    "and PROCESSORS has no ground for it"
                )
    return found


def in_use(
    addresses: Mapping[str, str], named: Mapping[str, Recipient]
) -> dict[str, list[Recipient]]:
    """By the key of the role, who fills it here: for ``activities.engage``.

    The hosting provider of this machine counts always. A role that no host
    fills keeps its declaration, but for a library that is served from here:
    then nobody else receives anything.
    """
    reached = [OWN, *(host for address in addresses.values() for host in hosts(address))]
    filled: dict[str, list[Recipient]] = {r.key: [] for r in _SEEDED.values()}
    for recipient in dict.fromkeys(named[host] for host in reached if host in named):
        filled.setdefault(recipient.key, []).append(recipient)
    return filled
