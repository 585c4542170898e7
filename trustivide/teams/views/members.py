"""The people of a team: adding by pasting, correcting, removing, and a way back."""

from hashlib import sha256
from uuid import UUID

from flask import current_app, g, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from itsdangerous import BadSignature, URLSafeTimedSerializer
from markupsafe import Markup

from trustivide.core import clock
from trustivide.core.crypto import DecryptionError, ring
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.teams import actions, queries
from trustivide.teams.addresses import Reading, read
from trustivide.teams.forms import MemberForm, PasteForm, UndoForm
from trustivide.teams.models import Team, TeamMember
from trustivide.teams.views.base import bp, show_team, team_of
from trustivide.web.access import found, member
from trustivide.web.forms import clean_address
from trustivide.web.fragments import go, page, tell, wants_fragment

UNDO_SECONDS = 600
_REMOVED = "removed-member"


def _member(team_id: UUID, member_id: UUID) -> TeamMember:
    wanted: TeamMember = found(queries.for_actor(db.session(), g.actor).member(member_id))
    return wanted if wanted.team_id == team_id else found(None)


@bp.post("/<uuid:team_id>/members/preview")
@member("teams.manage")
def preview(team_id: UUID) -> ResponseReturnValue:
    """Show what pasted addresses would do. Nothing is saved."""
    team, form = team_of(team_id), PasteForm()
    if not form.validate_on_submit():
        return show_team(team, status=422, paste=form)
    return _preview(team, form, _read(team, form))


def _read(team: Team, form: PasteForm) -> Reading:
    already = {m.email for m in queries.members(db.session(), team)}
    return read(form.addresses.data, already, clean_address)


def _preview(team: Team, form: PasteForm, reading: Reading) -> ResponseReturnValue:
    status = 200 if reading.complete else 422
    return page("teams/preview.html", status=status, team=team, form=form, reading=reading)


@bp.post("/<uuid:team_id>/members")
@member("teams.manage")
def add(team_id: UUID) -> ResponseReturnValue:
    """Add what the preview showed: all of it, or knowingly what could be read."""
    team, form = team_of(team_id), PasteForm()
    if not form.validate_on_submit():
        return show_team(team, status=422, paste=form)
    reading = _read(team, form)
    if not reading.complete and "readable_only" not in request.form:
        return _preview(team, form, reading)
    with transaction() as session:
        added = actions.add_members(session, g.actor, team, reading.new, clock.now())
    tell(ngettext("%(num)d person är tillagd.", "%(num)d personer är tillagda.", added))
    return go(url_for("teams.show", team_id=team_id))


@bp.route("/<uuid:team_id>/members/<uuid:member_id>", methods=["GET", "POST"])
@member("teams.manage")
def edit(team_id: UUID, member_id: UUID) -> ResponseReturnValue:
    """Correct a member, in place or on the same page without scripts."""
    wanted = _member(team_id, member_id)
    form = MemberForm(obj=wanted)
    if form.validate_on_submit():
        try:
            with transaction() as session:
                actions.edit_member(
                    session, wanted, email=form.email.data, name=form.name.data, now=clock.now()
                )
            tell(_("Ändringen är sparad."))
            if wants_fragment():
                return show_team(team_of(team_id), focus=member_id)
            return go(url_for("teams.show", team_id=team_id, _anchor=f"member-{member_id}"))
        except Refused:
            form.email.errors = [_("Den adressen finns redan i teamet.")]
    status = 422 if form.is_submitted() else 200
    return show_team(team_of(team_id), status=status, editing=member_id, form=form)


@bp.route("/<uuid:team_id>/members/<uuid:member_id>/removal", methods=["GET", "POST"])
@member("teams.manage")
def remove(team_id: UUID, member_id: UUID) -> ResponseReturnValue:
    """Erase a member, with a way back for ten minutes that the server keeps nothing for.

    Asks first, unless the request says that it is confirmed; in place it does,
    since the way back is offered beside it.
    """
    wanted = _member(team_id, member_id)
    invited = actions.invited_still(db.session(), wanted)
    if "confirmed" not in request.form:
        return page(
            "teams/remove_member.html", team=team_of(team_id), member=wanted, invited=invited
        )
    cookie["undo"] = _undo_token(wanted)
    with transaction() as session:
        actions.remove_member(session, wanted)
    tell(Markup(render_template("teams/_undo.html", invited=invited)))  # nosec B704 # noqa: S704
    if wants_fragment():
        return show_team(team_of(team_id), focus="members")
    return go(url_for("teams.show", team_id=team_id))


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        current_app.config["SECRET_KEY"], _REMOVED, signer_kwargs={"digest_method": sha256}
    )


def _undo_token(removed: TeamMember) -> str:
    """Encrypted as well as signed: it travels through the session cookie and the page."""
    text = f"{removed.email}\n{removed.name or ''}".encode()
    return str(_serializer().dumps([str(removed.team_id), ring().seal(text, _REMOVED).hex()]))


@bp.post("/<uuid:team_id>/members/undo")
@member("teams.manage")
def undo(team_id: UUID) -> ResponseReturnValue:
    """Put back somebody who was just removed."""
    team, form = team_of(team_id), UndoForm()
    removed = _removed(form.token.data, team) if form.validate_on_submit() else None
    if removed is None:
        tell(_("Det har gått för lång tid. Lägg till personen igen."), "attention")
    else:
        with transaction() as session:
            actions.add_members(session, g.actor, team, removed, clock.now())
        tell(_("Personen är tillbaka i teamet."))
    if wants_fragment():
        return show_team(team, focus="members")
    return go(url_for("teams.show", team_id=team_id))


def _removed(token: str | None, team: Team) -> dict[str, str | None] | None:
    """Address and name that a token of this team holds, unless it is too old or forged."""
    try:
        whose, sealed = _serializer().loads(token or "", max_age=UNDO_SECONDS)
        email, name = ring().unseal(bytes.fromhex(sealed), _REMOVED).decode().split("\n", 1)
    except (BadSignature, DecryptionError, ValueError):
        return None
    return {email: name or None} if whose == str(team.id) else None
