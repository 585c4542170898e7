"""Every page of surveys for leaders; importing this gives the blueprint its routes."""

from trustivide.surveys.views import method, results, rounds, running, sending
from trustivide.surveys.views.base import bp

__all__ = ["bp", "method", "results", "rounds", "running", "sending"]
