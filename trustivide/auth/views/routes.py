"""Every page of the accounts; importing this gives the blueprint its routes."""

from trustivide.auth.views import second_factor, sign_in
from trustivide.auth.views.base import bp

__all__ = ["bp", "second_factor", "sign_in"]
