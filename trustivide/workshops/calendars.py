"""Workshops as calendar files (iCalendar, RFC 5545).

Imported where it is needed and not before: the web process writes few of these, and the
library would stay in its memory.
"""

from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from icalendar import Calendar, Event, Timezone

from trustivide.core.clock import STOCKHOLM
from trustivide.core.text import Text
from trustivide.workshops.cards import WorkshopCard

_PRODUCT = "-//Trustivide//Workshops//SV"  # PRODID, RFC 5545, 3.7.3

# Written by hand, since it is a law and not data: summer time as directive 2000/84/EC sets it
# until further notice. Onsets are in the local time that ends (RFC 5545, 3.6.5).
_SWEDISH_TIME = b"""BEGIN:VTIMEZONE
TZID:Europe/Stockholm
BEGIN:DAYLIGHT
DTSTART:19960331T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZNAME:CEST
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZNAME:CET
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
"""

_CLOCK = Text("%H.%M", "%H:%M")
_AGENDA = Text("Så går det till", "How it goes")
_BRING = Text("Ta med", "Bring")
_GUIDE = Text("Allt om workshopen", "All about the workshop")


def agenda(card: WorkshopCard, starts_at: datetime, now: datetime, url: str | None = None) -> bytes:
    """A calendar file with one event: the workshop, its agenda by the clock in the description.

    ``url`` is where the workshop can be read. The same workshop at the same time has the
    same UID, so that a file which is opened twice stands in the calendar once.
    """
    uid = str(uuid5(NAMESPACE_URL, f"{card.slug} {starts_at.astimezone(UTC).isoformat()}"))
    event = event_of(card, starts_at, now, uid=uid)
    text = [card.summary, timed(card, starts_at), _list(_BRING.in_(card.language), card.materials)]
    if url:
        text.append(f"{_GUIDE.in_(card.language)}: {url}")
        event.add("url", url)
    event.add("description", "\n\n".join(text))
    return written(event)


def event_of(
    card: WorkshopCard, starts_at: datetime, now: datetime, *, uid: str, minutes: int | None = None
) -> Event:
    """The workshop as an event in Swedish time: UID, DTSTAMP, SUMMARY, DTSTART and DTEND.

    It lasts ``minutes``, else as long as the card says. More properties can be added to it.
    """
    event = Event()
    event.add("uid", uid)
    event.add("dtstamp", now.astimezone(UTC))
    event.add("summary", card.title)
    event.add("dtstart", starts_at.astimezone(STOCKHOLM))
    event.add("dtend", _later(starts_at, minutes or card.duration))
    return event


def timed(card: WorkshopCard, starts_at: datetime) -> str:
    """The agenda as plain text, each step at the clock time in Sweden when it begins."""
    lines, passed = [_AGENDA.in_(card.language)], 0
    clock = _CLOCK.in_(card.language)
    for step in card.agenda:
        lines.append(f"{_later(starts_at, passed):{clock}} {step.title} ({step.minutes} min)")
        passed += step.minutes
    return "\n".join(lines)


def _later(moment: datetime, minutes: int) -> datetime:
    # Minutes really pass, also when the clock is changed meanwhile.
    return (moment.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(STOCKHOLM)


def written(event: Event, method: str | None = None) -> bytes:
    """A calendar with ``event`` and Swedish time, as bytes; ``method`` is RFC 5546's."""
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    if method:
        calendar.add("method", method)
    calendar.add_component(Timezone.from_ical(_SWEDISH_TIME))
    calendar.add_component(event)
    return calendar.to_ical()


def _list(title: str, items: tuple[str, ...]) -> str:
    return "\n".join([title, *(f"– {item}" for item in items)])
