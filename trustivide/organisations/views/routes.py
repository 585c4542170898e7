"""Every page of the organisations; importing this gives the blueprint its routes."""

from trustivide.organisations.views import agreement, invitations, people, registration
from trustivide.organisations.views.base import bp, chosen, refuse_of_another

__all__ = [
    "agreement",
    "bp",
    "chosen",
    "invitations",
    "people",
    "refuse_of_another",
    "registration",
]
