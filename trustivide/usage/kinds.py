"""What is counted: the kinds of pages and functions, and which routes belong to each.

Every route of an area belongs to a kind: the one that names it, else the first of its
area. So a new page is counted from its first day, and a new area without kinds, that
isn't among what is :data:`NEVER_COUNTED`, does not boot. A use is of one kind alone, so
that no figure is a part or the sum of others.

A key stands in rows: it never changes, and stays here until they are gone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

from trustivide.core.errors import BootError
from trustivide.core.text import Text


@dataclass(frozen=True)
class Kind:
    """A kind of page or function.

    ``routes`` are names of endpoints, without their area; ``*`` stands for any ending. Of two
    kinds that name a route the first has it.
    """

    key: str
    name: Text
    routes: tuple[str, ...] = ()


AREAS: Mapping[str, tuple[Kind, ...]] = {
    "teams": (
        Kind("teams", Text("Se och sköta team", "Seeing and managing teams")),
        Kind(
            "teams.members",
            Text("Lägga till och ändra medlemmar", "Adding and changing members"),
            ("add*", "edit", "member_*", "preview", "remove", "undo"),
        ),
    ),
    "surveys": (
        Kind("surveys", Text("Följa enkäter", "Following surveys")),
        Kind(
            "surveys.sending",
            Text("Planera och skicka enkäter", "Planning and sending surveys"),
            ("new", "preview", "launch", "test_mails", "plan", "round", "invite", "reminders"),
        ),
        Kind(
            "surveys.results",
            Text("Läsa resultat", "Reading results"),
            ("round_results", "result_*"),
        ),
        Kind(
            "surveys.following_up",
            Text("Följa upp resultat", "Following up on results"),
            ("note", "agree*", "edit_agreed", "share", "stop_sharing"),
        ),
        Kind(
            "surveys.evaluations",
            Text("Utvärdera workshoppar", "Evaluating workshops"),
            ("evaluation*",),
        ),
        Kind(
            "surveys.instruments",
            Text("Egna frågeformulär", "Own questionnaires"),
            ("instrument*", "built_in*", "copy_*", "new_*", "part_removal"),
        ),
    ),
    "workshops": (
        Kind("workshops", Text("Bläddra bland workshoppar", "Browsing workshops")),
        Kind("workshops.found", Text("Sökningar med träffar", "Searches with results")),
        Kind("workshops.nothing_found", Text("Sökningar utan träff", "Searches without results")),
        Kind(
            "workshops.views",
            Text("Läsa en workshop", "Reading a workshop"),
            ("show", "session_guide"),
        ),
        Kind(
            "workshops.downloads",
            Text("Ladda ner guide, utskrift eller agenda", "Downloading guide, handout or agenda"),
            ("downloads", "handout", "session_handout", "agenda", "attachment"),
        ),
        Kind(
            "workshops.facilitation",
            Text("Leda en workshop med stöd på skärmen", "Leading a workshop with help on screen"),
            ("facilitation", "session_facilitation"),
        ),
        Kind("workshops.favourites", Text("Spara workshoppar", "Saving workshops"), ("favourite",)),
        Kind(
            "workshops.planning",
            Text("Planera en workshop", "Planning a workshop"),
            ("planning", "session_planning", "session_cancellation", "session_invitations"),
        ),
        Kind(
            "workshops.following_up",
            Text("Följa upp workshoppar", "Following up on workshops"),
            ("session*",),
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

UNCOUNTED = (
    "workshops.searches",  # leads to its results, which are counted
    "workshops.search*_*",  # what one did is forgotten, or not kept: that is using a right
    "workshops.downloads_removal",
    "workshops.favourite_removal",
    "workshops.viewing*",  # the page that was read is counted
)
"""Single routes of the areas that don't count; ``*`` as above."""

KINDS: Mapping[str, Kind] = {kind.key: kind for kinds in AREAS.values() for kind in kinds}


@cache
def of(endpoint: str) -> str | None:
    """The key of the kind that the endpoint belongs to; ``None`` where it isn't counted."""
    area, _, route = endpoint.partition(".")
    kinds = AREAS.get(area)
    if kinds is None or any(fnmatchcase(endpoint, name) for name in UNCOUNTED):
        return None
    named = (kind for kind in kinds if any(fnmatchcase(route, name) for name in kind.routes))
    return next(named, kinds[0]).key


def check(areas: Iterable[str]) -> None:
    """Raise :class:`BootError` naming each area of which nobody decided whether it is counted."""
    undecided = sorted(set(areas) - set(AREAS) - set(NEVER_COUNTED))
    if undecided:
        raise BootError("areas without a kind in usage.kinds: " + ", ".join(undecided))
