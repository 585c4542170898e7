"""Editing an own questionnaire: its heading, sections, items and dimensions, and their order."""

from typing import Any
from uuid import UUID

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from trustivide.core.db import transaction
from trustivide.core.errors import Refused
from trustivide.surveys import building, editing
from trustivide.surveys.building import Changed
from trustivide.surveys.catalogue import TEXT, Dimension, Item, Section
from trustivide.surveys.editing import Part, TooMany
from trustivide.surveys.forms.building import (
    KINDS,
    DimensionForm,
    HeadingForm,
    ItemForm,
    PartForm,
    SectionForm,
)
from trustivide.surveys.own_instruments import Own
from trustivide.surveys.views.base import bp
from trustivide.surveys.views.instruments import own_of, show
from trustivide.surveys.views.wording import place_of
from trustivide.web.access import found, member
from trustivide.web.fragments import go, page, tell, wants_fragment


def _back(own: Own, focus: str | None = None, way: str | None = None) -> ResponseReturnValue:
    # No fragment in the address: with one, browsers ignore autofocus.
    there = url_for("surveys.instrument", instrument_id=own.row.id, focus=focus, way=way)
    return go(there)


def _form(
    kind: str, own: Own, form: PartForm, *, status: int = 200, **more: Any
) -> ResponseReturnValue:
    return page(
        f"surveys/instruments/{kind}.html",
        fragment="fields" if kind == "item" else None,
        status=status,
        own=own,
        instrument=own.newest.instrument,
        form=form,
        kinds=KINDS,
        **more,
    )


def _save(
    kind: str, own: Own, form: PartForm, part: Part, *, into: str | None = None, **more: Any
) -> ResponseReturnValue | None:
    """Store the part; the form's page when that can't be done, with all that was typed."""
    new = more.get("key") is None and not isinstance(part, editing.Heading)
    try:
        with transaction() as session:
            building.save(session, own, part, seen=None if new else form.seen.data, into=into)
    except Changed as changed:
        # The next press knows what it writes over.
        form.seen.data = editing.mark(changed.now)
        fresh = own_of(own.row.id)
        return _form(kind, fresh, form, status=409, changed=changed, into=into, **more)
    except TooMany:
        problem = _("Högst 100 frågor, 50 delar och 20 dimensioner får plats.")
        form.form_errors.append(problem)
        return _form(kind, own, form, status=422, into=into, **more)
    except Refused:
        tell(
            _("Det finns ingen del att lägga frågan i. Det du skrivit finns kvar nedan."),
            "attention",
        )
        return _form(kind, own_of(own.row.id), form, status=409, into=into, **more)
    return None


@bp.post("/instruments/<uuid:instrument_id>/versions")
@member("surveys.manage")
def new_version(instrument_id: UUID) -> ResponseReturnValue:
    """Go on in a new version where the newest is used."""
    own = own_of(instrument_id)
    with transaction() as session:
        building.begin_version(session, own)
    tell(_("Nu ändrar du i en ny version."))
    return _back(own)


@bp.route("/instruments/<uuid:instrument_id>/heading", methods=["GET", "POST"])
@member("surveys.manage")
def instrument_heading(instrument_id: UUID) -> ResponseReturnValue:
    """Title, introduction and layout."""
    own, form = own_of(instrument_id), HeadingForm()
    if not form.is_submitted():
        form.fill(editing.heading_of(own.newest.instrument))
        return _form("heading", own, form)
    if not form.validate():
        return _form("heading", own, form, status=422)
    if answer := _save("heading", own, form, form.part):
        return answer
    tell(_("Ändringen är sparad."))
    return _back(own, "heading")


@bp.route("/instruments/<uuid:instrument_id>/sections", methods=["GET", "POST"])
@member("surveys.manage")
def new_section(instrument_id: UUID) -> ResponseReturnValue:
    """One more section, at the end."""
    return _section(own_of(instrument_id), None)


@bp.route("/instruments/<uuid:instrument_id>/sections/<section>", methods=["GET", "POST"])
@member("surveys.manage")
def instrument_section(instrument_id: UUID, section: str) -> ResponseReturnValue:
    """A section's title and text."""
    return _section(own_of(instrument_id), section)


def _section(own: Own, key: str | None) -> ResponseReturnValue:
    form = SectionForm()
    if not form.is_submitted():
        if key:
            form.fill(_standing(own, key, Section))
        return _form("section", own, form, key=key)
    if not form.validate():
        return _form("section", own, form, status=422, key=key)
    section = form.part(key)
    if answer := _save("section", own, form, section, key=key):
        return answer
    tell(_("Delen är sparad."))
    return _back(own, section.key)


