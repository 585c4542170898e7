"""The workshop catalogue, what people do in it, and what teams do with it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from trustivide.core.activities import (
    ACCOUNTS,
    FAVOURITES,
    SEARCH_HISTORY,
    TEAM_WORKSHOPS,
    WORKSHOP_USE,
)
from trustivide.core.crypto import Digest, EncryptedAddress, EncryptedText
from trustivide.core.db import BLANK, DELETE_ROW, Keep, Model, key, personal, plain
from trustivide.core.subjects import ByEmail, ByUser, Via
from trustivide.core.text import Text


class Download(Model):
    """Somebody downloaded a workshop's guide."""

    __label__ = Text("Nedladdade workshoppar", "Downloaded workshops")
    __subject__ = ByUser("user_id")
    __since__ = "at"
    __table_args__ = (Index("ix_download_user_id_at", "user_id", "at"),)

    id: Mapped[UUID] = key()
    user_id: Mapped[UUID] = personal(
        ForeignKey("user.id", ondelete="CASCADE"),
        activity=WORKSHOP_USE,
        erase=DELETE_ROW,
        derived=True,
    )
    workshop: Mapped[str] = personal(
        activity=WORKSHOP_USE, erase=DELETE_ROW, portable=True, label=Text("Workshop", "Workshop")
    )
    at: Mapped[datetime] = personal(
        activity=WORKSHOP_USE, erase=DELETE_ROW, portable=True, label=Text("Tid", "Time")
    )


class Search(Model):
    """Somebody searched the catalogue."""

    __label__ = Text("Sökhistorik", "Search history")
    __subject__ = ByUser("user_id")
    __since__ = "at"
    __table_args__ = (Index("ix_search_user_id_at", "user_id", "at"),)

    id: Mapped[UUID] = key()
    user_id: Mapped[UUID] = personal(
        ForeignKey("user.id", ondelete="CASCADE"),
        activity=SEARCH_HISTORY,
        erase=DELETE_ROW,
        derived=True,
    )
    query: Mapped[str] = personal(
        EncryptedText(),
        activity=SEARCH_HISTORY,
        erase=DELETE_ROW,
        portable=True,
        label=Text("Sökord", "Search words"),
    )
    at: Mapped[datetime] = personal(
        activity=SEARCH_HISTORY, erase=DELETE_ROW, portable=True, label=Text("Tid", "Time")
    )


class Viewing(Model):
    """Somebody read a workshop's page: once for each workshop, with the latest time."""

    __label__ = Text("Workshoppar du tittat på", "Workshops you looked at")
    __subject__ = ByUser("user_id")
    __since__ = "at"
    __table_args__ = (UniqueConstraint("user_id", "workshop"),)

    id: Mapped[UUID] = key()
    user_id: Mapped[UUID] = personal(
        ForeignKey("user.id", ondelete="CASCADE"),
        activity=WORKSHOP_USE,
        erase=DELETE_ROW,
        derived=True,
    )
    workshop: Mapped[str] = personal(
        activity=WORKSHOP_USE, erase=DELETE_ROW, portable=True, label=Text("Workshop", "Workshop")
    )
    at: Mapped[datetime] = personal(
        activity=WORKSHOP_USE, erase=DELETE_ROW, portable=True, label=Text("Tid", "Time")
    )


class Favourite(Model):
    """A workshop that somebody saved to find it again. They asked for it, so it stays."""

    __label__ = Text("Sparade workshoppar", "Saved workshops")
    __subject__ = ByUser("user_id")
    __since__ = "saved_on"
    __table_args__ = (UniqueConstraint("user_id", "workshop"),)

    id: Mapped[UUID] = key()
    user_id: Mapped[UUID] = personal(
        ForeignKey("user.id", ondelete="CASCADE"),
        activity=FAVOURITES,
        erase=DELETE_ROW,
        derived=True,
    )
    workshop: Mapped[str] = personal(
        activity=FAVOURITES, erase=DELETE_ROW, portable=True, label=Text("Workshop", "Workshop")
    )
    saved_on: Mapped[date] = personal(
        activity=FAVOURITES, erase=DELETE_ROW, portable=True, label=Text("Sparad", "Saved")
    )


# The catalogue. It is nobody's personal data, but for which of our staff wrote what.


class Workshop(Model):
    """A workshop of the catalogue. What it says stands in its versions; what people read stays.

    States: draft (never published yet), published (``number`` is the version
    that people read), withdrawn (found by nobody any more; who planned it keeps
    reading it). ``revision`` grows with every change that readers may see.
    """

    __table_args__ = (
        CheckConstraint("state IN ('draft','published','withdrawn')", name="state"),
        CheckConstraint("state = 'draft' OR number IS NOT NULL", name="number"),
    )

    id: Mapped[UUID] = key()
    slug: Mapped[str] = plain(why="the workshop's name in addresses", unique=True)
    state: Mapped[str] = plain(default="draft", why="whether people can find it")
    number: Mapped[int | None] = plain(why="number of the version that people read")
    revision: Mapped[int] = plain(default=0, why="count of changes")


