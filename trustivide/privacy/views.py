"""The privacy centre: see, correct, choose, download and erase, with or without an account."""

import json
from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError

from trustivide.auth.queries import by_address
from trustivide.core import clock
from trustivide.core.activities import ALL
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.core.inventory import Group
from trustivide.core.subjects import Person
from trustivide.privacy import access, actions, erasure, export, links, queries, receipt
from trustivide.privacy.forms import ErasureForm, FindForm, ReceiptForm, correction_form
from trustivide.privacy.words import show
from trustivide.rights import legal_texts
from trustivide.rights.queries import EVERYTHING
from trustivide.web.access import found, public, subject
from trustivide.web.fragments import go, page, tell
from trustivide.web.limits import tries
from trustivide.web.locale import language

bp = Blueprint("privacy", __name__, url_prefix="/privacy")
unsubscribe_path = actions.unsubscribe_path


def _page(template: str, **context: Any) -> Response:
    """A page of the centre, which always says whose data it shows."""
    visitor: access.Visitor = g.actor
    return page(
        f"privacy/{template}",
        visitor=visitor,
        crumbs=context.pop("crumbs", [(_("Min integritet"), url_for("privacy.index"))]),
        show=show,
        **context,
    )


def _person() -> Any:
    return g.actor.person


def _group(name: str) -> Group:
    group: Group = found(queries.group_for(db.session(), _person(), name))
    return group


def _verify_first() -> Response | None:
    """Send an account whose password was given long ago to give it again."""
    if g.actor.recently_verified:
        return None
    here = request.path if request.method == "GET" else url_for(f"privacy.{_back()}")
    return go(url_for("auth.verify", next=here))


def _back() -> str:
    return "erase" if "/erasure" in request.path else "exports"


# What we know


@bp.get("/")
@subject
def index() -> ResponseReturnValue:
    """Every category of which something is held, and what can be done about it."""
    session, person = db.session(), _person()
    categories = queries.overview(session, person, clock.day_of(clock.now()))
    used = {c.activity for c in categories}
    return _page(
        "index.html",
        categories=categories,
        empty=[a for a in ALL if a not in used],
        pending=queries.pending_erasure(session, person),
        has_account=g.actor.user is None and by_address(session, g.actor.address) is not None,
        crumbs=[],
    )


@bp.get("/data/<name>")
@subject
def data(name: str) -> ResponseReturnValue:
    """Every value of one category."""
    group = _group(name)
    number = request.args.get("page", 1, type=int)
    return _page(
        "data.html",
        fragment="entries",
        group=group,
        rows=queries.entries(db.session(), group, _person(), number),
        deletable=queries.deletable(group),
    )


@bp.route("/data/<name>/<uuid:row>/<field>", methods=["GET", "POST"])
@subject
def correct(name: str, row: UUID, field: str) -> ResponseReturnValue:
    """Correct one value in place (GDPR Art. 16)."""
    group = _group(name)
    column = found(queries.correctable(group, field))
    entry = found(queries.entry(db.session(), group, _person(), row))
    form = correction_form(column, {f.name: v for f, v in entry.cells}[field])
    if form.validate_on_submit():
        try:
            with transaction() as session:
                value = form.value.data or None
                actions.correct(session, _person(), group, row, column, value, clock.now())
            tell(_("Rättat. Det gamla värdet finns inte kvar."))
            return go(url_for("privacy.data", name=name))
        except IntegrityError:
            form.value.errors = [_("Det värdet finns redan i samma team. Välj ett annat.")]
    status = 422 if form.is_submitted() else 200
    context = {"group": group, "entry": entry, "field": column, "form": form}
    return _page("correct.html", fragment="correction", status=status, **context)


@bp.route("/data/<name>/<uuid:row>/deletion", methods=["GET", "POST"])
@subject
def delete_entry(name: str, row: UUID) -> ResponseReturnValue:
    """Delete one entry, after its consequences were read."""
    group = _group(name)
    entry = found(queries.entry(db.session(), group, _person(), row))
    found(queries.deletable(group) or None)
    if request.method == "POST":
        with transaction() as session:
            actions.delete_entries(session, _person(), group, [row], clock.now())
        tell(_("Raderat."))
        return go(url_for("privacy.data", name=name))
    return _page("delete_entries.html", group=group, entry=entry, count=1)


@bp.route("/data/<name>/deletion", methods=["GET", "POST"])
@subject
def delete_all(name: str) -> ResponseReturnValue:
    """Delete every entry of one category, after its consequences were read."""
    group = _group(name)
    found(queries.deletable(group) or None)
    rows = queries.entries(db.session(), group, _person())
    if request.method == "POST":
        with transaction() as session:
            actions.delete_entries(session, _person(), group, None, clock.now())
        tell(_("Allt i kategorin är raderat."))
        return go(url_for("privacy.index"))
    return _page("delete_entries.html", group=group, entry=None, count=rows.total)


# Choices


def _choices() -> Response:
    """The page of choices, or its changed part."""
    return _page(
        "choices.html",
        fragment="choices",
        choices=queries.choices(db.session(), _person()),
        texts={"marketing_email": legal_texts.current("marketing", language())},
    )


