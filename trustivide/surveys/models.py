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

from sqlalchemy import JSON, CheckConstraint, ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped

from trustivide.core.activities import SURVEY_ANSWERS, TEAM_SURVEYS
from trustivide.core.crypto import (
    Digest,
    EncryptedAddress,
    EncryptedBytes,
    EncryptedJSON,
    EncryptedText,
)
from trustivide.core.db import BLANK, DELETE_ROW, Keep, Model, key, personal, plain
from trustivide.core.subjects import ByCode, ByCookie, ByEmail, ByUser
from trustivide.core.text import Text

MINIMUM_K = 4
EVERY = {
    # 30 days lie between two rounds, and some to answer: more than a month from one to the next.
    1: Text("en månad efter att den förra stängt", "a month after the last one has closed"),
    2: Text("varannan månad", "every other month"),
    3: Text("var tredje månad", "every three months"),
    6: Text("var sjätte månad", "every six months"),
    12: Text("en gång om året", "once a year"),
}
"""The rhythms in which a survey can come again: months and words."""
EVERY_MONTHS = tuple(EVERY)

_STAYS = Keep(Text("Hör till organisationen", "Belongs to the organisation"))


class OwnInstrument(Model):
    """A questionnaire of an organisation's own; what it asks stands in its versions."""

    __label__ = Text("Frågeformulär du skapat", "Questionnaires you created")
    __collection__ = Text("Egna frågeformulär", "Own questionnaires")
    __subject__ = ByUser("created_by_id")
    __since__ = "created_on"

    id: Mapped[UUID] = key()
    organisation_id: Mapped[UUID] = plain(
        ForeignKey("organisation.id", ondelete="CASCADE"), why="structure", index=True
    )
    key: Mapped[str] = plain(
        why="the instrument's key in files and results", label=Text("Nyckel", "Key"), unique=True
    )
    archived_on: Mapped[date | None] = plain(
        why="from when it is not offered any more", label=Text("Arkiverat", "Archived")
    )
    created_by_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"), activity=TEAM_SURVEYS, erase=BLANK, derived=True
    )
    created_on: Mapped[date] = personal(
        activity=TEAM_SURVEYS, erase=_STAYS, label=Text("Skapat", "Created")
    )


class InstrumentVersion(Model):
    """One version of an own instrument, as the text of a TOML file. Once used it never changes.

    Used means that a round or a survey points at it: a trigger refuses the change then.
    """

    __collection__ = Text("Egna frågeformulärs frågor", "Questions of own questionnaires")
    __table_args__ = (UniqueConstraint("instrument_id", "version"),)

    id: Mapped[UUID] = key()
    instrument_id: Mapped[UUID] = plain(
        ForeignKey("own_instrument.id", ondelete="CASCADE"),
        why="structure",
        show="key",
        label=Text("Frågeformulär", "Questionnaire"),
    )
    version: Mapped[int] = plain(why="number of the version", label=Text("Version", "Version"))
    content: Mapped[str] = plain(
        why="the questions that the organisation asks", label=Text("Frågor", "Questions")
    )
    fingerprint: Mapped[str] = plain(
        why="checksum of the content",
        label=Text("Formulärets kontrollsumma", "Checksum of the questionnaire"),
    )


class Rhythm(Model):
    """That the same question comes again, every so many months, until somebody ends it.

    People can leave it: an objection to team surveys within the scope of its id.
    """

    __label__ = Text("Återkommande enkäter du startat", "Repeating surveys you started")
    __collection__ = Text("Återkommande enkäter", "Repeating surveys")
    __subject__ = ByUser("started_by_id")
    __since__ = "started_on"
    __table_args__ = (CheckConstraint(f"every_months IN {EVERY_MONTHS}", name="every_months"),)

    id: Mapped[UUID] = key()
    organisation_id: Mapped[UUID] = plain(
        ForeignKey("organisation.id", ondelete="CASCADE"), why="structure", index=True
    )
    every_months: Mapped[int] = plain(
        why="how often", label=Text("Månader emellan", "Months between")
    )
    next_on: Mapped[date | None] = plain(
        why="day of the next round", label=Text("Nästa gång", "Next time")
    )
    ended_on: Mapped[date | None] = plain(
        why="day on which it was ended", label=Text("Avslutad", "Ended")
    )
    started_by_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"), activity=TEAM_SURVEYS, erase=BLANK, derived=True
    )
    started_on: Mapped[date] = personal(
        activity=TEAM_SURVEYS, erase=_STAYS, label=Text("Startad", "Started")
    )

    @property
    def every(self) -> Text:
        """How often, in words."""
        return EVERY[self.every_months]


