"""Every page of the organisations; importing this gives the blueprint its routes."""

from trustivide.organisations.views import invitations, people, registration
from trustivide.organisations.views.base import bp, chosen

__all__ = ["bp", "chosen", "invitations", "people", "registration"]
