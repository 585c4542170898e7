"""The agenda as a calendar file, read back by a library and byte by byte (RFC 5545)."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from trustivide.core.clock import STOCKHOLM, moment_of
from trustivide.workshops import calendars
from trustivide.workshops.cards import AgendaStep, load_library

CARD = next(card for card in load_library() if (card.slug, card.language) == ("look-back", "sv"))
STARTS = datetime(2026, 12, 3, 9, 0, tzinfo=STOCKHOLM)
NOW = datetime(2026, 11, 26, 5, 0, 42, tzinfo=UTC)
URL = "https://trustivide.exempel.test/workshops/look-back"


def test_one_event_with_the_agenda_by_the_clock() -> None:
    calendar = Calendar.from_ical(calendars.agenda(CARD, STARTS, NOW, URL))
    assert (calendar["version"], calendar["prodid"]) == ("2.0", "-//Trustivide//Workshops//SV")
    assert "method" not in calendar
    (event,) = calendar.events
    assert (event.start, event.end) == (STARTS, STARTS + timedelta(minutes=CARD.duration))
    assert event["dtstart"].params["TZID"] == event["dtend"].params["TZID"] == "Europe/Stockholm"
    assert event["dtstamp"].dt == NOW
    assert event["summary"] == CARD.title
    assert event["url"] == URL
    clock = 9 * 60
    for step in CARD.agenda:
        line = f"\n{clock // 60:02}.{clock % 60:02} {step.title} ({step.minutes} min)\n"
        assert line in event["description"]
        clock += step.minutes
    assert all(f"\n– {thing}" in event["description"] for thing in CARD.materials)


def test_the_file_keeps_to_the_rules_of_lines_and_text() -> None:
    title = 'Tillit; å, ä och "ö" \\ 👩🏽‍🚀\r\nDTSTAMP:19700101T000000Z'
    file = calendars.agenda(replace(CARD, title=title, summary="å" * 300), STARTS, NOW, URL)
    lines = file.split(b"\r\n")
    assert lines[-1] == b""
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    for line in lines:
        assert len(line) <= 75
        line.decode()  # no fold in the middle of a letter
    (event,) = Calendar.from_ical(file).events
    assert event["summary"] == title.replace("\r\n", "\n")
    assert event["dtstamp"].dt == NOW
    assert "å" * 300 in event["description"]


def test_the_same_time_is_the_same_entry_and_another_is_another() -> None:
    def uid(starts_at: datetime, card: str = "look-back") -> str:
        file = calendars.agenda(replace(CARD, slug=card), starts_at, NOW)
        return str(Calendar.from_ical(file).events[0]["uid"])

    assert uid(STARTS) == uid(STARTS.astimezone(UTC))
    assert len({uid(STARTS), uid(STARTS + timedelta(minutes=1)), uid(STARTS, "premortem")}) == 3


def test_swedish_time_in_the_file_is_the_law_s() -> None:
    calendar = Calendar.from_ical(calendars.agenda(CARD, STARTS, NOW))
    (zone,) = calendar.timezones
    written, real = zone.to_tz(lookup_tzid=False), ZoneInfo("Europe/Stockholm")
    noon = datetime(2026, 1, 1, 12, tzinfo=real)
    for days in range(1500):
        day = noon + timedelta(days=days)
        assert day.replace(tzinfo=written).utcoffset() == day.utcoffset()


def test_a_night_when_the_clock_changes_is_as_long_as_it_is() -> None:
    steps = (AgendaStep(60, "Ett", "a"), AgendaStep(60, "Två", "b"))
    card = replace(CARD, agenda=steps, duration=120)
    evening = datetime(2027, 3, 28, 1, 30, tzinfo=STOCKHOLM)
    (event,) = Calendar.from_ical(calendars.agenda(card, evening, NOW)).events
    assert event.end.astimezone(UTC) - event.start.astimezone(UTC) == timedelta(hours=2)
    assert event.end == datetime(2027, 3, 28, 4, 30, tzinfo=STOCKHOLM)
    assert "01.30 Ett (60 min)\n03.30 Två (60 min)" in event["description"]


@pytest.mark.parametrize(
    ("day", "clock", "expected"),
    [
        (date(2027, 3, 28), time(2, 30), None),
        (date(2027, 3, 28), time(3, 0), datetime(2027, 3, 28, 1, 0, tzinfo=UTC)),
        (date(2026, 10, 25), time(2, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (date(2026, 12, 3), time(9, 0), datetime(2026, 12, 3, 8, 0, tzinfo=UTC)),
    ],
)
def test_a_moment_of_a_day(day: date, clock: time, expected: datetime | None) -> None:
    moment = moment_of(day, clock)
    assert (moment and moment.astimezone(UTC)) == expected
