"""What can be measured of a promise: one cheap query each, and never anything about one person."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from babel.dates import format_date
from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    case,
    extract,
    func,
    inspect,
    select,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from trustivide.auth import queries as auth_queries
from trustivide.auth.models import NO_PASSWORD, User
from trustivide.core import inventory
from trustivide.core.activities import (
    ALL,
    EEA,
    MARKETING_EMAIL,
    MARKETING_PHONE,
    SURVEY_ANSWERS,
    LegalBasis,
)
from trustivide.core.clock import day_of
from trustivide.core.crypto import Digest
from trustivide.core.db import Keep, is_encrypted
from trustivide.core.inventory import Field, Group
from trustivide.core.text import Text
from trustivide.outbox.models import Mail
from trustivide.privacy import evidence, news, queries, retention
from trustivide.privacy.models import Erasure, LegalHold, RecipientNotice, Request, SweepRun
from trustivide.rights import legal_texts
from trustivide.rights.ledger import ledger
from trustivide.rights.models import ConsentRecord, NoticeRecord, Objection, Suppression

KEPT, BROKEN, NOT_MEASURED = "kept", "broken", "not_measured"
YEAR = timedelta(days=365)
SWEPT_WITHIN = timedelta(hours=26)
"""A night, and two hours for it to be done in."""
_TOLD_WITHIN = timedelta(days=2)
_ERASED_WITHIN = timedelta(days=1)
_DAY = 86_400


@dataclass(frozen=True)
class Measured:
    """The state of a promise: the value in words, and the day of the evidence where it has one."""

    state: str
    value: Text
    as_of: date | None = None


Measure = Callable[[Session, datetime], Measured]
NOT_YET = Measured(NOT_MEASURED, Text("Mäts inte än", "Not yet measured"))
_SILENT = Measured(
    BROKEN, Text("Rättighetsregistret svarar inte", "The rights ledger does not answer")
)


def _held(holds: bool, sv: str, en: str, as_of: date | None = None) -> Measured:
    return Measured(KEPT if holds else BROKEN, Text(sv, en), as_of)


def _count(session: Session, statement: Select[int]) -> int:
    return session.scalar(statement) or 0


# Declarations: what the process serves from at this moment.


def declarations(session: Session, now: datetime) -> Measured:
    """Every column and activity is declared, and the declarations hold."""
    wrong = len(inventory.problems())
    columns = sum(len(group.fields) for group in inventory.groups())
    return _held(
        wrong == 0,
        f"Uppgifter med ändamål och gallring: {columns}; fel: {wrong}",
        f"Fields with a purpose and a retention: {columns}; errors: {wrong}",
    )


def bases(session: Session, now: datetime) -> Measured:
    """Every activity has a basis and a purpose of its own."""
    based = [a for a in ALL if a.legal_basis is not None]
    asked = [a for a in ALL if a.legal_basis is LegalBasis.CONSENT]
    return _held(
        len(based) == len(ALL),
        f"Ändamål med rättslig grund: {len(based)} av {len(ALL)}; på samtycke vilar {len(asked)}",
        f"Purposes with a legal basis: {len(based)} of {len(ALL)}; resting on consent: "
        f"{len(asked)}",
    )


def sources(session: Session, now: datetime) -> Measured:
    """Every activity says where its data comes from."""
    others = sum(a.entered_by_others for a in ALL)
    return _held(
        all(a.source for a in ALL),
        f"Ändamål med angiven källa: {len(ALL)}; där någon annan lagt in dig: {others}",
        f"Purposes with a stated source: {len(ALL)}; where somebody else entered you: {others}",
    )


def categories(session: Session, now: datetime) -> Measured:
    """The database holds no table that the list of categories leaves out."""
    unknown = len(inventory.undeclared_tables(session.get_bind()))  # type: ignore[arg-type]
    shown = len(inventory.groups())
    return _held(
        unknown == 0,
        f"Kategorier i tabellen: {shown}; tabeller utanför den: {unknown}",
        f"Categories in the table: {shown}; tables left out of it: {unknown}",
    )


def balancing(session: Session, now: datetime) -> Measured:
    """Every activity resting on our legitimate interest has a balancing test that one can read."""
    ours = [a for a in ALL if a.legal_basis is LegalBasis.LEGITIMATE_INTEREST]
    written = [a for a in ours if legal_texts.versions(f"balancing-{a.key}")]
    if not written:
        return NOT_YET
    return _held(
        len(written) == len(ours),
        f"Avvägningar att läsa: {len(written)} av {len(ours)}",
        f"Balancing tests to read: {len(written)} of {len(ours)}",
    )


def stored_encrypted(session: Session, now: datetime) -> Measured:
    """What identifies somebody, and what they answered and searched for, is ciphertext."""
    groups = inventory.groups()
    plain = [f for group in groups for f in group.fields if _must_be_sealed(f, group)]
    sealed = sum(is_encrypted(f.column.type) for group in groups for f in group.fields)
    return _held(
        not plain,
        f"Krypterade fält: {sealed}; som borde vara det och inte är det: {len(plain)}",
        f"Encrypted fields: {sealed}; fields that should be and are not: {len(plain)}",
    )


def _must_be_sealed(field: Field, group: Group) -> bool:
    """Whether it is readable in the database, though it names somebody or is their own words."""
    if is_encrypted(field.column.type):
        return False
    if any(isinstance(c.type, Digest) and c.type.of == field.name for c in group.table.columns):
        return True
    is_code = any(f"{field.name} IN" in str(c) for c in _checks(group))
    return field.declared.correct and isinstance(field.column.type, String) and not is_code


def _checks(group: Group) -> list[str]:
    return [str(getattr(c, "sqltext", "")) for c in group.table.constraints]


def transport(*, web: bool, mail: bool) -> Measure:
    """A measure of TLS from the settings: of the pages, and of the mail handed over."""

    def measure(session: Session, now: datetime) -> Measured:
        return _held(
            web and mail,
            f"Sidorna över TLS: {'ja' if web else 'nej'}; mejl över TLS: {'ja' if mail else 'nej'}",
            f"Pages over TLS: {'yes' if web else 'no'}; mail over TLS: {'yes' if mail else 'no'}",
        )

    return measure


def transfers(session: Session, now: datetime) -> Measured:
    """No recipient outside the EEA without a ground."""
    outside = {r.name: r for a in ALL for r in a.recipients if r.country not in EEA}.values()
    groundless = [r for r in outside if r.ground is None]
    sv, en = (
        "".join(f", {r.name.in_(locale)} ({r.country})" for r in outside) for locale in ("sv", "en")
    )
    return _held(
        not groundless,
        f"Mottagare utanför EES: {len(outside)}{sv}; utan grund: {len(groundless)}",
        f"Recipients outside the EEA: {len(outside)}{en}; without a ground: {len(groundless)}",
    )


# Data


def passwords(session: Session, now: datetime) -> Measured:
    """Every password is stored as an argon2id hash (RFC 9106)."""
    total, hashed = session.execute(
        select(
            func.count(),
            func.count(case((User.password_hash.like("$argon2id$%"), 1))),
        ).where(User.password_hash != NO_PASSWORD)
    ).one()
    return _held(
        hashed == total,
        f"Lösenord lagrade med argon2id: {hashed} av {total}",
        f"Passwords stored with argon2id: {hashed} of {total}",
    )


def consents(session: Session, now: datetime) -> Measured:
    """Every choice was made on an empty box, and its wording is on record."""
    total, wrong = session.execute(
        select(
            func.count(),
            func.count(case((_ticked_or_wordless(), 1))),
        ).select_from(ConsentRecord)
    ).one()
    return _held(
        wrong == 0,
        f"Val som antecknats: {total}; förikryssade eller utan ordalydelse: {wrong}",
        f"Choices on record: {total}; ticked in advance or without wording: {wrong}",
    )


def _ticked_or_wordless() -> ColumnElement[bool]:
    return (
        (ConsentRecord.default_state != "off")
        | (ConsentRecord.wording == "")
        | (ConsentRecord.text_hash == "")
    )


def marketing(session: Session, now: datetime) -> Measured:
    """Each way of marketing asks for a yes of its own."""
    ways = (MARKETING_EMAIL, MARKETING_PHONE)
    free = [a for a in ways if a.legal_basis is not LegalBasis.CONSENT or not a.consent_text]
    shared = len({a.consent_text for a in ways}) < len(ways)
    given = _count(
        session,
        select(func.count()).where(
            ConsentRecord.activity.in_([a.key for a in ways]), ConsentRecord.event == "given"
        ),
    )
    return _held(
        not free and not shared,
        f"Sätt som kräver ett eget ja: {len(ways) - len(free)} av {len(ways)}; "
        f"ja som lämnats: {given}",
        f"Ways that need a yes of their own: {len(ways) - len(free)} of {len(ways)}; "
        f"yeses given: {given}",
    )


def withdrawals(session: Session, now: datetime) -> Measured:
    """Every withdrawal stands in the ledger too."""
    made = _count(session, select(func.count()).where(ConsentRecord.event == "withdrawn"))
    return _in_ledger("consent-withdrawn", made, "Återkallelser", "Withdrawals")


def objections(session: Session, now: datetime) -> Measured:
    """Every objection stands in the ledger too."""
    made = _count(session, select(func.count()).select_from(Objection))
    return _in_ledger("objection", made, "Invändningar", "Objections")


def _in_ledger(effect: str, made: int, sv: str, en: str) -> Measured:
    try:
        noted = ledger().count(effect)
    except SQLAlchemyError:
        return _SILENT
    return _held(
        noted >= made,
        f"{sv}: {made}; i rättighetsregistret: {noted}",
        f"{en}: {made}; in the rights ledger: {noted}",
    )


def refusals(session: Session, now: datetime) -> Measured:
    """A no to marketing stands, and each way can be objected to without a reason."""
    ways = (MARKETING_EMAIL, MARKETING_PHONE)
    standing = _count(
        session, select(func.count()).where(Suppression.activity.in_([a.key for a in ways]))
    )
    stopped = _count(
        session,
        select(func.count()).where(Mail.purpose == MARKETING_EMAIL.key, Mail.state == "withheld"),
    )
    return _held(
        all(a.objectable for a in ways),
        f"Adresser med nej: {standing}; mejl som stoppats i kön de senaste 30 dagarna: {stopped}",
        f"Addresses with a no: {standing}; queued mails stopped in the last 30 days: {stopped}",
    )


def informed(session: Session, now: datetime) -> Measured:
    """Every confirmed account was told of the newest policy within two days of its date."""
    newest = legal_texts.current(news.POLICY, "sv")
    accounts = _count(session, select(func.count()).where(User.confirmed_at.is_not(None)))
    told = _count(
        session,
        select(func.count(NoticeRecord.reference.distinct())).where(
            NoticeRecord.notice == news.POLICY, NoticeRecord.version == newest.version
        ),
    )
    waiting = max(0, accounts - told)
    return _held(
        waiting == 0 or day_of(now - _TOLD_WITHIN) < newest.valid_from,
        f"Version {newest.version}: konton som inte fått veta: {waiting} av {accounts}",
        f"Version {newest.version}: accounts not yet told: {waiting} of {accounts}",
    )


def second_factor(session: Session, now: datetime) -> Measured:
    """Every member of staff has a second factor; without one no page about others opens."""
    staff, proven = session.execute(
        select(func.count(), func.count().filter(auth_queries.holds_factor())).where(User.is_staff)
    ).one()
    if not staff:
        return NOT_YET
    return _held(
        proven == staff,
        f"Medarbetare med andra faktor: {proven} av {staff}",
        f"Staff with a second factor: {proven} of {staff}",
    )


def anonymity(session: Session, now: datetime) -> Measured:
    """The database itself refuses a survey with a limit under four, and none has one."""
    survey = inventory.group_named("survey")
    if survey is None:
        return NOT_YET
    lowest = session.scalar(select(func.min(survey.table.c.k)))
    live = inspect(session.connection()).get_check_constraints("survey")
    guarded = any("k >= 4" in str(c["sqltext"]).replace("(", "").replace(")", "") for c in live)
    return _held(
        guarded and (lowest is None or lowest >= 4),
        f"Lägsta gräns i någon enkät: {'ingen enkät än' if lowest is None else lowest}; "
        f"databasen vägrar under fyra: {'ja' if guarded else 'nej'}",
        f"Lowest limit of any survey: {'no survey yet' if lowest is None else lowest}; "
        f"the database refuses under four: {'yes' if guarded else 'no'}",
    )


def raw_answers(session: Session, now: datetime) -> Measured:
    """No single answer is kept longer after closing than its retention says."""
    run = _last_sweep(session)
    if run is None:
        return NOT_YET
    late = [g for g in retention.overdue(session, run.started_at) if g.activity == SURVEY_ANSWERS]
    assert SURVEY_ANSWERS.retention is not None
    days = SURVEY_ANSWERS.retention.days
    return _held(
        not late,
        f"Svar äldre än {days} dagar efter stängningen: {'finns' if late else '0'}",
        f"Answers older than {days} days after closing: {'there are' if late else '0'}",
        day_of(run.started_at),
    )


def swept(session: Session, now: datetime) -> Measured:
    """The newest sweep is finished, is a night old at most, and left nothing that was due."""
    run = _last_sweep(session)
    if run is None or run.finished_at is None:
        return NOT_YET
    late = retention.overdue(session, run.started_at)
    gone = sum(run.counts.values())
    sv, en = (", ".join(g.label.in_(locale) for g in late) for locale in ("sv", "en"))
    return _held(
        not late and now - run.finished_at <= SWEPT_WITHIN,
        f"Rader som gallrades senast: {gone}; förfallet som ligger kvar: {sv or '0'}",
        f"Rows let go last time: {gone}; due and still there: {en or '0'}",
        day_of(run.finished_at),
    )


def _last_sweep(session: Session) -> SweepRun | None:
    return session.scalar(
        select(SweepRun)
        .where(SweepRun.finished_at.is_not(None))
        .order_by(SweepRun.started_at.desc())
        .limit(1)
    )


def rights_used(*kinds: str) -> Measure:
    """A measure of requests about some rights: how many were answered in a year, none late."""

    def measure(session: Session, now: datetime) -> Measured:
        answered, overdue = session.execute(
            select(
                func.count(case((Request.completed_at >= now - YEAR, 1))),
                func.count(case((_overdue(now), 1))),
            ).where(Request.kind.in_(kinds))
        ).one()
        return _held(
            overdue == 0,
            f"Begäranden utförda på 12 månader: {answered}; försenade nu: {overdue}",
            f"Requests carried out in 12 months: {answered}; late now: {overdue}",
        )

    return measure


def _overdue(now: datetime) -> ColumnElement[bool]:
    return and_(Request.state == "open", Request.due_on < day_of(now))


def deadlines(session: Session, now: datetime) -> Measured:
    """No request is open past its due date, and none was answered after it in a year."""
    late = and_(
        Request.completed_at >= now - YEAR,
        extract("epoch", Request.completed_at) > extract("epoch", Request.due_on) + _DAY,
    )
    still_open, overdue, answered_late = session.execute(
        select(
            func.count(case((Request.state == "open", 1))),
            func.count(case((_overdue(now), 1))),
            func.count(case((late, 1))),
        )
    ).one()
    return _held(
        overdue == 0 and answered_late == 0,
        f"Öppna: {still_open}; försenade: {overdue}; besvarade för sent på 12 månader: "
        f"{answered_late}",
        f"Open: {still_open}; late: {overdue}; answered too late in 12 months: {answered_late}",
    )


def answer_times(session: Session, now: datetime) -> Measured:
    """The median and the worst time from request to answer, over twelve months.

    The figures of the public page: what fulfilled itself at once would flatter them.
    """
    times = queries.answer_times(session, now)
    if not times.total and not times.open:
        return Measured(KEPT, Text("Ingen begäran på 12 månader", "No request in 12 months"))
    if times.median is None or times.worst is None:
        return _held(
            times.late == 0,
            f"Besvarade genast på 12 månader: {times.at_once}; försenade nu: {times.late}",
            f"Answered at once in 12 months: {times.at_once}; late now: {times.late}",
        )
    middle, longest = _lasting(times.median), _lasting(times.worst)
    return _held(
        times.late == 0,
        f"Median: {middle.sv}; längst: {longest.sv}; besvarade på 12 månader: {times.total}, "
        f"varav genast: {times.at_once}; försenade nu: {times.late}",
        f"Median: {middle.en}; longest: {longest.en}; answered in 12 months: {times.total}, "
        f"at once: {times.at_once}; late now: {times.late}",
    )


def _lasting(time: timedelta) -> Text:
    """A length of time in words, in its largest whole unit."""
    minutes, days = int(time.total_seconds() // 60), time.days
    if minutes < 1:
        return Text("under en minut", "under a minute")
    if minutes < 120:
        return Text(f"{minutes} min", f"{minutes} min")
    if days < 2:
        return Text(f"{minutes // 60} timmar", f"{minutes // 60} hours")
    return Text(f"{days} dagar", f"{days} days")


def recipients_told(session: Session, now: datetime) -> Measured:
    """Every recipient that had to hear of a change in twelve months was reached (Art. 19)."""
    noted = (
        select(RecipientNotice.state, func.count())
        .where(RecipientNotice.on >= day_of(now - YEAR))
        .group_by(RecipientNotice.state)
    )
    counts: dict[str, int] = dict(session.execute(noted).all())
    failed = sum(counts.pop(state, 0) for state in ("failed", "ambiguous"))
    waiting = sum(counts.pop(state, 0) for state in ("queued", "deferred"))
    told = sum(counts.values())
    return _held(
        failed == 0,
        f"Mottagare som fått veta på 12 månader: {told}; på väg: {waiting}; inte nådda: {failed}",
        f"Recipients told in 12 months: {told}; on the way: {waiting}; not reached: {failed}",
    )


def erasures(session: Session, now: datetime) -> Measured:
    """Every erasure that was due a day ago is done, and has its receipt."""
    done, without, stuck = session.execute(
        select(
            func.count(case((Erasure.state == "done", 1))),
            func.count(case((and_(Erasure.state == "done", Erasure.receipt.is_(None)), 1))),
            func.count(
                case(
                    (
                        and_(
                            Erasure.state.in_(("cooling", "queued", "rows", "compacting")),
                            Erasure.begins_at < now - _ERASED_WITHIN,
                        ),
                        1,
                    )
                )
            ),
        )
    ).one()
    return _held(
        without == 0 and stuck == 0,
        f"Raderingar klara: {done}; utan kvitto: {without}; över tiden: {stuck}",
        f"Erasures done: {done}; without a receipt: {without}; past their time: {stuck}",
    )


def holds(session: Session, now: datetime) -> Measured:
    """Whatever an erasure leaves has its ground, and somebody answers for each hold in force."""
    grounds = [f for g in inventory.groups() for f in g.fields if isinstance(f.erase, Keep)]
    standing, orphaned = session.execute(
        select(func.count(), func.count(case((LegalHold.owner_id.is_(None), 1)))).where(
            LegalHold.ends_on >= day_of(now), LegalHold.ended_on.is_(None)
        )
    ).one()
    return _held(
        orphaned == 0,
        f"Fält som behålls, med grund: {len(grounds)}; rättsliga spärrar nu: {standing}; "
        f"utan ansvarig: {orphaned}",
        f"Fields that are kept, with a ground: {len(grounds)}; legal holds now: {standing}; "
        f"with nobody answerable: {orphaned}",
    )


def ledger_reached(session: Session, now: datetime) -> Measured:
    """The rights ledger answers."""
    try:
        entries = ledger().count()
    except SQLAlchemyError:
        return _SILENT
    return _held(
        True,
        f"Rättighetsregistret svarar; anteckningar: {entries}",
        f"The rights ledger answers; entries: {entries}",
    )


# Evidence


def attested(subject: str) -> Measure:
    """A measure of the evidence about ``subject``."""

    def measure(session: Session, now: datetime) -> Measured:
        found = evidence.all_evidence(session)
        return _evidence([e for e in found if e.needed.subject == subject], now)

    return measure


def agreements(session: Session, now: datetime) -> Measured:
    """The agreement with each processor is attested, and counts today."""
    found = evidence.all_evidence(session)
    return _evidence([e for e in found if e.needed.is_agreement], now)


def _evidence(found: list[evidence.Evidence], now: datetime) -> Measured:
    """Kept when all count; broken when one has run out; not measured while one is missing."""
    today = day_of(now)
    newest = [e.newest for e in found if e.newest is not None]
    counting = [e for e in found if e.counts_on(today)]
    sv = f"Intyg som gäller: {len(counting)} av {len(found)}"
    en = f"Evidence that counts: {len(counting)} of {len(found)}"
    if newest:
        owners = ", ".join(sorted({n.owner for n in newest}))
        until = min(n.valid_until for n in newest)
        sv = f"{sv}; {owners}, till {format_date(until, 'd MMMM yyyy', 'sv')}"
        en = f"{en}; {owners}, until {format_date(until, 'd MMMM yyyy', 'en')}"
    as_of = min((n.attested_on for n in newest), default=None)
    if len(counting) == len(found):
        return Measured(KEPT, Text(sv, en), as_of)
    expired = len(newest) > len(counting)
    return Measured(BROKEN if expired else NOT_MEASURED, Text(sv, en), as_of)
