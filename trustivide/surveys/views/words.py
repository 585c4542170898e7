"""What several pages of surveys say in the same words."""

from babel.lists import format_list
from flask_babel import gettext as _

from trustivide.surveys.overlap import Conflict
from trustivide.web.locale import day, language


def conflict_in_words(conflict: Conflict) -> str:
    """Why these teams can't be asked now, what it collides with, and what helps."""
    planned, k = _listed(conflict.planned), conflict.k
    if not conflict.others:
        return _(
            "%(teams)s har nästan samma personer. Tillsammans skulle resultaten visa vad färre "
            "än %(k)d personer har svarat. Fråga ett team i taget, med 30 dagar emellan.",
            teams=planned,
            k=k,
        )
    if conflict.planned == conflict.others:
        why = _(
            "Enkäten till %(team)s skulle gå till nästan samma personer som en annan nyss. "
            "Tillsammans skulle resultaten visa vad färre än %(k)d personer har svarat.",
            team=planned,
            k=k,
        )
    else:
        why = _(
            "Enkäten till %(team)s krockar med den till %(others)s. Tillsammans skulle "
            "resultaten visa vad färre än %(k)d personer har svarat.",
            team=planned,
            others=_listed(conflict.others),
            k=k,
        )
    if conflict.free_on is None:
        return f"{why} " + _("Vänta tills den andra enkäten har varit stängd i 30 dagar.")
    return f"{why} " + _("Vänta till %(day)s.", day=day(conflict.free_on))


def _listed(names: tuple[str, ...]) -> str:
    return str(format_list(names, locale=language()))
