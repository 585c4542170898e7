"""Surveys, invitations and answers, unlinkable by construction.

The scheme: an invitation's token is HMAC(link key, invitation id). The
invitation stores one hash of it, the answer set another, and nothing connects
the two without the survey's link key, which is destroyed at closing.
Submitting never writes an invitation, and an answer set holds no time. The
locks on a survey are database triggers; they stand in the migration.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped

from trustivide.core.activities import SURVEY_ANSWERS, TEAM_SURVEYS
from trustivide.core.crypto import Digest, EncryptedAddress, EncryptedBytes, EncryptedJSON
from trustivide.core.db import BLANK, DELETE_ROW, Keep, Model, key, personal, plain
from trustivide.core.subjects import ByCode, ByCookie, ByEmail, ByUser
from trustivide.core.text import Text

MINIMUM_K = 4


class Survey(Model):
    """An instrument sent to a team. Created at launch; everything but its end is locked."""

    __label__ = Text("Enkäter du skickat", "Surveys you sent")
    __collection__ = Text("Enkäter", "Surveys")
    __subject__ = ByUser("launched_by_id")
    __since__ = "opened_at"
    __table_args__ = (CheckConstraint(f"k >= {MINIMUM_K}", name="k"),)

    _THE_SURVEY_STAYS = Keep(
        Text("Hör till organisationen och teamet", "Belongs to the organisation and the team")
    )

    id: Mapped[UUID] = key()
    team_id: Mapped[UUID] = plain(
        ForeignKey("team.id", ondelete="CASCADE"),
        why="structure",
        label=Text("Team", "Team"),
        show="name",
        index=True,
    )
    instrument: Mapped[str] = plain(
        why="key of the instrument's file", label=Text("Frågeformulär", "Questionnaire")
    )
    instrument_version: Mapped[int] = plain(
        why="version of the instrument's file", label=Text("Version", "Version")
    )
    instrument_hash: Mapped[str] = plain(
        why="checksum of the instrument's file",
        label=Text("Formulärets kontrollsumma", "Checksum of the questionnaire"),
    )
    locale: Mapped[str] = plain(why="language of the invitation", label=Text("Språk", "Language"))
    message: Mapped[str] = personal(
        activity=TEAM_SURVEYS, erase=_THE_SURVEY_STAYS, label=Text("Meddelande", "Message")
    )
    k: Mapped[int] = plain(
        why="fewest answers for a result, locked at launch",
        label=Text("Minsta antal svar", "Fewest answers"),
    )
    invited: Mapped[int] = plain(
        why="number of invitations at launch", label=Text("Inbjudna", "Invited")
    )
    link_key: Mapped[bytes | None] = plain(
        EncryptedBytes(), why="sealed: key material of the links, destroyed at closing"
    )
    launched_by_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"), activity=TEAM_SURVEYS, erase=BLANK, derived=True
    )
    opened_at: Mapped[datetime] = personal(
        activity=TEAM_SURVEYS, erase=_THE_SURVEY_STAYS, label=Text("Skickad", "Sent")
    )
    closes_at: Mapped[datetime] = plain(
        why="when the worker closes it", label=Text("Skulle stänga", "Was to close")
    )
    closed_at: Mapped[datetime | None] = plain(why="when it closed", label=Text("Stängd", "Closed"))
    reminded_on: Mapped[date | None] = plain(
        why="day of the newest reminder to all",
        label=Text("Senaste påminnelsen", "Newest reminder"),
    )


class Invitation(Model):
    """One address's right to answer. Never written when somebody answers."""

    __label__ = Text("Enkätinbjudningar", "Survey invitations")
    __collection__ = Text("Enkätinbjudningar", "Survey invitations")
    __subject__ = ByEmail("email_digest")
    __since__ = "survey_id.closed_at"
    __table_args__ = (UniqueConstraint("survey_id", "email_digest"),)

    id: Mapped[UUID] = key()
    survey_id: Mapped[UUID] = personal(
        ForeignKey("survey.id", ondelete="CASCADE"),
        activity=TEAM_SURVEYS,
        erase=DELETE_ROW,
        show="opened_at",
        label=Text("Enkäten skickades", "The survey was sent"),
    )
    email: Mapped[str] = personal(
        EncryptedAddress(),
        activity=TEAM_SURVEYS,
        erase=DELETE_ROW,
        label=Text("E-postadress", "E-mail address"),
    )
    email_digest: Mapped[bytes] = personal(
        Digest(of="email"),
        activity=TEAM_SURVEYS,
        erase=DELETE_ROW,
        derived=True,
        index=True,
        nullable=False,
    )
    lookup: Mapped[bytes] = personal(
        LargeBinary(32), activity=TEAM_SURVEYS, erase=DELETE_ROW, derived=True, unique=True
    )


