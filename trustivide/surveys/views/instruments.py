"""Questionnaires: the ones that ship and the organisation's own, read, copied, kept as files."""

from typing import Any
from uuid import UUID

from flask import g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import force_locale, ngettext
from flask_babel import gettext as _

from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.core.errors import Refused
from trustivide.surveys import building, editing, own_instruments
from trustivide.surveys.answering.base import options
from trustivide.surveys.catalogue import (
    ON_ONE_PAGE,
    Dimension,
    Instrument,
    Item,
    Section,
)
from trustivide.surveys.editing import Heading
from trustivide.surveys.forms.building import KINDS, LAYOUTS, HeadingForm
from trustivide.surveys.gaps import Gap
from trustivide.surveys.own_instruments import Own, Version
from trustivide.surveys.views.base import bp
from trustivide.surveys.views.wording import gap_words, place_of
from trustivide.web.access import found, member
from trustivide.web.fragments import go, page, tell
from trustivide.web.locale import LOCALES, language


def own_of(instrument_id: UUID) -> Own:
    """The organisation's own questionnaire; a stranger's is a 404."""
    own: Own = found(own_instruments.for_actor(db.session(), g.actor).get(instrument_id))
    return own


def built_in_of(key: str) -> Instrument:
    """A questionnaire that ships, in its newest version."""
    known = {instrument.key: instrument for instrument in own_instruments.built_in()}
    instrument: Instrument = found(known.get(key))
    return instrument


@bp.get("/instruments/")
@member("surveys.manage")
def instruments() -> ResponseReturnValue:
    """All questionnaires: ready-made, own, and archived apart."""
    own = own_instruments.for_actor(db.session(), g.actor).all()
    return page(
        "surveys/instruments/index.html",
        built_in=own_instruments.built_in(),
        own=[each for each in own if each.row.archived_on is None],
        archived=[each for each in own if each.row.archived_on is not None],
        used_in=own_instruments.used_in(db.session(), g.actor.organisation_id),
    )


def enough() -> str:
    """That there are as many questionnaires as there may be, and what to do."""
    return ngettext(
        "Ni har redan %(num)d eget frågeformulär. Radera ett som ni inte behöver först.",
        "Ni har redan %(num)d egna frågeformulär. Radera något som ni inte behöver först.",
        building.MOST_OWN,
    )


@bp.route("/instruments/new", methods=["GET", "POST"])
@member("surveys.manage")
def new_instrument() -> ResponseReturnValue:
    """A questionnaire of one's own, from its title on."""
    form = HeadingForm()
    if form.validate_on_submit():
        try:
            with transaction() as session:
                own = building.create(session, g.actor, form.part, clock.now())
            tell(_("Frågeformuläret är skapat. Lägg till den första frågan."))
            return go(url_for("surveys.instrument", instrument_id=own.id))
        except Refused:
            form.form_errors.append(enough())
    status = 422 if form.is_submitted() else 200
    return page("surveys/instruments/new.html", status=status, form=form)


@bp.get("/instruments/<uuid:instrument_id>")
@member("surveys.manage")
def instrument(instrument_id: UUID) -> ResponseReturnValue:
    """The newest version, to be edited unless it is used."""
    focus, way = request.args.get("focus"), request.args.get("way")
    return show(own_of(instrument_id), focus=focus, way=way)


def show(own: Own, focus: str | None = None, way: str | None = None) -> ResponseReturnValue:
    """The page of an own questionnaire, on the part that was just changed or moved."""
    return page(
        "surveys/instruments/show.html",
        fragment="structure",
        own=own,
        focus=focus,
        moved_by=_way_on(own.newest.instrument, focus, way),
        editable=own.row.archived_on is None and not own.newest.used,
        used_in=own_instruments.used_in(db.session(), g.actor.organisation_id).get(own.row.id, []),
        **outline(own.newest.instrument),
        planned=own_instruments.planned_with(db.session(), own),
        gaps=[
            (place_of(gap.part, own.newest.instrument), _form_of(own, gap), gap_words(gap))
            for gap in own.newest.gaps
        ],
    )


def _form_of(own: Own, gap: Gap) -> str | None:
    """Where what is missing can be written."""
    here = own.row.id
    match gap.part:
        case Heading():
            return url_for("surveys.instrument_heading", instrument_id=here)
        case Section(key=key) if gap.field == "no_items":
            return url_for("surveys.new_item", instrument_id=here, section=key)
        case Section(key=key):
            return url_for("surveys.instrument_section", instrument_id=here, section=key)
        case Item(key=key):
            return url_for("surveys.instrument_item", instrument_id=here, item=key)
        case Dimension(key=key):
            return url_for("surveys.instrument_dimension", instrument_id=here, dimension=key)
    return None


