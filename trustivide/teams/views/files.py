"""People from a file: looked through first, then added as they were shown."""

from uuid import UUID

from flask import g, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from trustivide.core import clock, tables
from trustivide.core.db import db, transaction
from trustivide.core.spreadsheet import XLSX
from trustivide.core.tables import Unreadable
from trustivide.teams import actions, member_files, queries
from trustivide.teams.forms import FileForm, ListingForm
from trustivide.teams.models import Team
from trustivide.teams.views.base import bp, show_team, team_of
from trustivide.web.access import member
from trustivide.web.files import attachment
from trustivide.web.forms import clean_address
from trustivide.web.fragments import go, page, tell


@bp.get("/members.xlsx")
@member("teams.manage")
def member_template() -> ResponseReturnValue:
    """An empty file with the headers that are read."""
    name = _("personer")
    from trustivide.core.workbook import workbook

    body = workbook({name: [[_("E-post"), _("Förnamn"), _("Efternamn")]]})
    return attachment(body, f"{name}.xlsx", XLSX)


@bp.post("/<uuid:team_id>/members/file")
@member("teams.manage")
def member_file(team_id: UUID) -> ResponseReturnValue:
    """Show what the people in a file would be. Nothing is saved."""
    team, form = team_of(team_id), FileForm()
    if not form.validate_on_submit():
        return show_team(team, status=422, upload=form)
    try:
        return _preview(team, form.file.data.read(tables.LARGEST_FILE + 1))
    except Unreadable as refused:
        form.file.errors = [_refusal(refused)]
        return show_team(team, status=422, upload=form)


def _preview(team: Team, content: bytes) -> ResponseReturnValue:
    already = {m.email for m in queries.members(db.session(), team)}
    listing = member_files.read(content, already, clean_address)
    sealed = member_files.seal(listing.new, team.id, g.actor.user_id, clock.now())
    return page(
        "teams/file.html",
        status=422 if listing.to_mend else 200,
        team=team,
        listing=listing,
        sealed=sealed,
        upload=FileForm(formdata=None),
    )


def _refusal(refused: Unreadable) -> str:
    """Why a file isn't read, and what to do about it."""
    return {
        tables.EMPTY: _("Filen är tom. Lägg en person per rad och ladda upp den igen."),
        tables.TOO_LARGE: _("Filen är för stor. Den får vara högst 2 MB; dela upp den."),
        tables.TOO_MANY_ROWS: _("Filen har fler än 10 000 rader. Dela upp den."),
        tables.NO_TABLE: _(
            "Filen är varken CSV eller Excel. Spara listan som CSV eller som Excel (.xlsx)."
        ),
        tables.LOCKED: _("Filen är låst med lösenord. Spara den utan lösenord."),
        tables.OLD_EXCEL: _("Filen är i ett äldre Excelformat. Spara den som .xlsx eller CSV."),
        tables.BROKEN: _("Filen går inte att läsa. Öppna den, spara den på nytt och försök igen."),
        tables.MERGED: _(
            "Cellerna %(place)s är sammanfogade. Dela upp dem, så att varje rad är en person.",
            place=refused.place,
        ),
        tables.QUOTES: _(
            "Citattecknen stämmer inte på rad %(place)s. Rätta raden eller spara filen på nytt.",
            place=refused.place,
        ),
        member_files.NO_ADDRESSES: _no_addresses(refused.place),
        member_files.TWICE_NAMED: _(
            "Två kolumner betyder samma sak, till exempel %(place)s. Ta bort den ena.",
            place=refused.place,
        ),
        member_files.NO_HEADER: _(
            "Filen har flera kolumner men ingen rubrikrad. Skriv överst vad kolumnerna är: "
            "E-post, Förnamn och Efternamn."
        ),
        member_files.MUCH_TEXT: _("Filen har för mycket text för en gång. Dela upp den."),
    }[refused.reason]


def _no_addresses(headers: str) -> str:
    if not headers:
        return _("Det finns ingen e-postadress i filen. Lägg en person per rad.")
    return _(
        "Ingen kolumn heter E-post. Kolumnerna heter %(headers)s. Byt namn på den rätta.",
        headers=headers,
    )


@bp.post("/<uuid:team_id>/members/from-file")
@member("teams.manage")
def add_from_file(team_id: UUID) -> ResponseReturnValue:
    """Add exactly the people that the preview showed."""
    team, form = team_of(team_id), ListingForm()
    people = member_files.unseal(form.people.data, team.id, g.actor.user_id, clock.now())
    if not form.validate_on_submit() or people is None:
        tell(_("Det har gått för lång tid. Ladda upp filen igen."), "attention")
        return go(url_for("teams.show", team_id=team_id))
    with transaction() as session:
        added = actions.add_members(session, g.actor, team, people, clock.now())
    tell(ngettext("%(num)d person är tillagd.", "%(num)d personer är tillagda.", added))
    return go(url_for("teams.show", team_id=team_id))
