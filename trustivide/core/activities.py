"""The record of processing: every purpose for which personal data is held.

GDPR Art. 30(1). Each personal column names one of these, and all that is
said to people about purpose, basis, recipients and retention is read from here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from trustivide.core.subjects import USAGE_DAYS
from trustivide.core.text import Text


class LegalBasis(Enum):
    """GDPR Art. 6(1), and Art. 28 for what is done on a customer's behalf."""

    CONSENT = Text("Samtycke (art. 6.1 a)", "Consent (Art. 6(1)(a))")
    CONTRACT = Text("Avtal (art. 6.1 b)", "Contract (Art. 6(1)(b))")
    LEGAL_OBLIGATION = Text("Rättslig förpliktelse (art. 6.1 c)", "Legal obligation (Art. 6(1)(c))")
    LEGITIMATE_INTEREST = Text(
        "Berättigat intresse (art. 6.1 f)", "Legitimate interest (Art. 6(1)(f))"
    )
    PROCESSOR = Text(
        "På uppdrag av den organisation som frågar (art. 28); dess grund är berättigat intresse",
        "On behalf of the organisation that asks (Art. 28); its basis is legitimate interest",
    )


@dataclass(frozen=True)
class Recipient:
    """Somebody outside the controller who receives data.

    ``country`` is an ISO 3166-1 alpha-2 code; one outside the EEA needs a
    ``ground`` for the transfer (GDPR Ch. V). A ``processor`` acts on our
    instructions (Art. 28); any other recipient answers for itself. Agreements
    and their dates are evidence that staff attest, and stand in no code. What
    is kept ``in_place`` is our own copy: changing it is telling them (Art. 19).
    """

    key: str
    name: Text
    country: str
    receives: Text
    ground: Text | None = None
    processor: bool = True
    in_place: bool = False


@dataclass(frozen=True)
class Retention:
    """How long: ``days`` counted from the row's ``__since__``, or an event in words.

    ``days`` of ``None`` means that the event in ``text`` ends it, and that the
    owner of the table erases at that event.
    """

    text: Text
    days: int | None = None


@dataclass(frozen=True)
class Activity:
    """One entry of the record of processing.

    ``uses`` names activities whose data this one works with, where it holds
    none of its own. ``consent_text`` is the key of the legal text that asks for
    consent. ``entered_by_others`` says that somebody else typed the data in
    (GDPR Art. 14). ``desk`` is where staff decide about it. ``subjects`` says
    whose data it is (Art. 30(1)(c)). What is ``author_only`` is shown to nobody
    but who wrote it, the customer included.
    """

    key: str
    name: Text
    purpose: Text
    legal_basis: LegalBasis | None
    categories: Text
    source: Text
    retention: Retention | None
    declared_recipients: tuple[Recipient, ...] = ()
    hold: Text | None = None
    objectable: bool = False
    uses: tuple["Activity", ...] = ()
    consent_text: str | None = None
    entered_by_others: bool = False
    desk: str = "privacy"
    subjects: Text | None = None
    author_only: bool = False

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        """Who receives the data here: a declared role, or those who were named for it."""
        return tuple(named for r in self.declared_recipients for named in _engaged.get(r.key, (r,)))

    @property
    def by_instruction(self) -> bool:
        """Whether we act as a processor: Art. 30(2), not 30(1)."""
        return self.legal_basis is LegalBasis.PROCESSOR


_engaged: dict[str, Sequence[Recipient]] = {}


def engage(named: Mapping[str, Sequence[Recipient]]) -> None:
    """Let these stand for the declared recipients of the same key, none of them where empty.

    Who hosts and who carries mail is the operator's choice, and is read from
    the settings at boot: see ``core.processors``.
    """
    _engaged.clear()
    _engaged.update(named)


EEA = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "HR",
        "CY",
        "CZ",
        "DK",
        "EE",
        "FI",
        "FR",
        "DE",
        "GR",
        "HU",
        "IE",
        "IT",
        "LV",
        "LT",
        "LU",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SK",
        "SI",
        "ES",
        "SE",
        "IS",
        "LI",
        "NO",
    ]
)

