"""What the office may read. Lists hold no name and no full address: those need a stated reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.orm import Session

from trustivide.admin.models import StaffAccess
from trustivide.auth import queries as accounts
from trustivide.auth.models import User
from trustivide.core.activities import (
    ACCOUNTS,
    ALL,
    BY_KEY,
    CUSTOMER_RELATIONS,
    MARKETING_EMAIL,
    Activity,
)
from trustivide.core.clock import day_of
from trustivide.core.crypto import ring
from trustivide.core.text import Text
from trustivide.organisations import numbers
from trustivide.organisations.models import Membership, Organisation
from trustivide.outbox.models import Mail
from trustivide.privacy.measures import BROKEN, KEPT, YEAR, Measured
from trustivide.privacy.models import LegalHold, Request
from trustivide.privacy.queries import Asked, told
from trustivide.rights import queries as rights
from trustivide.surveys.models import Survey
from trustivide.teams.models import Team

LOOK_FOR = timedelta(minutes=30)
PER_PAGE = 25
HIDDEN = "•••"
T = TypeVar("T")


@dataclass(frozen=True)
class Overview:
    """How much there is of what."""

    organisations: int
    accounts: int
    teams: int
    running_surveys: int
    open_requests: int
    late_requests: int


@dataclass(frozen=True)
class Customer:
    """An organisation as lists show it; a sole trader's number is masked."""

    id: UUID
    name: str
    number: str
    since: date
    accounts: int
    teams: int


@dataclass(frozen=True)
class Masked:
    """An account as lists show it: enough to tell two apart, not who it is."""

    id: UUID
    initials: str
    address: str
    restricted: bool
    role: str | None
    staff_role: str | None
    organisation: str | None
    since: date


@dataclass(frozen=True)
class Profile:
    """One account with what the office needs to help its person, and nothing more.

    ``user`` and ``organisation`` may be read only as :attr:`hides_account` and
    :attr:`hides_relation` let: what is restricted is stored, not used (Art. 18).
    """

    user: User
    organisation: Organisation | None
    role: str | None
    restricted: frozenset[str]
    objected: frozenset[str]
    marketing: bool
    requests: Sequence[Request]
    looks: Sequence[StaffAccess]

    @property
    def hides_account(self) -> bool:
        """Whether the account's values are masked."""
        return bool(self.restricted & {ACCOUNTS.key, rights.EVERYTHING})

    @property
    def hides_relation(self) -> bool:
        """Whether what belongs to the customer register is masked."""
        stopped = self.restricted | self.objected
        return bool(stopped & {CUSTOMER_RELATIONS.key, rights.EVERYTHING})


@dataclass(frozen=True)
class Due:
    """A request with its clock: days left, negative when late; ``None`` once it is settled."""

    request: Request
    days_left: int | None


@dataclass(frozen=True)
class Slice(Generic[T]):
    """One page of a list."""

    items: Sequence[T]
    number: int
    pages: int


def _count(session: Session, statement: Select[int]) -> int:
    return session.scalar(statement) or 0


def overview(session: Session, now: datetime) -> Overview:
    """The numbers of the office's first page."""
    still_open = select(func.count()).select_from(Request).where(Request.state == "open")
    return Overview(
        organisations=_count(session, select(func.count()).select_from(Organisation)),
        accounts=_count(session, select(func.count()).select_from(User)),
        teams=_count(session, select(func.count()).select_from(Team)),
        running_surveys=_count(
            session,
            select(func.count()).select_from(Survey).where(Survey.closed_at.is_(None)),
        ),
        open_requests=_count(session, still_open),
        late_requests=_count(session, still_open.where(Request.due_on < day_of(now))),
    )


def customers(session: Session, page: int, search: str | None = None) -> Slice[Customer]:
    """Customers by name; with ``search`` those of exactly that name or number."""
    accounts_of = (
        select(func.count()).where(Membership.organisation_id == Organisation.id).scalar_subquery()
    )
    teams_of = select(func.count()).where(Team.organisation_id == Organisation.id).scalar_subquery()
    wanted = select(Organisation.id)
    if search is not None:
        wanted = wanted.where(_named_or_numbered(search))
    total = _count(session, select(func.count()).select_from(wanted.subquery()))
    number, pages = clamp(page, total)
    rows = session.execute(
        select(Organisation, accounts_of, teams_of)
        .where(Organisation.id.in_(wanted))
        .order_by(Organisation.name, Organisation.id)
        .offset((number - 1) * PER_PAGE)
        .limit(PER_PAGE)
    )
    return Slice([_customer(*row) for row in rows], number, pages)


