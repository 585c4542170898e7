"""All pages of the office: importing this module gives the blueprint its routes."""

from trustivide.admin.views import (
    audit,
    colleagues,
    evidence,
    holds,
    looks,
    people,
    requests,
    retention,
    usage,
)
from trustivide.admin.views.base import bp

__all__ = [
    "audit",
    "bp",
    "colleagues",
    "evidence",
    "holds",
    "looks",
    "people",
    "requests",
    "retention",
    "usage",
]
