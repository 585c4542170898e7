"""A page with two flaws on purpose: scanners that find nothing must show that they would."""

from flask import Blueprint, Response, request
from sqlalchemy import text

from trustivide.core.db import db
from trustivide.web.access import public

bp = Blueprint("canary", __name__)
PATH = "/canary?q=a"


@bp.get("/canary")
@public
def canary() -> Response:
    """Puts what was asked into SQL and into the page, as it came."""
    asked = request.args.get("q", "")
    found = db.session.execute(text(f"SELECT 1 WHERE 'a' = '{asked}'")).all()  # noqa: S608
    return Response(f"<!doctype html><p>{asked}</p><p>{'yes' if found else 'no'}</p>")