def _way_on(instrument: Instrument, key: str | None, way: str | None) -> str | None:
    """The button that keeps the focus of a moved part: the one pressed, or the other at an end."""
    if way not in (editing.UP, editing.DOWN) or key is None:
        return None
    if editing.moved(instrument, key, way) != instrument:
        return way
    return editing.DOWN if way == editing.UP else editing.UP


def outline(instrument: Instrument) -> dict[str, Any]:
    """What the pages need that list the questions."""
    return {
        "instrument": instrument,
        "numbers": {item.key: number for number, item in enumerate(instrument.items, 1)},
        "names": {dimension.key: dimension.name for dimension in instrument.dimensions},
        "kinds": KINDS,
        "layouts": LAYOUTS,
    }


@bp.get("/instruments/<uuid:instrument_id>/versions/<int:number>")
@member("surveys.manage")
def instrument_version(instrument_id: UUID, number: int) -> ResponseReturnValue:
    """A version to be read, older ones too."""
    own = own_of(instrument_id)
    version: Version = found(own.version(number))
    return page("surveys/instruments/read.html", own=own, **outline(version.instrument))


@bp.get("/instruments/built-in/<key>")
@member("surveys.manage")
def built_in(key: str) -> ResponseReturnValue:
    """A questionnaire that ships, to be read."""
    return page("surveys/instruments/read.html", own=None, **outline(built_in_of(key)))


# As on a phone: the respondents' own widgets, in a frame without scripts, forms or an address.


@bp.get("/instruments/<uuid:instrument_id>/preview")
@member("surveys.manage")
def instrument_preview(instrument_id: UUID) -> ResponseReturnValue:
    """The newest version as it looks when it is answered. Nothing is stored."""
    own = own_of(instrument_id)
    return _preview(own.newest.instrument, instrument_id=own.row.id)


@bp.get("/instruments/built-in/<key>/preview")
@member("surveys.manage")
def built_in_preview(key: str) -> ResponseReturnValue:
    """A questionnaire that ships as it looks when it is answered. Nothing is stored."""
    return _preview(built_in_of(key), key=key)


def _preview(instrument: Instrument, **where: Any) -> ResponseReturnValue:
    chosen = request.args.get("lang", "")
    locale = chosen if chosen in LOCALES else language()
    parts = [instrument.sections]
    if instrument.layout != ON_ONE_PAGE:
        parts = [(section,) for section in instrument.sections] or parts
    number = min(max(1, request.args.get("part", 1, int)), len(parts))
    with force_locale(locale):
        phone = render_template(
            "surveys/instruments/phone.html",
            instrument=instrument,
            sections=parts[number - 1],
            number=number,
            count=len(parts),
            **options(instrument, locale),
        )
    return page(
        "surveys/instruments/preview.html",
        instrument=instrument,
        where=where,
        phone=phone,
        locale=locale,
        number=number,
        count=len(parts),
    )


# Putting away and removing


@bp.post("/instruments/<uuid:instrument_id>/archive")
@member("surveys.manage")
def instrument_archive(instrument_id: UUID) -> ResponseReturnValue:
    """Put a questionnaire away, or take it back: ``back`` says which."""
    own = own_of(instrument_id)
    with transaction() as session:
        if "back" in request.form:
            building.take_back(session, own)
        else:
            building.archive(session, own, clock.now())
    if "back" in request.form:
        tell(_("Frågeformuläret går att skicka igen."))
    else:
        tell(_("Frågeformuläret är arkiverat. Resultat som använt det står kvar."))
    return go(url_for("surveys.instrument", instrument_id=instrument_id))


@bp.route("/instruments/<uuid:instrument_id>/removal", methods=["GET", "POST"])
@member("surveys.manage")
def instrument_removal(instrument_id: UUID) -> ResponseReturnValue:
    """Erase what nobody was asked with, after saying what that is."""
    own = own_of(instrument_id)
    if request.method == "GET":
        return page("surveys/instruments/removal.html", own=own, instrument=own.newest.instrument)
    try:
        with transaction() as session:
            building.remove(session, own)
    except Refused:
        tell(_("Någon har fått svara på den här versionen. Arkivera i stället."), "attention")
        return go(url_for("surveys.instrument", instrument_id=instrument_id))
    if own.used:
        tell(_("Utkastet är raderat."))
        return go(url_for("surveys.instrument", instrument_id=instrument_id))
    tell(_("Frågeformuläret är raderat."))
    return go(url_for("surveys.instruments"))