HOSTING = Recipient(
    "hosting",
    Text("Driftleverantör", "Hosting provider"),
    "SE",
    Text(
        "Allt som lagras; namn, adresser och svar krypterade",
        "Everything stored; names, addresses and answers encrypted",
    ),
    in_place=True,
)
MAIL_PROVIDER = Recipient(
    "mail",
    Text("E-postleverantör", "Mail provider"),
    "SE",
    Text("Mottagarens adress och mejlets innehåll", "The recipient's address and the mail"),
)
JSDELIVR = Recipient(
    "jsdelivr",
    Text("jsDelivr (programbiblioteket htmx)", "jsDelivr (the htmx library)"),
    "GB",
    Text(
        "IP-adress, bara på sidor efter inloggning",
        "IP address, only on pages after sign-in",
    ),
    processor=False,
    ground=Text(
        "EU-kommissionens beslut om adekvat skyddsnivå för Storbritannien (art. 45)",
        "The European Commission's adequacy decision for the United Kingdom (Art. 45)",
    ),
)
CUSTOMER = Recipient(
    "customer",
    Text("Din organisation", "Your organisation"),
    "SE",
    Text("Det som står på dess egna sidor", "What is on its own pages"),
    processor=False,
)

_SELF = Text("Du själv", "Yourself")
_ADMIN = Text(
    "En administratör eller teamledare i din organisation",
    "An administrator or team leader of your organisation",
)
_USE = Text("Din användning av tjänsten", "Your use of the service")

_USERS = Text(
    "De som har konto: kunders användare och vår personal",
    "Those who have an account: customers' users and our staff",
)
_CUSTOMERS = Text("Kunders användare", "Customers' users")
_CONTACTS = Text("Kunders användare och kontaktpersoner", "Customers' users and contact persons")
_TEAM = Text(
    "Medlemmar i kundens team och de som leder dem",
    "Members of the customer's teams and those who lead them",
)
_RESPONDENTS = Text("De som svarar på kundens enkäter", "Those who answer the customer's surveys")
_EVERYONE = Text(
    "Alla som vi har uppgifter om, med eller utan konto",
    "Everyone about whom we hold data, with or without an account",
)
_LOOKED_AT = Text(
    "De vars uppgifter öppnats, och den hos oss som öppnade dem",
    "Those whose data was opened, and whoever of us opened it",
)

