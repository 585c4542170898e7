"""All pages of the privacy centre: importing this module gives the blueprint its routes."""

from trustivide.privacy.views import choices, data, entrance, erasures, exports, requests
from trustivide.privacy.views.base import bp

__all__ = ["bp", "choices", "data", "entrance", "erasures", "exports", "requests"]