class Round(Model):
    """One sending of an instrument to one or many teams; each team gets a survey of its own.

    The surveys are made when the round opens, with the people who are in the teams then.
    """

    __label__ = Text("Utskick du planerat", "Rounds you planned")
    __collection__ = Text("Utskick", "Rounds")
    __subject__ = ByUser("created_by_id")
    __since__ = "created_on"

    id: Mapped[UUID] = key()
    organisation_id: Mapped[UUID] = plain(
        ForeignKey("organisation.id", ondelete="CASCADE"), why="structure", index=True
    )
    rhythm_id: Mapped[UUID | None] = plain(
        ForeignKey("rhythm.id", ondelete="SET NULL"), why="structure", index=True
    )
    instrument: Mapped[str] = plain(
        why="key of the instrument", label=Text("Frågeformulär", "Questionnaire")
    )
    instrument_version: Mapped[int] = plain(
        why="version of the instrument", label=Text("Version", "Version")
    )
    own_version_id: Mapped[UUID | None] = plain(
        ForeignKey("instrument_version.id"), why="the own instrument's version", index=True
    )
    locale: Mapped[str] = plain(why="language of the invitation", label=Text("Språk", "Language"))
    message: Mapped[str] = personal(
        activity=TEAM_SURVEYS, erase=_STAYS, label=Text("Meddelande", "Message")
    )
    opens_at: Mapped[datetime] = plain(why="when it is sent", label=Text("Öppnar", "Opens"))
    closes_at: Mapped[datetime] = plain(
        why="when the worker closes it", label=Text("Skulle stänga", "Was to close")
    )
    reminder_days: Mapped[list[int]] = plain(
        JSON,
        why="days after opening on which all are reminded",
        label=Text("Påminnelser efter så många dagar", "Reminders after so many days"),
    )
    opened_at: Mapped[datetime | None] = plain(
        why="when its surveys were sent", label=Text("Skickat", "Sent")
    )
    cancelled_on: Mapped[date | None] = plain(
        why="day on which it was called off", label=Text("Inställt", "Called off")
    )
    created_by_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"), activity=TEAM_SURVEYS, erase=BLANK, derived=True
    )
    created_on: Mapped[date] = personal(
        activity=TEAM_SURVEYS, erase=_STAYS, label=Text("Planerat", "Planned")
    )