ACCOUNTS = Activity(
    "accounts",
    Text("Konto", "Account"),
    Text(
        "Att du ska kunna logga in och att tjänsten ska veta vem du är och vad du får göra",
        "To let you sign in, and to let the service know who you are and what you may do",
    ),
    LegalBasis.CONTRACT,
    Text("Namn, e-postadress, lösenord, roll, språk", "Name, e-mail, password, role, language"),
    _SELF,
    Retention(Text("Så länge kontot finns", "For as long as the account exists")),
    (HOSTING, JSDELIVR),
    subjects=_USERS,
)
SECURITY = Activity(
    "security",
    Text("Säkerhet", "Security"),
    Text(
        "Att skydda ditt konto: visa var du är inloggad och vilka som försökt, känna igen dina "
        "enheter, och engångslänkar",
        "To protect your account: to show where you are signed in and who tried to, to recognise "
        "your devices, and one-time links",
    ),
    LegalBasis.LEGITIMATE_INTEREST,
    Text(
        "Inloggningar och försök med tid, sätt och enhet i ord; kända enheter; engångslänkar",
        "Sign-ins and tries with time, method and the device in words; known devices; one-time "
        "links",
    ),
    _USE,
    Retention(
        Text(
            "30 dagar efter inloggningen eller försöket; kända enheter 12 månader efter den "
            "senaste inloggningen",
            "30 days after the sign-in or the try; known devices 12 months after the latest "
            "sign-in",
        ),
        30,
    ),
    (HOSTING, MAIL_PROVIDER),
    subjects=_EVERYONE,
)
SECURITY_LOG = Activity(
    "security_log",
    Text("Säkerhetslogg", "Security log"),
    Text(
        "Att upptäcka och utreda intrång: inloggningar, ändrade roller och öppnade uppgifter",
        "To detect and investigate intrusions: sign-ins, changed roles and opened data",
    ),
    LegalBasis.LEGITIMATE_INTEREST,
    Text(
        "Tid, händelse och konto-id, inga namn eller adresser",
        "Time, event and account id, no names or addresses",
    ),
    _USE,
    Retention(Text("12 månader", "12 months")),
    (HOSTING,),
    subjects=_EVERYONE,
)
COLLEAGUE_INVITATIONS = Activity(
    "colleague_invitations",
    Text("Inbjudningar till en organisation", "Invitations into an organisation"),
    Text(
        "Att en organisation ska kunna erbjuda dig ett eget konto hos sig",
        "To let an organisation offer you an account of your own with it",
    ),
    LegalBasis.LEGITIMATE_INTEREST,
    Text(
        "E-postadress, organisation, erbjuden roll och vem som bjöd in dig",
        "E-mail address, organisation, offered role and who invited you",
    ),
    Text(
        "En ägare eller administratör i organisationen",
        "An owner or administrator of the organisation",
    ),
    Retention(
        Text(
            "Tills du svarat, annars 30 dagar efter att inbjudan gått ut",
            "Until you have answered, else 30 days after the invitation expired",
        ),
        30,
    ),
    (HOSTING, MAIL_PROVIDER, CUSTOMER),
    objectable=True,
    entered_by_others=True,
    subjects=Text("De som en kund bjuder in", "Those whom a customer invites"),
)
CUSTOMER_RELATIONS = Activity(
    "customer_relations",
    Text("Kundregister", "Customer register"),
    Text(
        "Att hantera avtalet med din organisation och kontakten med er",
        "To manage the agreement with your organisation and keep in touch with you",
    ),
    LegalBasis.LEGITIMATE_INTEREST,
    Text(
        "Organisation, organisationsnummer, roll, avtal, telefonnummer om du lämnat det",
        "Organisation, registration number, role, agreements, phone number if you gave it",
    ),
    _SELF,
    Retention(
        Text("Så länge organisationen är kund", "For as long as the organisation is a customer")
    ),
    (HOSTING,),
    objectable=True,
    desk="customers",
    subjects=_CONTACTS,
)
TEAM_SURVEYS = Activity(
    "team_surveys",
    Text("Team och enkätinbjudningar", "Teams and survey invitations"),
    Text(
        "Att din organisation ska kunna bjuda in dig att svara på enkäter om teamet",
        "To let your organisation invite you to answer surveys about the team",
    ),
    LegalBasis.PROCESSOR,
    Text("E-postadress, namn, team, inbjudningar", "E-mail address, name, team, invitations"),
    _ADMIN,
    Retention(
        Text(
            "Så länge du är med i teamet; inbjudningar 30 dagar efter att enkäten stängt",
            "For as long as you are in the team; invitations 30 days after the survey closed",
        ),
        30,
    ),
    (HOSTING, MAIL_PROVIDER, CUSTOMER),
    objectable=True,
    entered_by_others=True,
    subjects=_TEAM,
)
SURVEY_ANSWERS = Activity(
    "survey_answers",
    Text("Enkätsvar", "Survey answers"),
    Text(
        "Att räkna fram teamets resultat, och hur pålitligt frågorna mäter över många "
        "organisationer. Ingen i din organisation ser enskilda svar",
        "To compute the team's results, and how reliably the questions measure over many "
        "organisations. Nobody in your organisation sees single answers",
    ),
    LegalBasis.PROCESSOR,
    Text(
        "Svar och kommentarer, utan namn och adress",
        "Answers and comments, without name or address",
    ),
    _SELF,
    Retention(Text("30 dagar efter att enkäten stängt", "30 days after the survey closed"), 30),
    (HOSTING,),
    subjects=_RESPONDENTS,
    author_only=True,
)
TEAM_WORKSHOPS = Activity(
    "team_workshops",
    Text("Teamets workshoppar", "The team's workshops"),
    Text(
        "Att din organisation ska kunna bjuda in teamet till en workshop och hålla det som "
        "teamet kommit överens om",
        "To let your organisation invite the team to a workshop, and keep what the team agreed on",
    ),
    LegalBasis.PROCESSOR,
    Text(
        "E-postadress, namn, vem som leder, vad du lovat se till. Antalet som kom, aldrig vilka",
        "E-mail address, name, who leads, what you promised to see to. How many came, never who",
    ),
    _ADMIN,
    Retention(
        Text(
            "Så länge teamet finns; vem som leder i 90 dagar efter workshopen",
            "For as long as the team exists; who leads for 90 days after the workshop",
        )
    ),
    (HOSTING, MAIL_PROVIDER, CUSTOMER),
    objectable=True,
    entered_by_others=True,
    subjects=_TEAM,
)
FAVOURITES = Activity(
    "favourites",
    Text("Sparade workshoppar", "Saved workshops"),
    Text(
        "Att du ska hitta de workshoppar du sparat", "To let you find the workshops that you saved"
    ),
    LegalBasis.CONTRACT,
    Text("Vilka workshoppar du sparat och när", "Which workshops you saved, and when"),
    _SELF,
    Retention(Text("Tills du tar bort dem", "Until you remove them")),
    (HOSTING,),
    subjects=_CUSTOMERS,
)
WORKSHOP_USE = Activity(
    "workshop_use",
    Text("Workshoppar du tittat på och laddat ner", "Workshops you looked at and downloaded"),
    Text(
        "Att du ska hitta tillbaka till det du tittat på och laddat ner",
        "To let you find again what you looked at and downloaded",
    ),
    LegalBasis.LEGITIMATE_INTEREST,
    Text(
        "Vilka workshoppar du tittat på och laddat ner, och när",
        "Which workshops you looked at and downloaded, and when",
    ),
    _USE,
    Retention(Text("12 månader", "12 months"), 365),
    (HOSTING,),
    objectable=True,
    subjects=_CUSTOMERS,
)
SEARCH_HISTORY = Activity(
    "search_history",
    Text("Sökhistorik", "Search history"),
    Text(
        "Att du ska hitta tillbaka till tidigare sökningar",
        "To let you find your way back to earlier searches",
    ),
    LegalBasis.LEGITIMATE_INTEREST,
    Text(
        "Vad du sökt efter bland workshoppar och när",
        "What you searched for among workshops, and when",
    ),
    _USE,
    Retention(Text("90 dagar", "90 days"), 90),
    (HOSTING,),
    objectable=True,
    subjects=_CUSTOMERS,
)
FEWEST = 5
"""People below which no total of what is used is shown."""

