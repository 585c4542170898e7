"""The time, in one place: stored in UTC, shown and counted in Swedish days."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

STOCKHOLM = ZoneInfo("Europe/Stockholm")


def now() -> datetime:
    """The current time, timezone-aware, in UTC."""
    return datetime.now(UTC)


def day_of(moment: datetime) -> date:
    """The calendar day in Sweden at ``moment``."""
    return moment.astimezone(STOCKHOLM).date()


def begin_of(day: date) -> datetime:
    """The moment at which a calendar day begins in Sweden."""
    return datetime.combine(day, time(), STOCKHOLM)


def moment_of(day: date, clock: time) -> datetime | None:
    """The moment when it is ``clock`` on ``day`` in Sweden.

    ``None`` for an hour that the change to summer time skips. Of an hour that comes twice in
    autumn it is the first.
    """
    moment = datetime.combine(day, clock, STOCKHOLM)
    return moment if moment.astimezone(UTC).astimezone(STOCKHOLM) == moment else None


def month_before(day: date) -> date:
    """The first day of the calendar month before the one that ``day`` lies in."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def month_after(day: date) -> date:
    """The first day of the calendar month after the one that ``day`` lies in."""
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)
