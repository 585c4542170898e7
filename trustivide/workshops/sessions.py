"""Planning a workshop for a team, and what became of it."""

from collections.abc import Callable

from blinker import Signal
from sqlalchemy.orm import Session

from trustivide.workshops.models import WorkshopSession

workshop_run = Signal(
    "A team ran a workshop; the sender is its WorkshopSession, sent with session= and now=."
)
run_undone = Signal(
    "A workshop was not run after all; the sender is its WorkshopSession, sent with session=."
)
undo_blockers: list[Callable[[Session, WorkshopSession], bool]] = []
"""Whether what came of the workshop forbids to undo that it was run; create_app fills it."""
