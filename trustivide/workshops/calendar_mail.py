"""The calendar file that goes with a mail about a planned workshop (RFC 5545, RFC 5546).

Each person gets a file of their own, so that nobody reads the others' addresses. The
organiser is the service's own address: what a calendar answers reaches nobody in the
organisation.
"""

from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from uuid import UUID

from trustivide.workshops.cards import WorkshopCard

REQUEST, CANCEL = "REQUEST", "CANCEL"


@dataclass(frozen=True)
class Meeting:
    """What a calendar shows. ``sequence`` grows with every change."""

    id: UUID
    sequence: int
    card: WorkshopCard
    team: str
    organisation: str
    starts_at: datetime
    minutes: int
    place: str | None
    message: str | None


def calendar_file(about: Meeting, method: str, sender: str, recipient: str, now: datetime) -> bytes:
    """The file with ``method`` REQUEST (a meeting, new or changed) or CANCEL."""
    # Imported where it is needed: the library would stay in the web process's memory.
    from icalendar import vCalAddress

    from trustivide.workshops import calendars

    organiser = vCalAddress(f"mailto:{parseaddr(sender)[1]}")
    organiser.params["CN"] = about.organisation
    attendee = vCalAddress(f"mailto:{recipient}")
    attendee.params.update(ROLE="REQ-PARTICIPANT", PARTSTAT="NEEDS-ACTION", RSVP="FALSE")
    event = calendars.event_of(
        about.card, about.starts_at, now, uid=f"{about.id}@trustivide", minutes=about.minutes
    )
    event["summary"] = f"{about.card.title} ({about.team})"
    event.add("sequence", about.sequence)
    event.add("status", "CANCELLED" if method == CANCEL else "CONFIRMED")
    event.add("organizer", organiser)
    event.add("attendee", attendee)
    event.add("description", "\n\n".join(filter(None, (about.message, about.card.summary))))
    if about.place:
        event.add("location", about.place)
    return calendars.written(event, method)