def _chosen() -> Response:
    """After a choice: the changed part for htmx, the page anew for everybody else."""
    if request.headers.get("HX-Request") == "true":
        return _choices()
    return go(url_for("privacy.choices"))


@bp.get("/choices")
@subject
def choices() -> ResponseReturnValue:
    """Consents, objections and restrictions as they stand. Looking records nothing."""
    return _choices()


@bp.post("/consents/<activity>")
@subject
def consent(activity: str) -> ResponseReturnValue:
    """Give or withdraw a consent: the same switch, the same number of clicks."""
    concerned, on = found(queries.asks_consent(activity)), "on" in request.form
    with transaction() as session:
        actions.set_consent(
            session,
            _person(),
            concerned,
            legal_texts.current("marketing", language()),
            clock.now(),
            on=on,
            collected_by="privacy_centre",
            gpc_seen=request.headers.get("Sec-GPC") == "1",
        )
    tell(_("Tack, ditt ja är sparat.") if on else _("Ditt nej gäller från och med nu."))
    return _chosen()


@bp.post("/objections/<activity>")
@subject
def objection(activity: str) -> ResponseReturnValue:
    """Object to an activity, or take the objection back (GDPR Art. 21)."""
    concerned, on = found(queries.may_object(_person(), activity)), "on" in request.form
    with transaction() as session:
        actions.set_objection(session, _person(), concerned, clock.now(), on=on)
    tell(_("Din invändning gäller från och med nu.") if on else _("Invändningen är återtagen."))
    return _chosen()


@bp.post("/restrictions/<activity>")
@subject
def restriction(activity: str) -> ResponseReturnValue:
    """Hold back the use of data, for one activity or for all (GDPR Art. 18)."""
    concerned = None
    if activity != EVERYTHING:
        concerned = found(queries.may_restrict(_person(), activity))
    on = "on" in request.form
    with transaction() as session:
        actions.set_restriction(session, _person(), concerned, clock.now(), on=on)
    tell(_("Uppgifterna lagras, men används inte.") if on else _("Begränsningen är upphävd."))
    return _chosen()


@bp.get("/consents/records/<uuid:record>.json")
@subject
def consent_record(record: UUID) -> ResponseReturnValue:
    """One consent record to keep (fields of ISO/IEC TS 27560:2023)."""
    held = found(queries.consent_record(db.session(), _person(), record))
    hidden = {"reference"}
    body = {
        c.key: export.plain_value(getattr(held, c.key))
        for c in held.__mapper__.column_attrs
        if c.key not in hidden
    }
    return _attachment(json.dumps(body, ensure_ascii=False, indent=1), f"samtycke-{record}.json")


