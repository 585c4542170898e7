"""All pages of the office: importing this module gives the blueprint its routes."""

from trustivide.admin.views import holds, people, requests, retention
from trustivide.admin.views.base import bp

__all__ = ["bp", "holds", "people", "requests", "retention"]
