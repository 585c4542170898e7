"""The pages of workshops: the blueprint, and what their modules share."""

from flask import Blueprint

bp = Blueprint("workshops", __name__, url_prefix="/workshops")
