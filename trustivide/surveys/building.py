"""Building an organisation's own questionnaires.

What is edited is the newest version, stored whole after each change, complete or not.
A version that somebody was asked with never changes, which a trigger sees to as well: a
change to it makes the next version.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from trustivide.core.clock import day_of
from trustivide.core.errors import Refused
from trustivide.core.text import Text
from trustivide.organisations.queries import Actor
from trustivide.surveys import editing
from trustivide.surveys.catalogue import Instrument, Section
from trustivide.surveys.editing import Heading, Part
from trustivide.surveys.models import InstrumentVersion, OwnInstrument
from trustivide.surveys.own_instruments import Own, OwnInstruments, built_in
from trustivide.surveys.queries import checked
from trustivide.surveys.writing import dump


class Changed(Refused):
    """Somebody else has changed or removed the part meanwhile; ``now`` is how it stands."""

    def __init__(self, now: Part | None) -> None:
        super().__init__("changed meanwhile")
        self.now = now


# Beginning


MOST_OWN = 100
"""Own questionnaires of an organisation, archived ones too."""


def create(session: Session, actor: Actor, heading: Heading, now: datetime) -> OwnInstrument:
    """A new questionnaire with a section for its first question."""
    first = Section(editing.new_key("s"), Text("Frågor", "Questions"), ())
    empty = Instrument("", 1, heading.title, heading.intro, (), (first,), "", heading.layout)
    return copy(session, actor, empty, now)


def copy(session: Session, actor: Actor, instrument: Instrument, now: datetime) -> OwnInstrument:
    """A questionnaire of the actor's organisation that asks what ``instrument`` asks.

    Raises :class:`Refused` where there are a hundred already: each is read whenever somebody
    chooses what to send.
    """
    theirs = select(func.count()).where(OwnInstrument.organisation_id == actor.organisation_id)
    if (session.scalar(theirs) or 0) >= MOST_OWN:
        raise Refused("enough")
    own = OwnInstrument(
        organisation_id=actor.organisation_id,
        key=f"own-{uuid4().hex[:12]}",
        created_by_id=actor.user_id,
        created_on=day_of(now),
    )
    session.add(own)
    session.flush()
    _store(InstrumentVersion(instrument_id=own.id, version=1), own, _apart(instrument), session)
    return own


def renamed(instrument: Instrument) -> Instrument:
    """Under a title that says that it is a copy, as far as there is room."""
    sv, en = instrument.title.sv, instrument.title.en
    most = editing.LONGEST["title"]
    title = editing.words(
        f"Kopia av {sv}"[:most] if sv else "", f"Copy of {en}"[:most] if en else ""
    )
    return replace(instrument, title=title)


def _apart(instrument: Instrument) -> Instrument:
    # While editing, a key names one part among sections, items and dimensions alike.
    taken = {*instrument.by_key, *(dimension.key for dimension in instrument.dimensions)}
    sections = tuple(
        replace(s, key=editing.new_key("s")) if s.key in taken else s for s in instrument.sections
    )
    return replace(instrument, sections=sections)


def _store(
    version: InstrumentVersion, own: OwnInstrument, instrument: Instrument, session: Session
) -> None:
    version.content = dump(replace(instrument, key=own.key, version=version.version))
    version.fingerprint = sha256(version.content.encode()).hexdigest()
    session.add(version)
    session.flush()


# Editing


def save(
    session: Session, own: Own, part: Part, *, seen: str | None = None, into: str | None = None
) -> None:
    """Put a part into the newest version: in the place of the one with its key, or at the end.

    ``seen`` is the mark (:func:`editing.mark`) of what the writer began from, nothing for
    a new part; ``into`` is the section of a new item. Raises :class:`Changed` when it is
    something else by now, :class:`editing.TooMany`, and :class:`Refused` where there is
    no section for it or the questionnaire is gone.
    """

    def change(instrument: Instrument) -> Instrument:
        now = _standing(instrument, part)
        if seen is not None and editing.mark(now) != seen:
            raise Changed(now)
        return editing.put(instrument, part, into)

    _change(session, own, change)


def _standing(instrument: Instrument, part: Part) -> Part | None:
    if isinstance(part, Heading):
        return editing.heading_of(instrument)
    return editing.find(instrument, part.key)


def remove_part(session: Session, own: Own, key: str) -> None:
    """Take a section with its items, an item or a dimension out of the newest version."""
    _change(session, own, lambda instrument: editing.without(instrument, key))


def move(session: Session, own: Own, key: str, way: str) -> Instrument:
    """Move a section or an item one step ``editing.UP`` or ``editing.DOWN``."""
    return _change(session, own, lambda instrument: editing.moved(instrument, key, way))


def place(session: Session, own: Own, key: str, into: str | None, index: int) -> Instrument:
    """Move an item to a place in the section ``into``, or a section to a place among all."""
    return _change(session, own, lambda instrument: editing.placed(instrument, key, into, index))


def begin_version(session: Session, own: Own) -> None:
    """Make the next version as a copy of a used one, to be edited; one that isn't used stays."""
    _change(session, own, lambda instrument: instrument)


