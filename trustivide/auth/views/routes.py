"""Every page of the accounts; importing this gives the blueprint its routes."""

from trustivide.auth.views import account, passkeys, recovery, second_factor, sign_in
from trustivide.auth.views.base import bp

__all__ = ["account", "bp", "passkeys", "recovery", "second_factor", "sign_in"]