def _standing(own: Own, key: str, kind: type[Any]) -> Any:
    """The part as it stands; 404 where there is none of that kind."""
    part = editing.find(own.newest.instrument, key)
    return found(part if isinstance(part, kind) else None)


@bp.route("/instruments/<uuid:instrument_id>/dimensions", methods=["GET", "POST"])
@member("surveys.manage")
def new_dimension(instrument_id: UUID) -> ResponseReturnValue:
    """One more dimension."""
    return _dimension(own_of(instrument_id), None)


@bp.route("/instruments/<uuid:instrument_id>/dimensions/<dimension>", methods=["GET", "POST"])
@member("surveys.manage")
def instrument_dimension(instrument_id: UUID, dimension: str) -> ResponseReturnValue:
    """A dimension's name and description."""
    return _dimension(own_of(instrument_id), dimension)


def _dimension(own: Own, key: str | None) -> ResponseReturnValue:
    form = DimensionForm()
    if not form.is_submitted():
        if key:
            form.fill(_standing(own, key, Dimension))
        return _form("dimension", own, form, key=key)
    if not form.validate():
        return _form("dimension", own, form, status=422, key=key)
    dimension = form.part(key)
    if answer := _save("dimension", own, form, dimension, key=key):
        return answer
    tell(_("Dimensionen är sparad."))
    return _back(own, dimension.key)


@bp.route("/instruments/<uuid:instrument_id>/sections/<section>/items", methods=["GET", "POST"])
@member("surveys.manage")
def new_item(instrument_id: UUID, section: str) -> ResponseReturnValue:
    """One more item, at the end of a section."""
    own = own_of(instrument_id)
    if request.method == "GET":
        _standing(own, section, Section)
    return _item(own, None, into=section)


@bp.route("/instruments/<uuid:instrument_id>/items/<item>", methods=["GET", "POST"])
@member("surveys.manage")
def instrument_item(instrument_id: UUID, item: str) -> ResponseReturnValue:
    """An item: its words, its kind and what belongs to that."""
    return _item(own_of(instrument_id), item)


def _item(own: Own, key: str | None, into: str | None = None) -> ResponseReturnValue:
    form = ItemForm()
    form.offer(own.newest.instrument)
    if not form.is_submitted():
        if key:
            form.fill(_standing(own, key, Item))
        elif request.args.get("kind") in KINDS:
            form.kind.data = request.args["kind"]
        return _form("item", own, form, key=key, into=into)
    if request.form.get("step") == "kind":
        if key is None:
            form.required.data = form.kind.data != TEXT
        return _form("item", own, form, key=key, into=into)
    if not form.validate():
        return _form("item", own, form, status=422, key=key, into=into)
    before = editing.find(own.newest.instrument, key) if key else None
    item = form.part(before if isinstance(before, Item) else None)
    if answer := _save("item", own, form, item, key=key, into=into):
        return answer
    tell(_("Frågan är sparad."))
    if request.form.get("step") == "another" and into:
        kind = form.kind.data
        return go(url_for("surveys.new_item", instrument_id=own.row.id, section=into, kind=kind))
    return _back(own, item.key)


@bp.route("/instruments/<uuid:instrument_id>/parts/<part>/removal", methods=["GET", "POST"])
@member("surveys.manage")
def part_removal(instrument_id: UUID, part: str) -> ResponseReturnValue:
    """Take out a section with its items, an item or a dimension, after saying what goes."""
    own = own_of(instrument_id)
    instrument = own.newest.instrument
    standing = found(editing.find(instrument, part))
    if request.method == "POST":
        with transaction() as session:
            building.remove_part(session, own, part)
        tell(_("%(part)s är borttagen.", part=place_of(standing, instrument)))
        return _back(own)
    place = place_of(standing, instrument)
    return page(
        "surveys/instruments/part_removal.html",
        own=own,
        instrument=instrument,
        part=standing,
        place=place,
    )


@bp.post("/instruments/<uuid:instrument_id>/order")
@member("surveys.manage")
def instrument_order(instrument_id: UUID) -> ResponseReturnValue:
    """Move an item or a section: one step ``up`` or ``down``, or to a place that was dragged to."""
    own = own_of(instrument_id)
    way = next((way for way in (editing.UP, editing.DOWN) if request.form.get(way)), None)
    key = request.form.get(way or "key", "")
    with transaction() as session:
        if way:
            building.move(session, own, key, way)
        else:
            into, index = request.form.get("into"), request.form.get("index", 0, int)
            building.place(session, own, key, into, index)
    own = own_of(instrument_id)
    moved = editing.find(own.newest.instrument, key)
    if moved is not None:
        tell(_("Flyttad. Nu är det %(place)s.", place=place_of(moved, own.newest.instrument)))
    if wants_fragment():
        return show(own, focus=key, way=way)
    return _back(own, key, way)
