"""A result as the team reads it: by link, without account, and nothing but reading."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from trustivide.core.db import db
from trustivide.surveys import following_up, history
from trustivide.surveys.views.downloads import report_of
from trustivide.surveys.views.results import reading
from trustivide.web.access import found, public
from trustivide.web.fragments import page
from trustivide.web.limits import PER_NETWORK, limiter

bp = Blueprint("shared", __name__, url_prefix="/r")


@bp.get("/<token>/report.pdf")
@public
@limiter.limit(PER_NETWORK)  # making one takes a second of a processor
def report(token: str) -> ResponseReturnValue:
    """The same on paper."""
    opened = found(following_up.shared(db.session(), token))
    response = report_of(opened.listed)
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


@bp.get("/<token>")
@public
def result(token: str) -> ResponseReturnValue:
    """The result that the link opens; a link that ended and one that never was look alike."""
    opened = following_up.shared(db.session(), token)
    if opened is None:
        response = page("surveys/results_no_link.html", status=404)
    else:
        survey = opened.listed.survey
        beside = following_up.follow_up(db.session(), survey.id)
        response = page(
            "surveys/results_shared.html",
            beside=beside,
            organisation=opened.organisation,
            **reading(opened.listed, history.waves(db.session(), survey), beside.share),
        )
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
