"""Who may do what: the one matrix, for customers' people and for our own staff.

Routes name a permission, never a role (``@member("teams.manage")``,
``@staff("people.open")``), and pages show only what the reader may do. A
permission that doesn't stand here does not boot.
"""

from collections.abc import Mapping

from trustivide.core.text import Text

CUSTOMER_ROLES: Mapping[str, Text] = {
    "member": Text("Medlem", "Member"),
    "leader": Text("Teamledare", "Team leader"),
    "admin": Text("Administratör", "Administrator"),
    "owner": Text("Ägare", "Owner"),
}
"""From the least to the most; each may all that the one before may."""

STAFF_ROLES: Mapping[str, Text] = {
    "support": Text("Support", "Support"),
    "content": Text("Innehåll", "Content"),
    "privacy": Text("Dataskydd", "Privacy officer"),
    "finance": Text("Ekonomi", "Finance"),
    "owner": Text("Ägare", "Owner"),
}

_LEADERS = frozenset({"leader", "admin", "owner"})
_ADMINS = frozenset({"admin", "owner"})

CUSTOMER: Mapping[str, frozenset[str]] = {
    "workshops.use": frozenset(CUSTOMER_ROLES),
    "teams.manage": _LEADERS,
    "surveys.manage": _LEADERS,
    "colleagues.manage": _ADMINS,
    "organisation.own": frozenset({"owner"}),
}

CUSTOMER_WORDS: Mapping[str, Text] = {
    "workshops.use": Text("använda workshopparna", "use the workshops"),
    "teams.manage": Text(
        "skapa team och sköta vilka som är med", "create teams and manage who is in them"
    ),
    "surveys.manage": Text("skicka enkäter och se resultaten", "send surveys and see the results"),
    "colleagues.manage": Text(
        "bjuda in kollegor, ändra deras roller och ta bort dem",
        "invite colleagues, change their roles and remove them",
    ),
    "organisation.own": Text(
        "ladda ner allt, avsluta avtalet, kräva tvåstegsinloggning och utse ägare",
        "download everything, end the agreement, require two-step sign-in and appoint owners",
    ),
}
"""What each permission lets somebody do, as the pages say it."""

STAFF: Mapping[str, frozenset[str]] = {
    "office.open": frozenset(STAFF_ROLES),
    "customers.read": frozenset({"support", "privacy", "finance", "owner"}),
    "people.open": frozenset({"support", "privacy", "owner"}),
    "requests.handle": frozenset({"support", "privacy", "owner"}),
    "catalogue.manage": frozenset({"content", "owner"}),
    "usage.read": frozenset({"content", "privacy", "owner"}),
    "holds.manage": frozenset({"privacy", "owner"}),
    "retention.read": frozenset({"privacy", "owner"}),
    "evidence.attest": frozenset({"privacy", "owner"}),
    "looks.report": frozenset({"privacy", "owner"}),
    "audit.read": frozenset({"privacy", "owner"}),
    "staff.manage": frozenset({"owner"}),
}

STAFF_LABELS: Mapping[str, Text] = {
    "office.open": Text("Komma in på kontoret", "Enter the office"),
    "customers.read": Text("Se kunder, utan namn på personer", "See customers, without names"),
    "people.open": Text(
        "Öppna en persons uppgifter, med ett skäl som personen läser",
        "Open a person's data, for a reason that the person reads",
    ),
    "requests.handle": Text("Svara på begäranden", "Answer privacy requests"),
    "catalogue.manage": Text("Sköta workshoppar", "Look after the workshops"),
    "usage.read": Text("Se hur mycket tjänsten används", "See how much the service is used"),
    "holds.manage": Text("Bevara uppgifter för rättsliga anspråk", "Keep data for legal claims"),
    "retention.read": Text("Se vad som gallras", "See what retention lets go"),
    "evidence.attest": Text("Intyga det som inte går att mäta", "Attest what can't be measured"),
    "looks.report": Text(
        "Läsa vem av oss som öppnat uppgifter", "Read who of us opened people's data"
    ),
    "audit.read": Text("Läsa säkerhetsloggen", "Read the security log"),
    "staff.manage": Text("Ge och ta roller på kontoret", "Give and take roles in the office"),
}
"""Each permission of :data:`STAFF` in plain words."""


def customer_may(role: str, permission: str) -> bool:
    """Whether a customer's person with ``role`` may; :class:`KeyError` for no such permission."""
    return role in CUSTOMER[permission]


def staff_may(role: str | None, permission: str) -> bool:
    """Whether a colleague with ``role`` may; :class:`KeyError` for no such permission."""
    return role in STAFF[permission]


def may_give(own: str | None, role: str) -> bool:
    """Whether a customer's person with the role ``own`` may give ``role``, or take it.

    They must manage colleagues, and nobody reaches above their own role.
    """
    if role not in CUSTOMER_ROLES or own is None or not customer_may(own, "colleagues.manage"):
        return False
    order = list(CUSTOMER_ROLES)
    return order.index(role) <= order.index(own)


def givable(own: str) -> tuple[str, ...]:
    """The roles that somebody with the role ``own`` may give, from the least to the most."""
    return tuple(role for role in CUSTOMER_ROLES if may_give(own, role))


def allowed(role: str) -> tuple[str, ...]:
    """The permissions that a customer's person with ``role`` has."""
    return tuple(permission for permission in CUSTOMER if customer_may(role, permission))
