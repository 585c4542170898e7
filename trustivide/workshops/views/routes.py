"""Every page of workshops; importing this gives the blueprint its routes."""

from trustivide.workshops.views import favourites, finding, guide, history
from trustivide.workshops.views.base import bp

__all__ = ["bp", "favourites", "finding", "guide", "history"]