def _named_or_numbered(search: str) -> ColumnElement[bool]:
    same_name = func.lower(Organisation.name) == func.lower(search)
    try:
        number = numbers.clean(search)
    except ValueError:
        return same_name
    digests = ring().digests(number, "organisation-number")
    return or_(same_name, Organisation.number_digest.in_(digests))


def _customer(organisation: Organisation, accounts: int, teams: int) -> Customer:
    return Customer(
        organisation.id,
        organisation.name,
        numbers.masked(organisation.number),
        organisation.customer_since,
        accounts,
        teams,
    )


def customer(session: Session, organisation_id: UUID) -> Customer | None:
    """One customer."""
    organisation = session.get(Organisation, organisation_id)
    if organisation is None:
        return None
    of_it = Membership.organisation_id == organisation_id
    return _customer(
        organisation,
        _count(session, select(func.count()).select_from(Membership).where(of_it)),
        _count(
            session,
            select(func.count()).select_from(Team).where(Team.organisation_id == organisation_id),
        ),
    )


def accounts_in_lists(
    session: Session, page: int, organisation_id: UUID | None = None
) -> Slice[Masked]:
    """Accounts by organisation, masked; of one organisation if its id is given.

    One customer's page is a view of the customer register: who objects to
    that, or restricts it, is masked there altogether.
    """
    uses = ACCOUNTS if organisation_id is None else CUSTOMER_RELATIONS
    statement = (
        select(User, Membership.role, Organisation.name)
        .outerjoin(Membership, Membership.user_id == User.id)
        .outerjoin(Organisation, Organisation.id == Membership.organisation_id)
    )
    if organisation_id is not None:
        statement = statement.where(Membership.organisation_id == organisation_id)
    total = _count(session, select(func.count()).select_from(statement.subquery()))
    number, pages = clamp(page, total)
    rows = session.execute(
        statement.order_by(Organisation.name, User.created_on, User.id)
        .offset((number - 1) * PER_PAGE)
        .limit(PER_PAGE)
    )
    return Slice([_masked(session, uses, *row) for row in rows], number, pages)


def masked(session: Session, user: User) -> Masked:
    """The account as lists show it."""
    organisation, role = _place(session, user)
    name = organisation.name if organisation else None
    return _masked(session, ACCOUNTS, user, role, name)


def _masked(
    session: Session, uses: Activity, user: User, role: str | None, organisation: str | None
) -> Masked:
    person = accounts.person(user)
    restricted = not all(rights.may_use(session, person, a) for a in (ACCOUNTS, uses))
    return Masked(
        id=user.id,
        initials=HIDDEN if restricted else initials(user.name),
        address=HIDDEN if restricted else masked_address(user.email),
        restricted=restricted,
        role=role,
        staff_role=user.staff_role,
        organisation=organisation,
        since=user.created_on,
    )


def initials(name: str) -> str:
    """ "AA" for Alice Alm."""
    return "".join(word[0] for word in name.split()[:2]).upper() or HIDDEN


