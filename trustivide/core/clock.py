"""The time, in one place: stored in UTC, shown and counted in Swedish days."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

STOCKHOLM = ZoneInfo("Europe/Stockholm")


def now() -> datetime:
    """The current time, timezone-aware, in UTC."""
    return datetime.now(UTC)


def day_of(moment: datetime) -> date:
    """The calendar day in Sweden at ``moment``."""
    return moment.astimezone(STOCKHOLM).date()