USAGE_ANALYSIS = Activity(
    "usage_analysis",
    Text("Förbättring av tjänsten", "Improving the service"),
    Text(
        "Att räkna hur många som använder vad, så att vi ser vad som fungerar",
        "To count how many use what, so that we see what works",
    ),
    LegalBasis.LEGITIMATE_INTEREST,
    Text(
        "Vilka slags sidor och funktioner du använt per dag, aldrig vad som stod i dem, under en "
        "pseudonym som byts varje månad; och totaler ur nedladdade workshops. Vi ser bara totaler "
        "för hela månader, aldrig om färre än fem personer",
        "Which kinds of pages and functions you used per day, never what was in them, under a "
        "pseudonym that changes every month; and totals of downloaded workshops. We see totals "
        "of whole months alone, never of fewer than five people",
    ),
    _USE,
    Retention(Text("90 dagar", "90 days"), USAGE_DAYS),
    (HOSTING,),
    objectable=True,
    uses=(WORKSHOP_USE,),
    subjects=_CUSTOMERS,
)
RECOMMENDATIONS = Activity(
    "recommendations",
    Text("Förslag ur din egen historik", "Suggestions from your own history"),
    Text(
        "Att visa det du nyligen sökt efter, tittat på och laddat ner bland workshopparna",
        "To show among the workshops what you recently searched for, looked at and downloaded",
    ),
    LegalBasis.LEGITIMATE_INTEREST,
    Text(
        "Inga egna uppgifter: det du sökt efter, tittat på och laddat ner, visat för dig",
        "No data of its own: what you searched for, looked at and downloaded, shown to you",
    ),
    _USE,
    Retention(
        Text(
            "Lagrar inget; det som visas gallras med sökhistorik, visningar och nedladdningar",
            "Stores nothing; what is shown goes with the search history, views and downloads",
        )
    ),
    (HOSTING,),
    objectable=True,
    uses=(WORKSHOP_USE, SEARCH_HISTORY),
    subjects=_CUSTOMERS,
)
MARKETING_EMAIL = Activity(
    "marketing_email",
    Text("Nyheter per e-post", "News by e-mail"),
    Text(
        "Att berätta om nya workshops och funktioner per e-post",
        "To tell you by e-mail about new workshops and features",
    ),
    LegalBasis.CONSENT,
    Text("Namn och e-postadress", "Name and e-mail address"),
    _SELF,
    Retention(Text("Tills du tar tillbaka ditt samtycke", "Until you withdraw your consent")),
    (HOSTING, MAIL_PROVIDER),
    objectable=True,
    consent_text="marketing",
    subjects=_CONTACTS,
)
MARKETING_PHONE = Activity(
    "marketing_phone",
    Text("Nyheter per telefon", "News by phone"),
    Text(
        "Att ringa dig om nya workshops och funktioner",
        "To call you about new workshops and features",
    ),
    LegalBasis.CONSENT,
    Text("Namn och telefonnummer", "Name and phone number"),
    _SELF,
    Retention(Text("Tills du tar tillbaka ditt samtycke", "Until you withdraw your consent")),
    (HOSTING,),
    objectable=True,
    consent_text="marketing-phone",
    subjects=_CONTACTS,
)
SERVICE_MAIL = Activity(
    "service_mail",
    Text("Mejl från tjänsten", "Mail from the service"),
    Text(
        "Att leverera mejl som du eller din organisation bett om, och veta om de kom fram",
        "To deliver mail that you or your organisation asked for, and to know whether it arrived",
    ),
    LegalBasis.CONTRACT,
    Text("E-postadress och leveransbesked", "E-mail address and delivery state"),
    _USE,
    Retention(
        Text(
            "Adress och innehåll raderas när mejlet är levererat, resten efter 30 dagar",
            "Address and content are erased once delivered, the rest after 30 days",
        ),
        30,
    ),
    (HOSTING, MAIL_PROVIDER),
    subjects=_EVERYONE,
)
PRIVACY_RIGHTS = Activity(
    "privacy_rights",
    Text("Dina integritetsval", "Your privacy choices"),
    Text(
        "Att följa dina val och kunna visa att vi gjort det",
        "To follow your choices, and to be able to show that we did",
    ),
    LegalBasis.LEGAL_OBLIGATION,
    Text(
        "Samtycken, information du fått, invändningar, begäranden och kvitton",
        "Consents, information given, objections, requests and receipts",
    ),
    _SELF,
    Retention(
        Text(
            "Så länge kontot finns; spärrar och kvitton behålls utan namn och adress",
            "For as long as the account exists; suppressions and receipts are kept without name "
            "or address",
        )
    ),
    (HOSTING, MAIL_PROVIDER),
    hold=Text(
        "Behövs för att en radering inte ska upphäva ditt nej, och för att vi ska kunna visa vad "
        "vi gjort (art. 5.2)",
        "Needed so that an erasure never undoes your no, and to show what we did (Art. 5(2))",
    ),
    subjects=_EVERYONE,
)
REQUEST_CASES = Activity(
    "request_cases",
    Text("Begäranden som vi handlägger", "Requests that we handle"),
    Text(
        "Att svara på en begäran som inte sköter sig själv, och kunna visa hur den besvarades",
        "To answer a request that doesn't fulfil itself, and to show how it was answered",
    ),
    LegalBasis.LEGAL_OBLIGATION,
    Text(
        "E-postadress, namn, vad du skrev och vad vi svarade",
        "E-mail address, name, what you wrote and what we answered",
    ),
    _SELF,
    Retention(Text("12 månader efter svaret", "12 months after the answer"), 365),
    (HOSTING, MAIL_PROVIDER),
    subjects=_EVERYONE,
)
LEGAL_CLAIMS = Activity(
    "legal_claims",
    Text("Rättsliga anspråk", "Legal claims"),
    Text(
        "Att bevara det som ett pågående rättsligt anspråk kräver, och inget annat",
        "To keep what a legal claim under way requires, and nothing else",
    ),
    LegalBasis.LEGITIMATE_INTEREST,
    Text(
        "Vad som bevaras, på vilken grund, till när och vem hos oss som svarar för det",
        "What is kept, on what ground, until when, and who of us answers for it",
    ),
    Text("Vår personal", "Our staff"),
    Retention(Text("12 månader efter att spärren upphört", "12 months after the hold ended"), 365),
    (HOSTING,),
    subjects=_EVERYONE,
)
STAFF_ACCESS = Activity(
    "staff_access",
    Text("När vår personal tittat", "When our staff looked"),
    Text(
        "Att du ska kunna se vem hos oss som öppnat dina uppgifter",
        "To let you see who of us opened your data",
    ),
    LegalBasis.LEGITIMATE_INTEREST,
    Text("Tid, sida och vem som tittade", "Time, page and who looked"),
    Text("Loggas när personal öppnar dina uppgifter", "Logged when staff open your data"),
    Retention(Text("12 månader", "12 months"), 365),
    (HOSTING,),
    subjects=_LOOKED_AT,
)

ALL = (
    ACCOUNTS,
    SECURITY,
    SECURITY_LOG,
    COLLEAGUE_INVITATIONS,
    CUSTOMER_RELATIONS,
    TEAM_SURVEYS,
    SURVEY_ANSWERS,
    TEAM_WORKSHOPS,
    FAVOURITES,
    WORKSHOP_USE,
    SEARCH_HISTORY,
    USAGE_ANALYSIS,
    RECOMMENDATIONS,
    MARKETING_EMAIL,
    MARKETING_PHONE,
    SERVICE_MAIL,
    PRIVACY_RIGHTS,
    REQUEST_CASES,
    LEGAL_CLAIMS,
    STAFF_ACCESS,
)
BY_KEY = {activity.key: activity for activity in ALL}