class AnswerSet(Model):
    """What somebody answered. No time, no name, no row order: only a slot and a receipt."""

    __label__ = Text("Enkätsvar", "Survey answers")
    __collection__ = Text("Enkätsvar", "Survey answers")
    __subject__ = ByCode("receipt")
    __since__ = "survey_id.closed_at"
    __frozen_by__ = "answer_unchanged_after_closing"
    # Without row ids on SQLite: they would repeat the order of submitting.
    __table_args__ = ({"sqlite_with_rowid": False},)

    id: Mapped[UUID] = key()
    survey_id: Mapped[UUID] = plain(
        ForeignKey("survey.id", ondelete="CASCADE"), why="structure", index=True
    )
    slot: Mapped[bytes] = personal(
        LargeBinary(32), activity=SURVEY_ANSWERS, erase=DELETE_ROW, derived=True, unique=True
    )
    receipt: Mapped[bytes] = personal(
        LargeBinary(32), activity=SURVEY_ANSWERS, erase=DELETE_ROW, derived=True, unique=True
    )
    answers: Mapped[dict[str, Any]] = personal(
        EncryptedJSON(),
        activity=SURVEY_ANSWERS,
        erase=DELETE_ROW,
        portable=True,
        label=Text("Svar", "Answers"),
    )
    restricted: Mapped[bool] = personal(
        default=False,
        activity=SURVEY_ANSWERS,
        erase=DELETE_ROW,
        label=Text("Används inte i resultatet", "Not used in the result"),
    )


class Draft(Model):
    """Half-filled answers, encrypted with a key that only the browser's cookie holds."""

    __label__ = Text("Påbörjade svar", "Unfinished answers")
    __collection__ = Text("Påbörjade svar", "Unfinished answers")
    __subject__ = ByCookie("cookie_digest")
    __since__ = "survey_id.closed_at"
    __table_args__ = ({"sqlite_with_rowid": False},)

    id: Mapped[UUID] = key()
    survey_id: Mapped[UUID] = plain(
        ForeignKey("survey.id", ondelete="CASCADE"), why="structure", index=True
    )
    cookie_digest: Mapped[bytes] = personal(
        Digest(purpose="draft"),
        activity=SURVEY_ANSWERS,
        erase=DELETE_ROW,
        derived=True,
        unique=True,
    )
    sealed: Mapped[bytes] = personal(
        LargeBinary,
        activity=SURVEY_ANSWERS,
        erase=DELETE_ROW,
        secret=True,
        label=Text("Påbörjade svar", "Unfinished answers"),
    )


class Snapshot(Model):
    """A survey's frozen result. Computed once at closing from at least k answer sets."""

    __collection__ = Text("Sammanställda resultat", "Published results")
    __frozen_by__ = "snapshot_frozen"

    survey_id: Mapped[UUID] = plain(
        ForeignKey("survey.id", ondelete="CASCADE"),
        primary_key=True,
        why="structure",
        label=Text("Enkäten skickades", "The survey was sent"),
        show="opened_at",
    )
    figures: Mapped[dict[str, Any]] = plain(
        EncryptedJSON(),
        why="sealed: aggregates of at least k answer sets, with comments",
        label=Text("Resultat", "Result"),
    )
