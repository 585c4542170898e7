"""Every page of teams; importing this gives the blueprint its routes."""

from trustivide.teams.views import files, members, teams
from trustivide.teams.views.base import bp

__all__ = ["bp", "files", "members", "teams"]
