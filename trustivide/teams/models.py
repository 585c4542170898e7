"""Teams and the people in them. Members need no account."""

from datetime import date
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped

from trustivide.core.activities import TEAM_SURVEYS
from trustivide.core.crypto import Digest, EncryptedAddress, EncryptedText
from trustivide.core.db import BLANK, DELETE_ROW, Keep, Model, key, personal, plain
from trustivide.core.subjects import ByEmail, ByUser
from trustivide.core.text import Text


class Team(Model):
    """A group of people in one organisation."""

    __label__ = Text("Team du skapat", "Teams you created")
    __collection__ = Text("Team", "Teams")
    __subject__ = ByUser("created_by_id")
    __since__ = "created_on"

    _THE_TEAM_STAYS = Keep(
        Text("Hör till organisationen och teamet", "Belongs to the organisation and the team")
    )

    id: Mapped[UUID] = key()
    organisation_id: Mapped[UUID] = plain(
        ForeignKey("organisation.id", ondelete="CASCADE"), why="structure", index=True
    )
    name: Mapped[str] = personal(
        activity=TEAM_SURVEYS, erase=_THE_TEAM_STAYS, label=Text("Teamnamn", "Team name")
    )
    created_by_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"), activity=TEAM_SURVEYS, erase=BLANK, derived=True
    )
    created_on: Mapped[date] = personal(
        activity=TEAM_SURVEYS, erase=_THE_TEAM_STAYS, label=Text("Skapat", "Created")
    )


class TeamMember(Model):
    """Somebody in a team, known by e-mail address. Entered by others (GDPR Art. 14)."""

    __label__ = Text("Team du är med i", "Teams you are in")
    __collection__ = Text("Personer i team", "People in teams")
    __subject__ = ByEmail("email_digest")
    __until__ = "the member is removed, or the team"
    __table_args__ = (UniqueConstraint("team_id", "email_digest"),)

    id: Mapped[UUID] = key()
    team_id: Mapped[UUID] = personal(
        ForeignKey("team.id", ondelete="CASCADE"),
        activity=TEAM_SURVEYS,
        erase=DELETE_ROW,
        show="name",
        label=Text("Team", "Team"),
        index=True,
    )
    email: Mapped[str] = personal(
        EncryptedAddress(),
        activity=TEAM_SURVEYS,
        erase=DELETE_ROW,
        correct=True,
        portable=True,
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
    name: Mapped[str | None] = personal(
        EncryptedText(),
        activity=TEAM_SURVEYS,
        erase=DELETE_ROW,
        correct=True,
        portable=True,
        label=Text("Namn", "Name"),
    )
    added_on: Mapped[date] = personal(
        activity=TEAM_SURVEYS, erase=DELETE_ROW, label=Text("Tillagd", "Added")
    )
    added_by_id: Mapped[UUID | None] = personal(
        ForeignKey("user.id", ondelete="SET NULL"),
        activity=TEAM_SURVEYS,
        subject=ByUser("added_by_id"),
        erase=BLANK,
        label=Text("Personer du lagt till i team", "People you added to teams"),
        derived=True,
    )
