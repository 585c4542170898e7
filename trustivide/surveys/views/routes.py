"""Every page of surveys for leaders; importing this gives the blueprint its routes."""

from trustivide.surveys.views import inviting, method, results, running, sending
from trustivide.surveys.views.base import bp

__all__ = ["bp", "inviting", "method", "results", "running", "sending"]