class RoundTeam(Model):
    """A team that a round asks, until it is erased; then only that there was one stays."""

    __collection__ = Text("Team i utskick", "Teams in rounds")
    __table_args__ = (
        UniqueConstraint("round_id", "team_id"),
        CheckConstraint("left_out IN ('empty','overlap')", name="left_out"),
    )

    id: Mapped[UUID] = key()
    round_id: Mapped[UUID] = plain(
        ForeignKey("round.id", ondelete="CASCADE"),
        why="structure",
        show="opens_at",
        label=Text("Utskicket öppnar", "The round opens"),
    )
    team_id: Mapped[UUID | None] = plain(
        ForeignKey("team.id", ondelete="SET NULL"),
        why="structure",
        index=True,
        show="name",
        label=Text("Team", "Team"),
    )
    left_out: Mapped[str | None] = plain(
        why="why the team got no survey when the round opened",
        label=Text("Utelämnat", "Left out"),
    )


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
    round_id: Mapped[UUID | None] = plain(
        ForeignKey("round.id", ondelete="SET NULL"), why="structure", index=True
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
    own_version_id: Mapped[UUID | None] = plain(
        ForeignKey("instrument_version.id"), why="the own instrument's version", index=True
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
    invited_later: Mapped[int] = plain(
        default=0,
        why="number of invitations after launch",
        label=Text("Inbjudna senare", "Invited later"),
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


class ResultShare(Model):
    """That whoever holds a link reads a closed survey's results. Deleting the row ends it."""

    __label__ = Text("Resultat du delat", "Results you shared")
    __collection__ = Text("Delade resultat", "Shared results")
    __subject__ = ByUser("shared_by_id")
    __since__ = "shared_on"

    id: Mapped[UUID] = key()
    survey_id: Mapped[UUID] = plain(
        ForeignKey("survey.id", ondelete="CASCADE"),
        unique=True,
        why="structure",
        show="opened_at",
        label=Text("Enkäten skickades", "The survey was sent"),
    )
    token: Mapped[str] = plain(EncryptedText(), why="sealed: key material of the link")
    lookup: Mapped[bytes] = plain(
        LargeBinary(32), why="sealed: digest of the link's secret", unique=True
    )
    shared_by_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"), activity=TEAM_SURVEYS, erase=BLANK, derived=True
    )
    shared_on: Mapped[date] = personal(
        activity=TEAM_SURVEYS, erase=_STAYS, label=Text("Delat", "Shared")
    )


class ResultNote(Model):
    """What the leader says about a result, above the figures."""

    __label__ = Text("Kommentarer du skrivit till resultat", "Notes you wrote on results")
    __collection__ = Text("Kommentarer till resultat", "Notes on results")
    __subject__ = ByUser("written_by_id")
    __since__ = "written_on"

    id: Mapped[UUID] = key()
    survey_id: Mapped[UUID] = plain(
        ForeignKey("survey.id", ondelete="CASCADE"),
        unique=True,
        why="structure",
        show="opened_at",
        label=Text("Enkäten skickades", "The survey was sent"),
    )
    text: Mapped[str] = personal(
        EncryptedText(), activity=TEAM_SURVEYS, erase=_STAYS, label=Text("Text", "Text")
    )
    written_by_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"), activity=TEAM_SURVEYS, erase=BLANK, derived=True
    )
    written_on: Mapped[date] = personal(
        activity=TEAM_SURVEYS, erase=_STAYS, label=Text("Skriven", "Written")
    )


class AgreedAction(Model):
    """Something that a team agreed to do about a result."""

    __label__ = Text("Överenskommelser du skrivit upp", "Agreed actions you noted")
    __collection__ = Text("Överenskommelser", "Agreed actions")
    __subject__ = ByUser("noted_by_id")
    __since__ = "noted_on"

    id: Mapped[UUID] = key()
    survey_id: Mapped[UUID] = plain(
        ForeignKey("survey.id", ondelete="CASCADE"),
        why="structure",
        index=True,
        show="opened_at",
        label=Text("Enkäten skickades", "The survey was sent"),
    )
    what: Mapped[str] = personal(
        EncryptedText(), activity=TEAM_SURVEYS, erase=_STAYS, label=Text("Vad", "What")
    )
    due_on: Mapped[date | None] = plain(
        why="when it is to be done", label=Text("Klart senast", "Due")
    )
    done_on: Mapped[date | None] = plain(why="when it was done", label=Text("Gjort", "Done"))
    noted_by_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"), activity=TEAM_SURVEYS, erase=BLANK, derived=True
    )
    noted_on: Mapped[date] = personal(
        activity=TEAM_SURVEYS, erase=_STAYS, label=Text("Uppskriven", "Noted")
    )


class Reliability(Model):
    """How well an instrument's items hang together over the whole platform, newest figure.

    Only alphas are kept, from many answer sets of several organisations; no sums of
    which one survey's part could be taken out.
    """

    __table_args__ = (UniqueConstraint("instrument", "version"),)

    id: Mapped[UUID] = key()
    instrument: Mapped[str] = plain(why="key of the instrument's file")
    version: Mapped[int] = plain(why="version of the instrument's file")
    computed_on: Mapped[date] = plain(why="day")
    answer_sets: Mapped[int] = plain(why="number of answer sets behind the figure")
    organisations: Mapped[int] = plain(why="number of organisations behind the figure")
    alphas: Mapped[dict[str, float]] = plain(JSON, why="Cronbach's alpha by dimension")


class Evaluation(Model):
    """The offer to ask a team how a workshop was, and the survey that asks once it is taken up."""

    __collection__ = Text("Utvärderingar av workshoppar", "Evaluations of workshops")

    id: Mapped[UUID] = key()
    session_id: Mapped[UUID] = plain(
        ForeignKey("workshop_session.id", ondelete="CASCADE"), why="structure", unique=True
    )
    survey_id: Mapped[UUID | None] = plain(
        ForeignKey("survey.id", ondelete="SET NULL"), why="the survey that asks", index=True
    )
    declined_on: Mapped[date | None] = plain(
        why="when somebody said no to asking", label=Text("Avböjd", "Declined")
    )
