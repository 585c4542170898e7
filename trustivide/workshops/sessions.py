"""Planning a workshop for a team, and what became of it."""

from blinker import Signal

workshop_run = Signal(
    "A team ran a workshop; the sender is its WorkshopSession, sent with session= and now=."
)
