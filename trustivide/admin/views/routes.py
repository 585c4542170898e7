"""All pages of the office: importing this module gives the blueprint its routes."""

from trustivide.admin.views import evidence, holds, people, requests, retention
from trustivide.admin.views.base import bp

__all__ = ["bp", "evidence", "holds", "people", "requests", "retention"]
