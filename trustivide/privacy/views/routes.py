"""All pages of the privacy centre: importing this module gives the blueprint its routes."""

from trustivide.privacy.views import (
    addresses,
    choices,
    contract,
    data,
    entrance,
    erasures,
    exports,
    invitations,
    record,
    requests,
)
from trustivide.privacy.views.base import bp

__all__ = [
    "addresses",
    "bp",
    "choices",
    "contract",
    "data",
    "entrance",
    "erasures",
    "exports",
    "invitations",
    "record",
    "requests",
]