def _change(session: Session, own: Own, how: Callable[[Instrument], Instrument]) -> Instrument:
    fresh = _alone(session, own)
    newest = fresh.newest
    instrument = how(newest.instrument)
    version = newest.row
    if newest.used:
        version = InstrumentVersion(instrument_id=own.row.id, version=newest.row.version + 1)
    _store(version, fresh.row, instrument, session)
    return instrument


def _alone(session: Session, own: Own) -> Own:
    """The questionnaire as it stands once nobody else changes or begins to use it.

    Raises :class:`Refused` when it is gone.
    """
    versions = select(InstrumentVersion.id).where(InstrumentVersion.instrument_id == own.row.id)
    session.execute(versions.with_for_update())
    session.expire_all()
    fresh = OwnInstruments(session, own.row.organisation_id).get(own.row.id)
    if fresh is None:
        raise Refused("gone")
    return fresh


# Offering, putting away, removing


def sendable(session: Session, organisation_id: UUID) -> list[tuple[UUID | None, Instrument]]:
    """What the organisation can ask with: (version's id, questionnaire), its own ones last.

    The built-in ones, whose id is ``None``, in their newest version; of the own ones that
    aren't archived the newest version that lacks nothing.
    """
    offered: list[tuple[UUID | None, Instrument]] = [(None, i) for i in built_in()]
    for own in OwnInstruments(session, organisation_id).all():
        complete = next((v for v in own.versions if not v.gaps), None)
        if complete and own.row.archived_on is None:
            offered.append((complete.row.id, checked(complete.key, complete.row)))
    return offered


def hold(session: Session, version_id: UUID, fingerprint: str) -> None:
    """Let nobody change a version until the commit that uses it.

    Raises :class:`Refused` when it is no longer what ``fingerprint`` says: somebody has
    edited it since it was looked over.
    """
    found = session.scalar(
        select(InstrumentVersion.fingerprint)
        .where(InstrumentVersion.id == version_id)
        .with_for_update(read=True)
    )
    if found != fingerprint:
        raise Refused("questionnaire changed")


def archive(session: Session, own: Own, now: datetime) -> None:
    """Offer it no more when surveys are sent; what it was used for stays."""
    own.row.archived_on = day_of(now)
    session.flush()


def take_back(session: Session, own: Own) -> None:
    """Offer an archived one again."""
    own.row.archived_on = None
    session.flush()


def remove(session: Session, own: Own) -> None:
    """Erase what nobody was asked with: the whole questionnaire, or its newest version alone.

    Raises :class:`Refused` when even the newest version is used, or it is gone.
    """
    fresh = _alone(session, own)
    if fresh.newest.used:
        raise Refused("used")
    session.delete(fresh.newest.row if fresh.used else fresh.row)
    session.flush()
