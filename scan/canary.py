"""A page with two flaws on purpose: scanners that find nothing must show that they would."""

from flask import Blueprint, Response, request
from sqlalchemy import text

from trustivide.core.db import db
from trustivide.web.access import public

bp = Blueprint("canary", __name__)
PATH = "/canary?find=a&say=a"


@bp.get("/canary")
@public
def canary() -> Response:
    """Puts ``find`` into SQL and ``say`` into the page, as they came."""
    query = f"SELECT 1 WHERE 'a' = '{request.args.get('find', '')}'"
    found = "yes" if db.session.execute(text(query)).all() else "no"
    return Response(f"<!doctype html><p>{request.args.get('say', '')}</p><p>{found}</p>")
