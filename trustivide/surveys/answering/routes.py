"""Every page of answering; importing this gives the blueprint its routes."""

from trustivide.surveys.answering import codes, comments, questions, submitting
from trustivide.surveys.answering.base import bp

__all__ = ["bp", "codes", "comments", "questions", "submitting"]
