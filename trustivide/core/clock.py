"""The time, in one place: stored in UTC, shown and counted in Swedish days."""

from datetime import UTC, date, datetime, time
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
