"""How every figure of a result is computed, for whoever reads one."""

from flask.typing import ResponseReturnValue

from trustivide.core.db import db
from trustivide.surveys import catalogue, item_figures, reliability, statistics
from trustivide.surveys.models import MINIMUM_K
from trustivide.surveys.views.base import bp
from trustivide.web.access import public
from trustivide.web.fragments import page

TYPICAL_SD = 0.8
EXAMPLE_SIZES = (5, 7, 10, 15, 20)
EXAMPLE_TEAM = 7


@bp.get("/method")
@public
def method() -> ResponseReturnValue:
    """The method page; its numbers come from the functions that results come from."""
    half_widths = [(n, statistics.half_width(TYPICAL_SD, n), 4 / n) for n in EXAMPLE_SIZES]
    wave = (0.0, TYPICAL_SD, EXAMPLE_TEAM)
    return page(
        "surveys/method.html",
        quantile=(1 + item_figures.LEVEL) / 2,
        sd=TYPICAL_SD,
        half_widths=half_widths,
        team=EXAMPLE_TEAM,
        change=statistics.difference_interval(wave, wave)[1],
        null_5=statistics.uniform_variance(5),
        null_7=statistics.uniform_variance(7),
        points_from=statistics.POINTS_FROM,
        choice_from=item_figures.CHOICE_FROM,
        least_k=MINIMUM_K,
        instruments=[(one, reliability.of(db.session(), one)) for one in catalogue.measuring()],
        least_sets=reliability.LEAST_ANSWER_SETS,
        least_organisations=reliability.LEAST_ORGANISATIONS,
    )