def _attachment(body: Any, name: str, mimetype: str = "application/json") -> Response:
    """A file to save (RFC 6266), kept by no cache."""
    response = Response(body, mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


# Download


@bp.route("/export", methods=["GET", "POST"])
@subject
def exports() -> ResponseReturnValue:
    """Ask for a copy of everything, and find those asked for."""
    visitor: access.Visitor = g.actor
    if request.method == "GET":
        held = queries.exports(db.session(), visitor.person)
        return _page("exports.html", exports=held)
    if away := _verify_first():
        return away
    with transaction() as session:
        asked = export.request(
            session,
            visitor.person,
            address=visitor.address,
            locale=visitor.locale,
            now=clock.now(),
        )
    return go(url_for("privacy.export_progress", export_id=asked.id))


@bp.get("/export/<uuid:export_id>")
@subject
def export_progress(export_id: UUID) -> ResponseReturnValue:
    """How far the worker has come, then the way to the file."""
    held = found(queries.export_for(db.session(), _person(), export_id))
    return _page("export.html", fragment="progress", export=held)


@bp.get("/export/<uuid:export_id>/file")
@subject
def export_file(export_id: UUID) -> ResponseReturnValue:
    """The ZIP, decrypted as it is sent, to its owner alone."""
    held = found(queries.export_for(db.session(), _person(), export_id))
    there = held.state == "ready" and held.expires_at > clock.now()
    found((there and export.path_of(held.id).exists()) or None)
    if not g.actor.recently_verified:
        back = url_for("privacy.export_progress", export_id=export_id)
        return go(url_for("auth.verify", next=back))
    day = clock.day_of(held.requested_at)
    body = export.content(held.id, held.file_key)
    return _attachment(body, f"trustivide-{day}.zip", "application/zip")


# Erasure


@bp.route("/erasure", methods=["GET", "POST"])
@subject
def erase() -> ResponseReturnValue:
    """What erasing would do; then, confirmed, deciding it."""
    visitor: access.Visitor = g.actor
    form, session = ErasureForm(), db.session()
    pending = queries.pending_erasure(session, visitor.person)
    if pending is None and (away := _verify_first()):
        return away
    planned = erasure.plan(session, visitor.person)
    if pending is None and not planned.is_blocked and form.validate_on_submit():
        return _decide(visitor)
    status = 422 if form.is_submitted() else 200
    context = {"plan": planned, "pending": pending, "form": form}
    return _page("erase.html", status=status, cooling=erasure.COOLING.days, **context)


def _decide(visitor: access.Visitor) -> Response:
    try:
        with transaction() as session:
            code = erasure.request(
                session,
                visitor.person,
                address=visitor.address,
                name=visitor.name,
                locale=visitor.locale,
                now=clock.now(),
            )
    except Refused:
        return go(url_for("privacy.erase"))
    response = go(url_for("privacy.erasure_receipt", code=code))
    return response if visitor.user else access.end(response)


@bp.post("/erasure/cancellation")
@subject
def cancel_erasure() -> ResponseReturnValue:
    """Take the decision back while it cools off."""
    with transaction() as session:
        undone = erasure.cancel(session, _person(), clock.now())
    if undone:
        tell(_("Raderingen är ångrad. Allt är som förut."))
    return go(url_for("privacy.index"))


@bp.get("/receipt/<code>")
@public
def erasure_receipt(code: str) -> ResponseReturnValue:
    """How far an erasure has come, then its receipt, for whoever holds the code."""
    held = found(erasure.by_code(db.session(), code))
    return page(
        "privacy/receipt.html",
        fragment="progress",
        code=code,
        erasure=held,
        receipt=held.receipt,
        genuine=receipt.is_genuine(held.receipt),
        lines=receipt.lines(held.receipt) if held.receipt else [],
        read_moment=datetime.fromisoformat,
        read_day=date.fromisoformat,
        in_words=lambda both: both[language()],
    )


@bp.get("/receipt/<code>.json")
@public
def receipt_file(code: str) -> ResponseReturnValue:
    """The signed receipt to keep."""
    held = found(erasure.by_code(db.session(), code))
    body = json.dumps(found(held.receipt), ensure_ascii=False, indent=1, sort_keys=True)
    return _attachment(body, f"kvitto-{held.id}.json")


@bp.route("/receipt", methods=["GET", "POST"])
@public
def check_receipt() -> ResponseReturnValue:
    """Whether a receipt that somebody shows was signed here and is unchanged."""
    form, genuine = ReceiptForm(), None
    if form.validate_on_submit():
        genuine = receipt.is_genuine_text(form.receipt.data)
    status = 422 if form.is_submitted() and genuine is None else 200
    return page(
        "privacy/check_receipt.html", fragment="check", status=status, form=form, genuine=genuine
    )


# Without account


@bp.route("/find", methods=["GET", "POST"])
@public
@tries
def find() -> ResponseReturnValue:
    """Ask for a link to what is kept about an address. The answer is always the same."""
    form = FindForm()
    if form.validate_on_submit():
        with transaction() as session:
            links.ask(session, form.email.data, language(), clock.now())
        return go(url_for("privacy.link_sent"))
    status = 422 if form.is_submitted() else 200
    return page("privacy/find.html", fragment="find", status=status, form=form)


@bp.get("/find/sent")
@public
def link_sent() -> ResponseReturnValue:
    """The same words, whether or not anything is known."""
    return page("privacy/link_sent.html")


@bp.route("/enter/<token>", methods=["GET", "POST"])
@public
def enter(token: str) -> ResponseReturnValue:
    """Opening the link shows a button; pressing it uses the link up and opens the visit."""
    if request.method == "GET":
        still_open = links.is_open(db.session(), token, clock.now())
        return page("privacy/enter.html", token=token, open=still_open, status=_gone(still_open))
    with transaction() as session:
        opened = links.enter(session, token, clock.now())
        if opened is not None:
            actions.record(session, Person.of(None, opened[0]), "access", clock.now())
    if opened is None:
        return page("privacy/enter.html", token=token, open=False, status=404)
    return access.begin(go(url_for("privacy.index")), opened[1])


def _gone(still_open: bool) -> int:
    return 200 if still_open else 404


@bp.post("/leave")
@public
def leave() -> ResponseReturnValue:
    """End a visit by mailed link."""
    with transaction() as session:
        links.leave(session, access.token())
    tell(_("Du har lämnat integritetscentret. Länken går inte att använda igen."))
    return access.end(go(url_for("privacy.find")))


# Mail that somebody doesn't want (RFC 8058)


@bp.get("/unsubscribe/<token>")
@public
def unsubscribe(token: str) -> ResponseReturnValue:
    """Say what stops, and offer the button. Opening the link changes nothing."""
    _address, activity = found(actions.read_unsubscribe(token))
    return page("privacy/unsubscribe.html", token=token, activity=activity, done=False)


@bp.post("/unsubscribe/<token>")
@public
def one_click_unsubscribe(token: str) -> ResponseReturnValue:
    """Stop the mail, for whoever holds the link: no session, no questions."""
    address, activity = found(actions.read_unsubscribe(token))
    text = legal_texts.current("marketing", language())
    with transaction() as session:
        actions.unsubscribe(session, address, activity, text, clock.now())
    return page("privacy/unsubscribe.html", token=token, activity=activity, done=True)
