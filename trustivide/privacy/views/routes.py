"""All pages of the privacy centre: importing this module gives the blueprint its routes."""

from trustivide.privacy.views import addresses, choices, data, entrance, erasures, exports
from trustivide.privacy.views.base import bp

__all__ = ["addresses", "bp", "choices", "data", "entrance", "erasures", "exports"]
