"""What several pages of surveys say in the same words."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from babel.lists import format_list
from flask_babel import gettext as _

from trustivide.core.db import db
from trustivide.surveys.delivery import NOT_SENT, Delivered
from trustivide.surveys.evaluations import evaluated
from trustivide.surveys.models import Survey
from trustivide.surveys.overlap import Conflict
from trustivide.web.locale import day, language, moment
from trustivide.workshops import queries as workshops


def conflict_in_words(conflict: Conflict) -> str:
    """Why these teams can't be asked now, what it collides with, and what helps."""
    planned, k = enumerated(conflict.planned), conflict.k
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
            others=enumerated(conflict.others),
            k=k,
        )
    if conflict.free_on is None:
        return f"{why} " + _("Vänta tills den andra enkäten har varit stängd i 30 dagar.")
    return f"{why} " + _("Vänta till %(day)s.", day=day(conflict.free_on))


def enumerated(names: Sequence[str]) -> str:
    """ "A, B och C"; nothing for none."""
    return str(format_list(names, locale=language()))


class Evaluated(NamedTuple):
    """Which workshop an evaluation asks about and when it was, in words, and the session's id."""

    words: str
    session_id: UUID


def evaluated_in_words(survey: Survey) -> Evaluated | None:
    """What an evaluation is of; nothing for other surveys."""
    held = evaluated(db.session(), [survey]).get(survey.id)
    if held is None:
        return None
    title = workshops.title(db.session(), held, language())
    words = _("%(title)s, %(day)s", title=title, day=day(held.run_on or held.starts_at))
    return Evaluated(words, held.id)


def participation_in_words(survey: Survey, answered: int | None) -> str:
    """How many have answered, as :func:`~trustivide.surveys.queries.participation` gives it."""
    numbers = {"num": answered, "invited": survey.invited + survey.invited_later}
    if answered is None:
        return _("visas när minst %(k)d har svarat", k=survey.k)
    if survey.closed_at is None:
        return _("Minst %(num)d av %(invited)d har svarat", **numbers)
    return _("%(num)d av %(invited)d har svarat", **numbers)


def delivery_in_words(row: Delivered) -> tuple[str, str, str]:
    """The state of an invitation's mail: a word, its tone, and what there is to say about it."""
    if row.state in {"failed", "bounced"}:
        return _("Kom inte fram"), "loss", _reason(row)
    if row.state == "deferred":
        when = moment(row.next_try) if row.next_try else ""
        return (
            _("Försöker igen"),
            "attention",
            _("Mottagarens server bad oss vänta. Nästa försök: %(when)s.", when=when),
        )
    known = {
        "ambiguous": (
            _("Osäkert"),
            "attention",
            _("Kontakten bröts, så vi vet inte om mejlet kom fram."),
        ),
        "sending": (_("Skickas nu"), "neutral", ""),
        "sent": (_("Skickat"), "good", ""),
        NOT_SENT: (_("Inte skickat"), "neutral", ""),
    }
    word, tone, more = known.get(row.state, (_("Väntar på att skickas"), "neutral", ""))
    if row.state == "sent" and row.bounce_status:
        more = _("Mottagarens server dröjer med att lämna det.")
    return word, tone, more


def _reason(row: Delivered) -> str:
    """Why a mail did not arrive, from its enhanced status code (RFC 3463) or SMTP reply code."""
    by_reply = {550: "1.1", 551: "1.1", 552: "2.2", 553: "1.1", 554: "7.1"}
    code = (row.bounce_status or "").partition(".")[2] or by_reply.get(row.smtp_code or 0, "")
    subject = code.partition(".")[0]
    if code == "2.2":
        return _("Brevlådan är full.")
    if code == "2.1":
        return _("Brevlådan är avstängd.")
    words = {
        "1": _("Adressen finns inte eller är felstavad."),
        "3": _("Mottagarens server gick inte att nå."),
        "4": _("Mottagarens server gick inte att nå."),
        "7": _("Mottagarens server släpper inte in våra mejl. Be er it-avdelning att göra det."),
    }
    return words.get(subject, _("Mottagarens server sa nej utan att säga varför."))