def masked_address(address: str) -> str:
    """ "a•••@exempel.test": the local part's first letter and the domain."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}{HIDDEN}@{domain}"


def _place(session: Session, user: User) -> tuple[Organisation | None, str | None]:
    row = session.execute(
        select(Organisation, Membership.role)
        .join(Membership, Membership.organisation_id == Organisation.id)
        .where(Membership.user_id == user.id)
        .order_by(Membership.id)
        .limit(1)
    ).one_or_none()
    return (row[0], row[1]) if row else (None, None)


def look_of(session: Session, look_id: UUID, staff_id: UUID, now: datetime) -> StaffAccess | None:
    """The look at an account that this member of staff began within the last half hour."""
    look = session.get(StaffAccess, look_id)
    if look is None or look.user_id is None or look.staff_id != staff_id:
        return None
    if look.at + LOOK_FOR < now:
        return None
    return look


def profile(session: Session, user_id: UUID) -> Profile | None:
    """The account in full. Only for whoever holds a look: see :func:`look_of`."""
    user = accounts.by_id(session, user_id)
    if user is None:
        return None
    organisation, role = _place(session, user)
    person = accounts.person(user)
    return Profile(
        user=user,
        organisation=organisation,
        role=role,
        restricted=rights.restricted(session, person),
        objected=rights.objected(session, person),
        marketing=rights.may_use(session, person, MARKETING_EMAIL),
        requests=session.scalars(
            select(Request)
            .where(Request.reference.in_(person.references))
            .order_by(Request.received_at.desc())
        ).all(),
        looks=session.scalars(
            select(StaffAccess)
            .where(StaffAccess.user_id == user.id)
            .order_by(StaffAccess.at.desc())
            .limit(10)
        ).all(),
    )


def looks_measured(session: Session, now: datetime) -> Measured:
    """The promise that every look is logged with its reason: how many in twelve months."""
    looks, silent = session.execute(
        select(func.count(), func.count(case((StaffAccess.reason == "", 1)))).where(
            StaffAccess.at >= now - YEAR
        )
    ).one()
    return Measured(
        BROKEN if silent else KEPT,
        Text(
            f"Tillfällen på 12 månader: {looks}; utan skäl: {silent}",
            f"Occasions in 12 months: {looks}; without a reason: {silent}",
        ),
    )


def requests(
    session: Session, page: int, now: datetime, show: str = "open", desk: str | None = None
) -> Slice[Due]:
    """Privacy requests, the most urgent on top. They name nobody.

    ``show`` is "open", "late" or "all"; ``desk`` keeps those of one desk.
    """
    today = day_of(now)
    wanted = select(Request)
    if show != "all":
        wanted = wanted.where(Request.state == "open")
    if show == "late":
        wanted = wanted.where(Request.due_on < today)
    if desk is not None:
        wanted = wanted.where(_of_desk(desk))
    total = _count(session, select(func.count()).select_from(wanted.subquery()))
    number, pages = clamp(page, total)
    rows = session.scalars(
        wanted.order_by(Request.state != "open", Request.due_on, Request.received_at, Request.id)
        .offset((number - 1) * PER_PAGE)
        .limit(PER_PAGE)
    )
    return Slice([due(r, now) for r in rows], number, pages)


def _of_desk(desk: str) -> ColumnElement[bool]:
    """What concerns no activity goes to the privacy desk."""
    elsewhere = [a.key for a in ALL if a.desk != desk]
    mine = Request.activity.not_in(elsewhere)
    return or_(Request.activity.is_(None), mine) if desk == "privacy" else mine


def due(request: Request, now: datetime) -> Due:
    """The request with its clock."""
    left = (request.due_on - day_of(now)).days if request.state == "open" else None
    return Due(request, left)


def asked(session: Session, request_id: UUID) -> Asked | None:
    """One request with its case, which only whoever opened it may be shown."""
    found = session.get(Request, request_id)
    return told(session, found) if found else None


def mails_about(session: Session, request_id: UUID) -> Sequence[Mail]:
    """The mails about a request and whether they arrived; they are kept for a month."""
    return session.scalars(
        select(Mail).where(Mail.about_id == request_id).order_by(Mail.created_on, Mail.id)
    ).all()


@dataclass(frozen=True)
class Listed:
    """A legal hold as lists show it. ``ground`` is there for the one who answers for it alone."""

    id: UUID
    address: str
    has_account: bool
    activity: Activity | None
    begins_on: date
    ends_on: date
    ended_on: date | None
    owner: str
    ground: str | None

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.ended_on is not None


def holds(session: Session, page: int, staff_id: UUID) -> Slice[Listed]:
    """Legal holds: those that stand first, the one that ends next on top."""
    total = _count(session, select(func.count()).select_from(LegalHold))
    number, pages = clamp(page, total)
    rows = session.scalars(
        select(LegalHold)
        .order_by(LegalHold.ended_on.is_not(None), LegalHold.ends_on, LegalHold.id)
        .offset((number - 1) * PER_PAGE)
        .limit(PER_PAGE)
    )
    return Slice([_listed(row, staff_id) for row in rows], number, pages)


def hold(session: Session, hold_id: UUID, staff_id: UUID) -> Listed | None:
    """One hold, as lists show it."""
    row = session.get(LegalHold, hold_id)
    return _listed(row, staff_id) if row else None


def _listed(row: LegalHold, staff_id: UUID) -> Listed:
    return Listed(
        id=row.id,
        address=masked_address(row.email),
        has_account=row.user_id is not None,
        activity=BY_KEY.get(row.activity),
        begins_on=row.begins_on,
        ends_on=row.ends_on,
        ended_on=row.ended_on,
        owner=row.owner,
        ground=row.ground if row.owner_id == staff_id else None,
    )


def slice_of(items: Sequence[T], page: int) -> Slice[T]:
    """One page of a list that is there as a whole."""
    number, pages = clamp(page, len(items))
    return Slice(items[(number - 1) * PER_PAGE : number * PER_PAGE], number, pages)


def clamp(page: int, total: int) -> tuple[int, int]:
    """The page that is shown when ``page`` is asked for, and how many there are."""
    pages = max(1, -(-total // PER_PAGE))
    return min(max(1, page), pages), pages
