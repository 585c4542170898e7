"""The catalogue's office: every workshop, and whether people can find it."""

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound

from trustivide.admin import queries
from trustivide.admin.forms import AttachmentForm
from trustivide.admin.views.base import bp, page, page_number
from trustivide.core import clock
from trustivide.core.activities import FEWEST
from trustivide.core.db import db, transaction
from trustivide.web.access import found, staff
from trustivide.web.fragments import go, tell
from trustivide.web.locale import language
from trustivide.workshops import attachments, editing, versions
from trustivide.workshops import queries as workshops
from trustivide.workshops.cards import LANGUAGES, CardError, WorkshopCard
from trustivide.workshops.catalogue import read_cards
from trustivide.workshops.models import WorkshopVersion
from trustivide.workshops.versions import History, mark_of


@bp.get("/catalogue")
@staff("catalogue.manage")
def catalogue() -> ResponseReturnValue:
    """Every workshop, and how many people used what: totals, never of a few."""
    asked = request.args.get("state")
    chosen = asked if asked in versions.STATES else None
    everything = versions.listed(db.session(), language(), chosen)
    return page(
        "catalogue.html",
        fragment="workshops",
        workshops=queries.slice_of(everything, page_number()),
        chosen=chosen,
        people=workshops.people_per_workshop(db.session(), clock.now()),
        fewest=FEWEST,
    )


def past_of(slug: str) -> History:
    """The workshop with its versions, or 404."""
    past: History = found(versions.history(db.session(), slug))
    return past


def title_of(past: History) -> str:
    """What the workshop is called, by what people read or else by what is written."""
    locales = sorted(LANGUAGES, key=lambda code: code != language())
    for version in filter(None, (past.read, *past.versions)):
        for locale in locales:
            if card := card_of(past, version, locale):
                return card.title
    return past.workshop.slug


def card_of(past: History, version: WorkshopVersion, locale: str) -> WorkshopCard | None:
    """A version as readers see it; ``None`` while that language's text breaks a rule."""
    if version.cards is not None:
        return read_cards(version.cards)[locale]
    return past.source(version).readable.get(locale)


def fault_words(fault: CardError, text: str) -> str:
    """What is wrong, with file, line and field, and the line itself."""
    if fault.line is None:
        where = _("%(file)s, %(field)s", file=fault.file, field=fault.field[:80])
        return f"{where}: {fault.words.in_(language())}."
    where = _(
        "%(file)s, rad %(line)d, %(field)s",
        file=fault.file,
        line=fault.line,
        field=fault.field[:80],
    )
    said = text.splitlines()[fault.line - 1 : fault.line]
    line = said[0].strip()[:80] if said else ""
    quoted = " " + _("Där står ”%(line)s”.", line=line) if line else ""
    return f"{where}: {fault.words.in_(language())}.{quoted}"


def faults_of(past: History, version: WorkshopVersion) -> dict[str, list[str]]:
    """What is wrong with a version, in words, by language."""
    source = past.source(version)
    said: dict[str, list[str]] = {locale: [] for locale in LANGUAGES}
    for fault in source.faults:
        locale = fault.file.split(".")[-2]
        said[locale].append(fault_words(fault, source.texts[locale]))
    return said


def show_workshop(
    past: History, *, status: int = 200, upload: AttachmentForm | None = None
) -> ResponseReturnValue:
    """One workshop: what people read, what is being written, its files, what it said before."""
    session, draft = db.session(), past.draft
    faults = faults_of(past, draft) if draft else {}
    return page(
        "workshop.html",
        fragment="workshop",
        status=status,
        past=past,
        title=title_of(past),
        mark_of=mark_of,
        faults=[words for each in faults.values() for words in each],
        writers=versions.writers(session, past.versions),
        planned=versions.planned(session, past.workshop.slug),
        files=attachments.listed(session, past.workshop.id),
        most=attachments.MOST,
        upload=upload or AttachmentForm(formdata=None, language=language()),
    )


@bp.get("/catalogue/<slug>")
@staff("catalogue.manage")
def workshop(slug: str) -> ResponseReturnValue:
    """One workshop."""
    return show_workshop(past_of(slug))


@bp.post("/catalogue/<slug>/publication")
@staff("catalogue.manage")
def publish(slug: str) -> ResponseReturnValue:
    """Let people read a version."""
    past_of(slug)
    number, seen = request.form.get("number", 0, int), request.form.get("seen", "")
    try:
        with transaction() as session:
            editing.publish(session, g.actor.user.id, slug, number, seen, clock.now())
    except editing.Changed:
        tell(
            _("Texten har ändrats sedan du läste den. Läs den igen och publicera sedan."),
            "attention",
        )
        return show_workshop(past_of(slug), status=409)
    except editing.Faulty:
        tell(_("Utkastet följer inte alla regler än, så det kan inte publiceras."), "attention")
        return show_workshop(past_of(slug), status=422)
    except editing.Gone:  # somebody threw it away just now
        raise NotFound from None
    tell(_("Workshoppen är publicerad. Alla kunder hittar den nu."))
    return go(url_for("admin.workshop", slug=slug))


@bp.route("/catalogue/<slug>/withdrawal", methods=["GET", "POST"])
@staff("catalogue.manage")
def withdraw(slug: str) -> ResponseReturnValue:
    """Let nobody find a workshop any more, after reading what that does."""
    past = past_of(slug)
    if past.workshop.state != "published":
        return go(url_for("admin.workshop", slug=slug))
    if request.method == "POST":
        with transaction() as session:
            editing.withdraw(session, g.actor.user.id, slug, clock.now())
        tell(_("Workshoppen är tillbakadragen. Du kan publicera den igen när du vill."))
        return go(url_for("admin.workshop", slug=slug))
    planned = versions.planned(db.session(), slug)
    return page("withdraw_workshop.html", past=past, title=title_of(past), planned=planned)
