"""Writing workshops: a new one, or the draft of one that is there."""

from functools import cache
from pathlib import Path

from flask import current_app, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound

from trustivide.admin.forms import DraftForm, NewWorkshopForm
from trustivide.admin.views.base import bp, page
from trustivide.admin.views.catalogue import faults_of, past_of, title_of
from trustivide.admin.views.workshop_versions import differences
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.web.access import found, staff
from trustivide.web.fragments import go, tell
from trustivide.workshops import attachments, cards, editing, versions
from trustivide.workshops.versions import History

_PLACES = ("/workshops/", "/admin/catalogue/")


@cache
def example() -> dict[str, str]:
    """A complete workshop that explains its own fields, by language."""
    folder = Path(cards.__file__).parent
    return {code: (folder / f"example.{code}.md").read_text("utf-8") for code in cards.LANGUAGES}


def reserved() -> frozenset[str]:
    """The words that pages of ours have where a workshop's name stands in addresses."""
    rules = [str(rule) for rule in current_app.url_map.iter_rules()]
    return frozenset(
        rule.removeprefix(place).split("/")[0]
        for rule in rules
        for place in _PLACES
        if rule.startswith(place)
    )


@bp.route("/catalogue/new", methods=["GET", "POST"])
@staff("catalogue.manage")
def new_workshop() -> ResponseReturnValue:
    """Begin a workshop, from an example that is whole."""
    form = NewWorkshopForm(swedish=example()["sv"], english=example()["en"])
    if not form.validate_on_submit():
        return _new(form, 422 if form.is_submitted() else 200)
    slug, staff_id, taken = form.slug.data, g.actor.user.id, reserved()
    texts = form.swedish.data, form.english.data
    try:
        with transaction() as session:
            editing.create(session, staff_id, slug, *texts, clock.now(), taken)
    except editing.Taken:
        form.slug.errors = [_("Namnet är upptaget. Välj ett annat.")]
        return _new(form, 422)
    return _saved(slug)


def _new(form: NewWorkshopForm, status: int) -> ResponseReturnValue:
    return page("new_workshop.html", status=status, form=form, longest=editing.LONGEST_SLUG)


def _saved(slug: str) -> ResponseReturnValue:
    """On to the workshop's page, to what was asked for, or back to what is wrong."""
    draft = past_of(slug).draft
    if draft is None:
        tell(_("Ingenting är ändrat."), "info")
        return go(url_for("admin.workshop", slug=slug))
    if draft.cards is None:
        tell(
            _("Utkastet är sparat. Innan det kan publiceras behöver det som står här rättas."),
            "attention",
        )
        return go(url_for("admin.draft", slug=slug))
    tell(_("Utkastet är sparat."))
    if request.form.get("then") == "preview":
        return go(url_for("admin.preview_version", slug=slug, number=draft.number))
    return go(url_for("admin.workshop", slug=slug))


@bp.route("/catalogue/<slug>/draft", methods=["GET", "POST"])
@staff("catalogue.manage")
def draft(slug: str) -> ResponseReturnValue:
    """Edit a workshop: its draft, else what people read, or an older version with ``version``.

    Nothing is stored before the draft is saved.
    """
    if request.method == "POST":
        return _save(slug)
    past = past_of(slug)
    start = found(past.version(request.args.get("version", past.base.number, int)))
    form = DraftForm(swedish=start.swedish, english=start.english, seen=past.mark)
    faults = faults_of(past, start)
    form.swedish.errors, form.english.errors = faults["sv"], faults["en"]
    return _editor(past, form, start=start)


def _editor(
    past: History, form: DraftForm, status: int = 200, **more: object
) -> ResponseReturnValue:
    return page(
        "draft.html",
        status=status,
        past=past,
        title=title_of(past),
        form=form,
        example=example(),
        **more,
    )


def _save(slug: str) -> ResponseReturnValue:
    form, past = DraftForm(), versions.history(db.session(), slug)
    if past is None:
        return _begin_again(slug, form)
    if not form.validate():
        return _editor(past, form, 422, start=past.base)
    texts = form.swedish.data, form.english.data
    try:
        with transaction() as session:
            editing.save(session, g.actor.user.id, slug, *texts, form.seen.data, clock.now())
    except editing.Gone:
        return _begin_again(slug, form)
    except editing.Changed:
        return _both(past_of(slug), form)
    return _saved(slug)


def _begin_again(slug: str, form: DraftForm) -> ResponseReturnValue:
    """Somebody threw the workshop away meanwhile: what was typed can become a new one."""
    tell(
        _("Någon har slängt workshoppen. Din text finns kvar här; spara den som en ny."),
        "attention",
    )
    texts = {"swedish": form.swedish.data, "english": form.english.data}
    return _new(NewWorkshopForm(formdata=None, slug=slug, **texts), 422)


def _both(past: History, form: DraftForm) -> ResponseReturnValue:
    """Somebody else has saved meanwhile: both texts, side by side, and nothing lost.

    The next press knows what it writes over.
    """
    theirs = past.base
    form.seen.data = past.mark
    return page(
        "draft_conflict.html",
        status=422,
        past=past,
        title=title_of(past),
        form=form,
        theirs=theirs,
        writers=versions.writers(db.session(), [theirs]),
        parts={
            "sv": list(differences(theirs.swedish, form.swedish.data)),
            "en": list(differences(theirs.english, form.english.data)),
        },
    )


@bp.route("/catalogue/<slug>/draft/removal", methods=["GET", "POST"])
@staff("catalogue.manage")
def discard_draft(slug: str) -> ResponseReturnValue:
    """Throw a draft away, after reading what goes with it."""
    past = past_of(slug)
    if past.draft is None:
        return go(url_for("admin.workshop", slug=slug))
    if request.method == "GET":
        return _discarding(past, 200)
    try:
        with transaction() as session:
            files = editing.discard(session, slug, request.form.get("seen", ""))
    except editing.Changed:
        tell(_("Utkastet har ändrats sedan du läste det. Läs det först."), "attention")
        return _discarding(past_of(slug), 409)
    except editing.Gone:
        raise NotFound from None
    attachments.clear(attachments.folder_in(current_app.config["SETTINGS"].instance), files)
    tell(_("Utkastet är slängt."))
    return go(
        url_for("admin.catalogue" if len(past.versions) == 1 else "admin.workshop", slug=slug)
    )


def _discarding(past: History, status: int) -> ResponseReturnValue:
    files = attachments.listed(db.session(), past.workshop.id)
    return page("discard_draft.html", status=status, past=past, title=title_of(past), files=files)
