"""All pages of the office: importing this module gives the blueprint its routes."""

from trustivide.admin.views import (
    attachments,
    audit,
    catalogue,
    colleagues,
    drafts,
    evidence,
    holds,
    looks,
    people,
    requests,
    retention,
    usage,
    workshop_versions,
)
from trustivide.admin.views.base import bp

__all__ = [
    "attachments",
    "audit",
    "bp",
    "catalogue",
    "colleagues",
    "drafts",
    "evidence",
    "holds",
    "looks",
    "people",
    "requests",
    "retention",
    "usage",
    "workshop_versions",
]
