"""Copies of questionnaires, and questionnaires as files."""

from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core import clock
from trustivide.core.db import transaction
from trustivide.core.errors import Refused
from trustivide.surveys import building
from trustivide.surveys.catalogue import Instrument, InstrumentError
from trustivide.surveys.forms.importing import ImportForm
from trustivide.surveys.importing import imported
from trustivide.surveys.own_instruments import Version
from trustivide.surveys.views.base import bp
from trustivide.surveys.views.instruments import built_in_of, enough, outline, own_of
from trustivide.surveys.views.wording import place_words, rule_words
from trustivide.surveys.writing import dump, file_name
from trustivide.web.access import found, member
from trustivide.web.files import attachment
from trustivide.web.fragments import go, page, tell

TOML = "application/toml"


@bp.post("/instruments/<uuid:instrument_id>/copies")
@member("surveys.manage")
def copy_instrument(instrument_id: UUID) -> ResponseReturnValue:
    """Another questionnaire that begins where this one stands."""
    return _copy(own_of(instrument_id).newest.instrument)


@bp.post("/instruments/built-in/<key>/copies")
@member("surveys.manage")
def copy_built_in(key: str) -> ResponseReturnValue:
    """A questionnaire of one's own that begins where one that ships stands."""
    return _copy(built_in_of(key))


def _copy(instrument: Instrument) -> ResponseReturnValue:
    try:
        with transaction() as session:
            own = building.copy(session, g.actor, building.renamed(instrument), clock.now())
    except Refused:
        tell(enough(), "attention")
        return go(url_for("surveys.instruments"))
    tell(_("Kopian är er egen. Ändra den som ni vill."))
    return go(url_for("surveys.instrument", instrument_id=own.id))


@bp.get("/instruments/<uuid:instrument_id>/file")
@member("surveys.manage")
def instrument_file(instrument_id: UUID) -> ResponseReturnValue:
    """A version as a TOML file, the newest unless ``version`` says otherwise."""
    own = own_of(instrument_id)
    wanted = request.args.get("version", own.newest.row.version, int)
    version: Version = found(own.version(wanted))
    return attachment(version.row.content, file_name(version.instrument), TOML)


@bp.get("/instruments/built-in/<key>/file")
@member("surveys.manage")
def built_in_file(key: str) -> ResponseReturnValue:
    """A questionnaire that ships as a TOML file."""
    instrument = built_in_of(key)
    return attachment(dump(instrument), file_name(instrument), TOML)


@bp.route("/instruments/import", methods=["GET", "POST"])
@member("surveys.manage")
def instrument_import() -> ResponseReturnValue:
    """A questionnaire from a TOML file: looked over first, and made when that is confirmed."""
    form = ImportForm()
    if not form.validate_on_submit():
        status = 422 if form.is_submitted() else 200
        return page("surveys/instruments/import.html", status=status, form=form)
    try:
        instrument = imported(form.content.data)
    except InstrumentError as error:
        form.content.errors = [f"{place_words(error)}: {rule_words(error)}"]
        return page("surveys/instruments/import.html", status=422, form=form)
    if request.form.get("step") != "save":
        return page("surveys/instruments/imported.html", form=form, **outline(instrument))
    try:
        with transaction() as session:
            own = building.copy(session, g.actor, instrument, clock.now())
    except Refused:
        form.content.errors = [enough()]
        return page("surveys/instruments/import.html", status=422, form=form)
    tell(_("Frågeformuläret är importerat."))
    return go(url_for("surveys.instrument", instrument_id=own.id))
