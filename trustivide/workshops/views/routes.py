"""Every page of workshops; importing this gives the blueprint its routes."""

from trustivide.workshops.views import (
    agreed,
    attachments,
    finding,
    guide,
    history,
    planning,
    sessions,
)
from trustivide.workshops.views.base import bp

__all__ = ["agreed", "attachments", "bp", "finding", "guide", "history", "planning", "sessions"]
