"""Every page of surveys for leaders; importing this gives the blueprint its routes."""

from trustivide.surveys.views import (
    downloads,
    inviting,
    method,
    results,
    running,
    sending,
    sharing,
)
from trustivide.surveys.views.base import bp

__all__ = ["bp", "downloads", "inviting", "method", "results", "running", "sending", "sharing"]
