"""The desk for privacy requests.

Opening a case is a look at somebody's data: it is posted and logged, and lasts
half an hour for whoever opened it. Only then are address and words shown.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from trustivide.admin import actions, queries
from trustivide.admin.forms import EntryForm, RefusalForm, WordsForm
from trustivide.admin.views.base import bp, page, page_number
from trustivide.core import clock
from trustivide.core.activities import ALL, BY_KEY
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.privacy import answers, corrections, desk, objections
from trustivide.privacy.cases import Decided
from trustivide.privacy.models import CHANNELS, DELIVERIES, IDENTITIES, Case, Request
from trustivide.privacy.queries import Asked
from trustivide.web.access import found, staff
from trustivide.web.fragments import go, tell

_OPENED = "opened_cases"
_MOST_OPENED = 40


@bp.get("/requests")
@staff("requests.handle")
def requests() -> ResponseReturnValue:
    """Privacy requests and their clocks. Whose they are is not needed, and not shown."""
    show = request.args.get("show", "open")
    desk_key = request.args.get("desk") or None
    return page(
        "requests.html",
        fragment="requests",
        show=show,
        desk=desk_key,
        identities=IDENTITIES,
        channels=CHANNELS,
        activities=BY_KEY,
        requests=queries.requests(db.session(), page_number(), clock.now(), show, desk_key),
    )


@bp.route("/requests/new", methods=["GET", "POST"])
@staff("requests.handle")
def enter_request() -> ResponseReturnValue:
    """Write in a request that came by e-mail, letter or phone."""
    form = EntryForm()
    if form.validate_on_submit():
        with transaction() as session:
            asked = desk.enter(
                session,
                g.actor.user,
                form.kind.data,
                clock.now(),
                address=form.email.data,
                name=form.name.data or None,
                details=form.text.data,
                activity=form.concerns,
                channel=form.channel.data,
                received_on=form.received_on.data,
                locale=form.locale.data,
            )
        tell(_("Begäran är inskriven. Personen får ett kvitto i ett mejl."))
        return go(url_for("admin.privacy_request", request_id=asked.id))
    status = 422 if form.is_submitted() else 200
    return page("request_entry.html", fragment="entry", status=status, form=form)


@bp.get("/requests/<uuid:request_id>")
@staff("requests.handle")
def privacy_request(request_id: UUID) -> ResponseReturnValue:
    """One request: its clock to everybody at the desk, its case to whoever opened it."""
    return _page(_asked(request_id))


def _asked(request_id: UUID) -> Asked:
    asked: Asked = found(queries.asked(db.session(), request_id))
    return asked


def _page(asked: Asked, template: str = "request.html", **context: Any) -> ResponseReturnValue:
    case = asked.case if asked.case and _is_open(asked.request.id) else None
    return page(
        template,
        fragment="request",
        asked=asked,
        due=queries.due(asked.request, clock.now()),
        case=case,
        correction=_correction(case) if case else None,
        mails=queries.mails_about(db.session(), asked.request.id),
        identified=asked.request.identity in desk.KNOWN,
        extendable=desk.can_extend(asked.request, clock.now()),
        identities=IDENTITIES,
        channels=CHANNELS,
        activities=BY_KEY,
        grounds=answers.GROUNDS,
        deliveries=DELIVERIES,
        mail_names=desk.MAILS,
        recipients={r.key: r.name for a in ALL for r in a.recipients},
        **context,
    )


def _correction(case: Case) -> dict[str, Any] | None:
    """What a correction is about, and whether it can be made from here."""
    about = corrections.about(case)
    if about is None:
        return None
    group, field = about
    return {
        "group": group,
        "field": field,
        "makeable": corrections.can_be_made(field),
        "now": corrections.current(db.session(), case),
    }


def _opened() -> dict[str, str]:
    """Cases that this browser has open, until when a look at them ends."""
    now = clock.now()
    held = cookie.get(_OPENED, {})
    return {key: end for key, end in held.items() if datetime.fromisoformat(end) > now}


def _is_open(request_id: UUID) -> bool:
    return str(request_id) in _opened()


@bp.post("/requests/<uuid:request_id>/opening")
@staff("requests.handle")
def open_request(request_id: UUID) -> ResponseReturnValue:
    """Log the look, then show what was written."""
    case = found(_asked(request_id).case)
    with transaction() as session:
        actions.open_case(session, g.actor.user, case, clock.now())
    until = (clock.now() + queries.LOOK_FOR).isoformat()
    # The newest: browsers drop a cookie of more than 4 KB, and with it the sign-in.
    newest = list(_opened().items())[-_MOST_OPENED:]
    cookie[_OPENED] = dict(newest) | {str(request_id): until}
    return go(url_for("admin.privacy_request", request_id=request_id))


@bp.post("/requests/<uuid:request_id>/identity")
@staff("requests.handle")
def identity(request_id: UUID) -> ResponseReturnValue:
    """Ask for what shows whose the request is, or note that it has been checked."""
    found(_asked(request_id).case)
    checked = "checked" in request.form
    try:
        with transaction() as session:
            if checked:
                desk.identify(session, request_id, "checked")
            else:
                desk.ask_identity(session, request_id, clock.now())
    except Refused as no:
        return _refused(request_id, no)
    tell(_("Antecknat.") if checked else _("Vi har mejlat och frågat om begäran är personens."))
    return go(url_for("admin.privacy_request", request_id=request_id))


def _refused(request_id: UUID, no: Refused) -> ResponseReturnValue:
    """The page as it stands now: a colleague was faster, or the person took it back."""
    status = 409 if isinstance(no, Decided) else 422
    return _page(_asked(request_id), status=status, refused=_explain(no))


def _explain(no: Refused) -> str:
    if isinstance(no, Decided):
        return _("Begäran är redan avslutad. Det du skrev har inte skickats.")
    words = {
        desk.UNKNOWN: _("Kontrollera först att begäran kommer från personen själv."),
        desk.KNOWN_ALREADY: _("Vi vet redan att begäran kommer från personen själv."),
        desk.TOO_LATE: _("Tiden kan bara förlängas en gång, inom den första månaden."),
        corrections.UNFIT: _("Det värdet går inte att spara här. Rätta för hand, eller avslå."),
        objections.ABSOLUTE: _(
            "Ett nej till marknadsföring prövas inte, det gäller (art. 21.3). Ge personen rätt."
        ),
        corrections.GONE: _("Raden finns inte längre, eller hör till någon annan nu."),
    }
    return words[str(no)]


# Steps with words that the person reads: each a page of its own.


def _answer(session: Session, asked: Request, form: Any) -> None:
    who, now = g.actor.user, clock.now()
    if asked.kind == "object":
        objections.decide(session, asked, True, form.words.data, "", who, now)
    else:
        desk.answer(session, asked.id, form.words.data, who, now)


def _refuse(session: Session, asked: Request, form: Any) -> None:
    words, ground, who, now = form.words.data, form.ground.data, g.actor.user, clock.now()
    if asked.kind == "object":
        objections.decide(session, asked, False, words, ground, who, now)
    else:
        desk.refuse(session, asked.id, ground, words, who, now)


def _extend(session: Session, asked: Request, form: Any) -> None:
    desk.extend(session, asked.id, form.words.data, clock.now())


def _correct(session: Session, asked: Request, form: Any) -> None:
    corrections.make(session, asked.id, form.words.data, g.actor.user, clock.now())


_STEPS = {"answer": _answer, "refusal": _refuse, "extension": _extend, "correction": _correct}


@bp.route("/requests/<uuid:request_id>/<step>", methods=["GET", "POST"])
@staff("requests.handle")
def decide(request_id: UUID, step: str) -> ResponseReturnValue:
    """Answer, refuse, extend, or make the correction that was asked for."""
    act, asked = found(_STEPS.get(step)), _asked(request_id)
    form = _form(step, asked.request.kind, found(asked.case).locale)
    if not form.validate_on_submit():
        status = 422 if form.is_submitted() else 200
        return _page(asked, "request_step.html", status=status, step=step, form=form)
    try:
        with transaction() as session:
            act(session, asked.request, form)
    except Decided as late:
        return _refused(request_id, late)
    except Refused as no:
        form.form_errors.append(_explain(no))
        return _page(_asked(request_id), "request_step.html", status=422, step=step, form=form)
    tell(_("Klart. Personen får veta det i ett mejl."))
    return go(url_for("admin.privacy_request", request_id=request_id))


def _form(step: str, kind: str, locale: str) -> WordsForm:
    if step == "refusal":
        return RefusalForm()
    # Only making the correction makes it true that it is made.
    drafts = step == "correction" or (step == "answer" and kind != "correct")
    return WordsForm(data={"words": answers.draft(kind, locale) if drafts else ""})
