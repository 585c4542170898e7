"""What is counted: the kinds of pages and functions, and which routes belong to each.

Every route of an area belongs to a kind: the one that names it, else the first of its
area. So a new page is counted from its first day, and a new area without kinds, that
isn't among what is :data:`NEVER_COUNTED`, does not boot. A use is of one kind alone, so
that no figure is a part or the sum of others.

A key stands in rows: it never changes, and stays here until they are gone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trustivide.core.errors import BootError
from trustivide.core.text import Text


@dataclass(frozen=True)
class Kind:
    """A kind of page or function; ``routes`` are names of endpoints, without their area."""

    key: str
    name: Text
    routes: tuple[str, ...] = ()


AREAS: Mapping[str, tuple[Kind, ...]] = {
    "teams": (
        Kind("teams", Text("Se och sköta team", "Seeing and managing teams")),
        Kind(
            "teams.members",
            Text("Lägga till och ändra medlemmar", "Adding and changing members"),
            (
                "add",
                "add_from_file",
                "edit",
                "member_file",
                "member_template",
                "preview",
                "remove",
                "undo",
            ),
        ),
    ),
    "surveys": (
        Kind("surveys", Text("Följa enkäter", "Following surveys")),
        Kind(
            "surveys.sending",
            Text("Planera och skicka enkäter", "Planning and sending surveys"),
            (
                "new",
                "preview",
                "launch",
                "test_mails",
                "plan",
                "round",
                "invite",
                "reminders",
                "send_again",
                "questions",
            ),
        ),
        Kind(
            "surveys.results",
            Text("Läsa resultat", "Reading results"),
            ("round_results", "result_file", "result_report"),
        ),
        Kind(
            "surveys.following_up",
            Text("Följa upp resultat", "Following up results"),
            (
                "note",
                "agree",
                "edit_agreed",
                "agreed_done",
                "agreed_removal",
                "share",
                "stop_sharing",
            ),
        ),
        Kind(
            "surveys.instruments",
            Text("Frågeformulär", "Questionnaires"),
            (
                "instruments",
                "instrument",
                "instrument_archive",
                "instrument_dimension",
                "instrument_file",
                "instrument_heading",
                "instrument_import",
                "instrument_item",
                "instrument_order",
                "instrument_preview",
                "instrument_removal",
                "instrument_section",
                "instrument_version",
                "built_in",
                "built_in_file",
                "built_in_preview",
                "copy_built_in",
                "copy_instrument",
                "new_dimension",
                "new_instrument",
                "new_item",
                "new_section",
                "new_version",
                "part_removal",
            ),
        ),
    ),
    "workshops": (
        Kind("workshops", Text("Bläddra bland workshoppar", "Browsing the workshops")),
        Kind("workshops.found", Text("Sökningar med träffar", "Searches that found something")),
        Kind("workshops.nothing_found", Text("Sökningar utan träff", "Searches without result")),
        Kind("workshops.views", Text("Läsa en workshop", "Reading a workshop"), ("show",)),
        Kind(
            "workshops.downloads", Text("Ladda ner en guide", "Downloading a guide"), ("downloads",)
        ),
        Kind("workshops.saving", Text("Spara en workshop", "Saving a workshop"), ("favourite",)),
        Kind(
            "workshops.planning",
            Text("Planera en workshop", "Planning a workshop"),
            ("planning", "session_planning", "session_cancellation", "session_invitations"),
        ),
        Kind(
            "workshops.following_up",
            Text("Följa upp workshoppar", "Following up workshops"),
            (
                "sessions",
                "session",
                "session_guide",
                "session_run",
                "session_run_removal",
                "session_actions",
                "session_action",
                "session_action_done",
                "session_action_removal",
            ),
        ),
    ),
    "organisations": (
        Kind("organisations", Text("Sköta organisationen", "Managing the organisation")),
    ),
}
"""By blueprint. The staff page shows them in this order."""

NEVER_COUNTED: Mapping[str, str] = {
    "auth": "whether and how somebody signs in stands in their own list, and serves security",
    "privacy": "using a right must not leave a trace of its own",
    "policy": "so must reading about it",
    "answering": "nothing may tell when somebody answered",
    "shared": "who reads by a link is nobody that we know",
    "admin": "the staff's own pages",
    "web": "pages that anybody may open, and the service's own",
    "joined": "files that pages load",
    "dev": "only in development",
}
"""Blueprints of which nothing is ever counted, and why."""

UNCOUNTED = frozenset(
    {
        "workshops.searches",  # leads to its results, which are counted
        "workshops.searches_removal",  # forgetting what one did is using a right
        "workshops.search_removal",
        "workshops.searches_keeping",
        "workshops.downloads_removal",
        "workshops.viewings",  # the page that was read is counted
        "workshops.viewings_removal",
        "workshops.viewing_removal",
        "workshops.favourite_removal",
    }
)
"""Single endpoints of the areas that don't count."""

KINDS: Mapping[str, Kind] = {kind.key: kind for kinds in AREAS.values() for kind in kinds}

_BY_ENDPOINT = {
    f"{area}.{route}": kind.key
    for area, kinds in AREAS.items()
    for kind in kinds
    for route in kind.routes
}


def of(endpoint: str) -> str | None:
    """The key of the kind that the endpoint belongs to; ``None`` where it isn't counted."""
    area = endpoint.partition(".")[0]
    if area not in AREAS or endpoint in UNCOUNTED:
        return None
    return _BY_ENDPOINT.get(endpoint, AREAS[area][0].key)


def check(areas: Iterable[str]) -> None:
    """Raise :class:`BootError` naming each area of which nobody decided whether it is counted."""
    undecided = sorted(set(areas) - set(AREAS) - set(NEVER_COUNTED))
    if undecided:
        raise BootError("areas without a kind in usage.kinds: " + ", ".join(undecided))