class WorkshopVersion(Model):
    """What a workshop says, in both languages; a published version never changes again.

    ``swedish`` and ``english`` are card files (see :mod:`trustivide.workshops.cards`);
    ``cards`` is what they were read as, by language, and ``None`` while a draft still
    breaks a rule. ``edition`` counts the saves of a draft: who saves an older one than
    the newest is shown both. A workshop has at most one draft.
    """

    __label__ = Text("Workshoppar du skrivit", "Workshops you wrote")
    __subject__ = ByUser("written_by_id")
    __since__ = "written_on"
    __table_args__ = (
        UniqueConstraint("workshop_id", "number"),
        CheckConstraint("origin IN ('library','staff')", name="origin"),
        CheckConstraint("published_on IS NULL OR cards IS NOT NULL", name="published"),
    )

    _THE_TEXT_STAYS = Keep(Text("Hör till katalogen", "Belongs to the catalogue"))

    id: Mapped[UUID] = key()
    workshop_id: Mapped[UUID] = plain(
        ForeignKey("workshop.id", ondelete="CASCADE"), why="structure"
    )
    number: Mapped[int] = plain(why="number of the version")
    origin: Mapped[str] = plain(why="whether it shipped with the product or staff wrote it")
    swedish: Mapped[str] = plain(why="the text of the workshop")
    english: Mapped[str] = plain(why="the text of the workshop")
    cards: Mapped[dict[str, Any] | None] = plain(
        JSON(none_as_null=True), why="the workshop as it was read"
    )
    fingerprint: Mapped[str] = plain(why="checksum of both texts")
    edition: Mapped[int] = plain(default=1, why="count of saves")
    written_by_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"), activity=ACCOUNTS, erase=BLANK, derived=True
    )
    written_on: Mapped[date] = personal(
        activity=ACCOUNTS, erase=_THE_TEXT_STAYS, label=Text("Skriven", "Written")
    )
    published_on: Mapped[date | None] = plain(why="when people first read it")


class Attachment(Model):
    """A file that goes with a workshop. Its bytes lie in the instance's folder, named by its id."""

    __label__ = Text("Filer du lagt till workshoppar", "Files you added to workshops")
    __subject__ = ByUser("added_by_id")
    __since__ = "added_on"
    __table_args__ = (CheckConstraint("kind IN ('pdf','docx','pptx')", name="kind"),)

    _THE_FILE_STAYS = Keep(Text("Hör till katalogen", "Belongs to the catalogue"))

    id: Mapped[UUID] = key()
    workshop_id: Mapped[UUID] = plain(
        ForeignKey("workshop.id", ondelete="CASCADE"), why="structure", index=True
    )
    name: Mapped[str] = personal(
        activity=ACCOUNTS, erase=_THE_FILE_STAYS, label=Text("Filnamn", "File name")
    )
    kind: Mapped[str] = plain(why="what its content was found to be")
    language: Mapped[str] = plain(why="the language that it is in")
    size: Mapped[int] = plain(why="number of bytes")
    sha256: Mapped[str] = plain(why="checksum of the content")
    added_by_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"), activity=ACCOUNTS, erase=BLANK, derived=True
    )
    added_on: Mapped[date] = personal(
        activity=ACCOUNTS, erase=_THE_FILE_STAYS, label=Text("Tillagd", "Added")
    )


# What teams do with it.


_TEAMS_OWN = Keep(
    Text("Hör till organisationen och teamet", "Belongs to the organisation and the team")
)


