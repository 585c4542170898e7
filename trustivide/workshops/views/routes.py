"""Every page of workshops; importing this gives the blueprint its routes."""

from trustivide.workshops.views import (
    agreed,
    attachments,
    favourites,
    finding,
    guide,
    history,
    leading,
    planning,
    sessions,
)
from trustivide.workshops.views.base import bp

__all__ = [
    "agreed",
    "attachments",
    "bp",
    "favourites",
    "finding",
    "guide",
    "history",
    "leading",
    "planning",
    "sessions",
]
