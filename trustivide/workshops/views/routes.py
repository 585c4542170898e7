"""Every page of workshops; importing this gives the blueprint its routes."""

from trustivide.workshops.views import attachments, finding, guide, history
from trustivide.workshops.views.base import bp

__all__ = ["attachments", "bp", "finding", "guide", "history"]