class WorkshopSession(Model):
    """A workshop that a team plans to run, or ran.

    States: planned, run, cancelled. ``sequence`` counts what was told to calendars
    (RFC 5545 SEQUENCE). The version stays that of the day of planning, also when
    the workshop changes or is withdrawn.
    """

    __label__ = Text("Workshoppar du planerat", "Workshops you planned")
    __collection__ = Text("Teamens workshoppar", "The teams' workshops")
    __subject__ = ByUser("planned_by_id")
    __since__ = "planned_on"
    __until__ = "the team is removed"
    __table_args__ = (
        CheckConstraint("state IN ('planned','run','cancelled')", name="state"),
        CheckConstraint("state <> 'run' OR run_on IS NOT NULL", name="run"),
        CheckConstraint("attendance >= 0", name="attendance"),
    )

    id: Mapped[UUID] = key()
    team_id: Mapped[UUID] = plain(
        ForeignKey("team.id", ondelete="CASCADE"),
        why="structure",
        index=True,
        show="name",
        label=Text("Team", "Team"),
    )
    workshop: Mapped[str] = plain(why="name of the workshop", label=Text("Workshop", "Workshop"))
    version: Mapped[int] = plain(
        why="number of the workshop's version", label=Text("Version", "Version")
    )
    locale: Mapped[str] = plain(why="language of the invitation", label=Text("Språk", "Language"))
    starts_at: Mapped[datetime] = personal(
        activity=TEAM_WORKSHOPS, erase=_TEAMS_OWN, label=Text("Börjar", "Starts")
    )
    minutes: Mapped[int] = plain(why="how long", label=Text("Minuter", "Minutes"))
    place: Mapped[str | None] = personal(
        EncryptedText(), activity=TEAM_WORKSHOPS, erase=_TEAMS_OWN, label=Text("Plats", "Place")
    )
    message: Mapped[str | None] = personal(
        EncryptedText(),
        activity=TEAM_WORKSHOPS,
        erase=_TEAMS_OWN,
        label=Text("Meddelande", "Message"),
    )
    facilitator: Mapped[str | None] = personal(
        EncryptedText(),
        activity=TEAM_WORKSHOPS,
        erase=BLANK,
        subject=ByEmail("facilitator_digest"),
        correct=True,
        label=Text("Den som leder, namn", "Facilitator, name"),
    )
    facilitator_email: Mapped[str | None] = personal(
        EncryptedAddress(),
        activity=TEAM_WORKSHOPS,
        erase=BLANK,
        subject=ByEmail("facilitator_digest"),
        label=Text("Den som leder, e-postadress", "Facilitator, e-mail address"),
    )
    facilitator_digest: Mapped[bytes | None] = personal(
        Digest(of="facilitator_email"),
        activity=TEAM_WORKSHOPS,
        erase=BLANK,
        subject=ByEmail("facilitator_digest"),
        derived=True,
        index=True,
    )
    state: Mapped[str] = plain(
        default="planned", why="planned, run or cancelled", label=Text("Läge", "State")
    )
    sequence: Mapped[int] = plain(
        default=0, why="count of what calendars were told", label=Text("Ändringar", "Changes")
    )
    run_on: Mapped[date | None] = plain(why="when it was run", label=Text("Genomförd", "Run"))
    attendance: Mapped[int | None] = plain(
        why="how many took part, never who", label=Text("Antal deltagare", "Number of participants")
    )
    note: Mapped[str | None] = personal(
        EncryptedText(), activity=TEAM_WORKSHOPS, erase=_TEAMS_OWN, label=Text("Anteckning", "Note")
    )
    follow_up_on: Mapped[date | None] = plain(
        why="when the team looks back", label=Text("Följs upp", "Follow-up")
    )
    reminded_on: Mapped[date | None] = plain(
        why="when the follow-up was mailed about", label=Text("Påmind", "Reminded")
    )
    planned_by_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"),
        activity=TEAM_WORKSHOPS,
        erase=BLANK,
        derived=True,
    )
    planned_on: Mapped[date] = personal(
        activity=TEAM_WORKSHOPS, erase=_TEAMS_OWN, label=Text("Planerad", "Planned")
    )


class SessionAction(Model):
    """Something that a team agreed to do at a workshop, maybe with somebody who sees to it."""

    __label__ = Text("Överenskommelser du skrivit upp", "Agreed actions you noted")
    __collection__ = Text("Workshoppars överenskommelser", "Workshops' agreed actions")
    __subject__ = ByUser("noted_by_id")
    __since__ = "noted_on"
    __until__ = "the team is removed"

    id: Mapped[UUID] = key()
    session_id: Mapped[UUID] = plain(
        ForeignKey("workshop_session.id", ondelete="CASCADE"),
        why="structure",
        index=True,
        show="workshop",
        label=Text("Workshop", "Workshop"),
    )
    what: Mapped[str] = personal(
        EncryptedText(), activity=TEAM_WORKSHOPS, erase=_TEAMS_OWN, label=Text("Vad", "What")
    )
    owner_id: Mapped[UUID | None] = personal(
        ForeignKey("team_member.id", ondelete="SET NULL"),
        activity=TEAM_WORKSHOPS,
        subject=Via("owner_id"),
        erase=BLANK,
        label=Text("Det du lovat se till", "What you promised to see to"),
        derived=True,
        index=True,
    )
    due_on: Mapped[date | None] = plain(
        why="when it is to be done", label=Text("Klart senast", "Due")
    )
    reminded_on: Mapped[date | None] = plain(
        why="when it was mailed about", label=Text("Påmind", "Reminded")
    )
    done_on: Mapped[date | None] = plain(why="when it was done", label=Text("Gjort", "Done"))
    noted_by_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"),
        activity=TEAM_WORKSHOPS,
        erase=BLANK,
        derived=True,
    )
    noted_on: Mapped[date] = personal(
        activity=TEAM_WORKSHOPS, erase=_TEAMS_OWN, label=Text("Uppskriven", "Noted")
    )
