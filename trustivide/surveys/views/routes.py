"""Every page of surveys for leaders; importing this gives the blueprint its routes."""

from trustivide.surveys.views import (
    building,
    copies,
    downloads,
    evaluations,
    instruments,
    inviting,
    method,
    results,
    rounds,
    running,
    sending,
    sharing,
)
from trustivide.surveys.views.base import bp

__all__ = [
    "bp",
    "building",
    "copies",
    "downloads",
    "evaluations",
    "instruments",
    "inviting",
    "method",
    "results",
    "rounds",
    "running",
    "sending",
    "sharing",
]
