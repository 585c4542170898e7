"""Every promise of the privacy policy: how the software keeps it, what proves it, and its state.

Each stands beside its section on the policy page, and ``flask privacy verify``
fails while one is broken or not measured. What rests on a feature that comes
later has no measure here; create_app adds it to :data:`registry` by the key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from trustivide.core.text import Text
from trustivide.privacy import evidence, measures
from trustivide.privacy.measures import BROKEN, KEPT, NOT_MEASURED, NOT_YET, Measure, Measured

STATES = {
    KEPT: Text("Hålls", "Kept"),
    BROKEN: Text("Hålls inte", "Not kept"),
    NOT_MEASURED: Text("Mäts inte än", "Not yet measured"),
}

registry: dict[str, Measure] = {}
"""Measures that others add, by the key of a promise. Filled by create_app."""


@dataclass(frozen=True)
class Promise:
    """One promise of the policy's ``section``. ``test`` is the dotted name of what proves it."""

    key: str
    section: str
    promise: Text
    how: Text
    test: str
    measure: Measure | None = None

    def measured(self, session: Session, now: datetime) -> Measured:
        """Its state now, by the measure declared here or added by a feature."""
        measure = registry.get(self.key, self.measure)
        return measure(session, now) if measure else NOT_YET


@dataclass(frozen=True)
class State:
    """A promise with what was just measured."""

    promise: Promise
    measured: Measured


def by_section(session: Session, now: datetime) -> Mapping[str, Sequence[State]]:
    """Every promise, measured now, under its section's number."""
    found: dict[str, list[State]] = {}
    for promise in PROMISES:
        state = State(promise, promise.measured(session, now))
        found.setdefault(promise.section, []).append(state)
    return found


PROMISES = (
    # 1. Which data, and why
    Promise(
        "1.usage",
        "1",
        Text(
            "Hur du använder tjänsten räknas bara för att förbättra den, och du kan invända.",
            "How you use the service is counted only to improve it, and you can object.",
        ),
        Text(
            "Raderna säger vilket slags sida eller funktion som använts en dag, aldrig vad som "
            "stod där, under en pseudonym som byts varje månad. De raderas efter 90 dagar, och "
            "genast för den som invänder. Personalen ser bara totaler för hela månader, aldrig av "
            "färre än fem personer.",
            "The rows say which kind of page or function was used on a day, never what was in it, "
            "under a pseudonym that changes every month. They are erased after 90 days, and at "
            "once for whoever objects. Staff see totals of whole months alone, never of fewer "
            "than five people.",
        ),
        "tests.usage.test_objecting.test_whoever_objects_is_in_no_row_and_no_total",
    ),
    Promise(
        "1.relations",
        "1",
        Text(
            "Uppgifterna används för att sköta kundrelationen och ge dig tjänsten.",
            "The data is used to look after the customer relationship and give you the service.",
        ),
        Text(
            "Kundkontakter får egna ändamål i förteckningen, med grund och gallring.",
            "Customer contacts get purposes of their own in the record, with basis and retention.",
        ),
        "tests.privacy.test_promises.test_what_comes_later_is_not_measured",
    ),
    Promise(
        "1.marketing",
        "1",
        Text(
            "Vi hör av oss med nyheter bara om du sagt ja till just det sättet.",
            "We contact you with news only if you have said yes to that particular way.",
        ),
        Text(
            "E-post och telefon är två ändamål med var sin text. Varje utskick frågar efter ett "
            "ja när det skickas.",
            "E-mail and phone are two purposes, each with its own text. Every mailing asks for a "
            "yes at the moment it is sent.",
        ),
        "tests.rights.test_rights.test_marketing_needs_a_standing_consent",
        measures.marketing,
    ),
    Promise(
        "1.law",
        "1",
        Text(
            "All behandling följer lagen och våra rutiner.",
            "All processing follows the law and our routines.",
        ),
        Text(
            "Varje fält i databasen har ett ändamål, en grund och en gallring. Saknas något "
            "startar tjänsten inte.",
            "Every field of the database has a purpose, a basis and a retention. If one is "
            "missing the service does not start.",
        ),
        "tests.test_architecture.test_a_column_that_is_not_declared_is_named",
        measures.declarations,
    ),
    # 2. The data and where they come from
    Promise(
        "2.source",
        "2",
        Text(
            "Uppgifterna kommer från dig eller din organisation, och du får veta vilket.",
            "The data come from you or your organisation, and you are told which.",
        ),
        Text(
            "Varje ändamål anger sin källa. Den som lagts in av någon annan får veta det i det "
            "första mejlet.",
            "Every purpose states its source. Those entered by somebody else are told so in the "
            "first mail.",
        ),
        "tests.privacy.test_news.test_the_first_mail_of_a_survey_leads_to_the_policy",
        measures.sources,
    ),
    Promise(
        "2.register",
        "2",
        Text(
            "Kundregistret håller det som policyn räknar upp, och inget annat.",
            "The customer register holds what the policy lists, and nothing else.",
        ),
        Text(
            "Adress, momsregistreringsnummer, köp och fakturor kommer med kundregistret.",
            "Address, VAT number, purchases and invoices come with the customer register.",
        ),
        "tests.privacy.test_promises.test_what_comes_later_is_not_measured",
    ),
    Promise(
        "2.users",
        "2",
        Text(
            "Tabellen visar varje kategori av uppgifter som systemet håller.",
            "The table shows every category of data that the system holds.",
        ),
        Text(
            "Tabellen läses ur samma förteckning som databasen byggs av.",
            "The table is read from the same inventory that the database is built from.",
        ),
        "tests.privacy.test_policy.test_the_categories_are_read_from_the_inventory",
        measures.categories,
    ),
    Promise(
        "2.password",
        "2",
        Text(
            "Ditt lösenord går inte att läsa tillbaka.",
            "Your password can't be read back.",
        ),
        Text(
            "Det lagras med argon2id och visas eller lämnas aldrig ut.",
            "It is stored with argon2id, and never shown or handed out.",
        ),
        "tests.privacy.test_centre.test_secrets_are_named_and_never_shown",
        measures.passwords,
    ),
    # 3. Legal basis
    Promise(
        "3.basis",
        "3",
        Text("Varje ändamål har sin egen grund.", "Every purpose has its own basis."),
        Text(
            "Grunden står i förteckningen. Ett ändamål utan grund stoppar starten.",
            "The basis stands in the record. A purpose without one stops the start.",
        ),
        "tests.test_architecture.test_an_activity_without_basis_or_retention_is_named",
        measures.bases,
    ),
    Promise(
        "3.balancing",
        "3",
        Text(
            "Vårt intresse vägs mot ditt, och avvägningen går att läsa.",
            "Our interest is weighed against yours, and the assessment can be read.",
        ),
        Text(
            "Varje ändamål som vilar på vårt berättigade intresse har en avvägning som sida.",
            "Every purpose that rests on our legitimate interest has its assessment as a page.",
        ),
        "tests.privacy.test_promises.test_an_unwritten_balancing_test_breaks_its_promise",
        measures.balancing,
    ),
    # 4. Consent
    Promise(
        "4.asked",
        "4",
        Text(
            "Vi frågar först, med tom ruta, och säger vad det gäller.",
            "We ask first, with an empty box, and say what it is about.",
        ),
        Text(
            "Varje svar sparas med textens ordalydelse och version, och med hur rutan stod.",
            "Every answer is kept with the wording and version of the text, and how the box stood.",
        ),
        "tests.organisations.test_registration.test_marketing_is_a_choice_of_its_own",
        measures.consents,
    ),
    Promise(
        "4.withdraw",
        "4",
        Text(
            "Du tar tillbaka ett ja när du vill, lika lätt som du gav det.",
            "You take back a yes whenever you like, as easily as you gave it.",
        ),
        Text(
            "Samma knapp åt båda hållen, och en länk i varje utskick. Återkallelsen skrivs först i "
            "ett eget register, skilt från databasen.",
            "The same switch both ways, and a link in every mailing. The withdrawal is first "
            "written to a ledger of its own, apart from the database.",
        ),
        "tests.privacy.test_choices"
        ".test_consent_is_given_and_withdrawn_by_the_same_switch_with_its_history",
        measures.withdrawals,
    ),
    Promise(
        "4.informed",
        "4",
        Text(
            "Du får veta när policyn ändras. Det räknas aldrig som ett samtycke.",
            "You are told when the policy changes. That never counts as consent.",
        ),
        Text(
            "Alla med konto får ett mejl och en sida efter nästa inloggning. Det antecknas som "
            "information, aldrig som ett ja.",
            "Everybody with an account gets a mail, and a page after the next sign-in. It is noted "
            "as information, never as a yes.",
        ),
        "tests.privacy.test_news.test_nothing_of_it_is_a_consent",
        measures.informed,
    ),
    # 5. Information, correction, erasure, restriction
    Promise(
        "5.information",
        "5",
        Text(
            "Du ser och hämtar allt vi har om dig, med ändamål, mottagare och tid.",
            "You see and download all we hold about you, with purpose, recipients and time.",
        ),
        Text(
            "Integritetscentret visar varje uppgift, med eller utan konto.",
            "The privacy centre shows every value, with or without an account.",
        ),
        "tests.privacy.test_canary"
        ".test_page_and_download_hold_every_word_of_ones_own_and_none_of_a_neighbours",
        measures.rights_used("access", "export"),
    ),
    Promise(
        "5.correct",
        "5",
        Text("Fel uppgifter rättas.", "Wrong data is corrected."),
        Text(
            "Du rättar på plats. Det gamla värdet sparas ingenstans.",
            "You correct in place. The old value is kept nowhere.",
        ),
        "tests.privacy.test_centre.test_a_value_is_corrected_in_place_and_the_old_one_is_gone",
        measures.rights_used("correct"),
    ),
    Promise(
        "5.erase",
        "5",
        Text(
            "Uppgifter raderas när du begär det.",
            "Data is erased when you ask for it.",
        ),
        Text(
            "Du ser först vad som försvinner och vad som blir kvar, och får ett undertecknat "
            "kvitto efteråt.",
            "You first see what goes and what stays, and get a signed receipt afterwards.",
        ),
        "tests.privacy.test_erasure.test_an_account_cools_off_is_erased_and_leaves_a_receipt",
        measures.rights_used("erase"),
    ),
    Promise(
        "5.restrict",
        "5",
        Text(
            "Behandlingen begränsas när du begär det.",
            "Processing is restricted when you ask for it.",
        ),
        Text(
            "En knapp för varje ändamål eller för allt. Den gäller från samma sekund.",
            "A switch for each purpose or for all. It counts from the same second.",
        ),
        "tests.privacy.test_choices.test_a_restriction_made_by_an_account_stops_mail_to_its_address",
        measures.rights_used("restrict"),
    ),
    Promise(
        "5.recipients",
        "5",
        Text(
            "De som fått uppgifterna får veta när de rättas, raderas eller begränsas.",
            "Those who were given the data are told when it is corrected, erased or restricted.",
        ),
        Text(
            "Ett mejl till varje mottagare (art. 19), som inte namnger dig. Leveransen följs.",
            "One mail to each recipient (Art. 19), which does not name you. Delivery is followed.",
        ),
        "tests.privacy.test_promises.test_a_recipient_who_was_not_reached_is_shown",
        measures.recipients_told,
    ),
    Promise(
        "5.time",
        "5",
        Text(
            "Du får svar inom en månad.",
            "You get an answer within a month.",
        ),
        Text(
            "Varje begäran får ett datum när den kommer, och kontoret ser klockan.",
            "Every request gets a due date when it arrives, and the office sees the clock.",
        ),
        "tests.privacy.test_promises.test_a_request_past_its_date_breaks_the_promise",
        measures.deadlines,
    ),
    # 6. The eight measures
    Promise(
        "6.1",
        "6.1",
        Text("All trafik skyddas av TLS.", "All traffic is protected by TLS."),
        Text(
            "I drift startar tjänsten inte utan https för sidorna och TLS för mejlen.",
            "In production the service does not start without https for pages and TLS for mail.",
        ),
        "tests.web.test_pages.test_checklist_42_production_has_no_mailbox",
    ),
    Promise(
        "6.1.stored",
        "6.1",
        Text(
            "Namn, adresser, telefonnummer, enkätsvar och sökord lagras krypterade.",
            "Names, addresses, phone numbers, survey answers and search words are stored "
            "encrypted.",
        ),
        Text(
            "AES-256-GCM per fält, med nycklar utanför databasen.",
            "AES-256-GCM per field, with keys outside the database.",
        ),
        "tests.core.test_db.test_nothing_personal_stands_readable_in_the_table",
        measures.stored_encrypted,
    ),
    Promise(
        "6.2",
        "6.2",
        Text(
            "Personalen loggar in med en andra faktor.",
            "Staff sign in with a second factor.",
        ),
        Text(
            "Utan den öppnas ingen av kontorets sidor.",
            "Without it no page of the office opens.",
        ),
        "tests.admin.test_office.test_no_page_of_the_office_opens_without_a_second_factor",
        measures.second_factor,
    ),
    Promise(
        "6.2.looks",
        "6.2",
        Text(
            "När någon hos oss öppnar dina uppgifter antecknas det, och du ser det.",
            "When somebody at Trustivide opens your data it is noted, and you see it.",
        ),
        Text(
            "Sidan öppnas först när skälet är skrivet. Du läser det i integritetscentret.",
            "The page opens only once the reason is written. You read it in the privacy centre.",
        ),
        "tests.admin.test_office.test_opening_a_person_takes_a_reason_and_the_person_sees_it",
    ),
    Promise(
        "6.2.physical",
        "6.2",
        Text(
            "Strikta regler gäller för fysisk åtkomst till datacenter.",
            "Strict rules apply to physical access to data centres.",
        ),
        Text(
            "Det kan inte programvara mäta. En ansvarig intygar det, med datum och giltighetstid.",
            "Software can't measure that. Somebody answerable attests it, with a date and an end.",
        ),
        "tests.admin.test_evidence.test_evidence_counts_until_its_day_and_is_kept_as_history",
        measures.attested(evidence.PHYSICAL_ACCESS),
    ),
    Promise(
        "6.3",
        "6.3",
        Text(
            "Ett resultat visas aldrig av färre än fyra svar.",
            "No result is ever shown of fewer than four answers.",
        ),
        Text(
            "Gränsen är fem om organisationen inte ändrat den. Den låses vid första inbjudan, och "
            "databasen vägrar lägre än fyra.",
            "The limit is five unless the organisation has changed it. It is locked at the first "
            "invitation, and the database refuses less than four.",
        ),
        "tests.core.test_db.test_the_database_refuses_a_k_under_four",
        measures.anonymity,
    ),
    Promise(
        "6.3.raw",
        "6.3",
        Text(
            "Enskilda svar raderas 30 dagar efter att enkäten stängt.",
            "Single answers are deleted 30 days after the survey closed.",
        ),
        Text(
            "Svaren sparas utan namn, adress och tid, och gallringen tar dem i tid.",
            "Answers are kept without name, address or time, and the sweep takes them in time.",
        ),
        "tests.privacy.test_retention"
        ".test_an_open_survey_keeps_its_rows_and_a_closed_one_lets_go_after_thirty_days",
        measures.raw_answers,
    ),
    Promise(
        "6.4",
        "6.4",
        Text(
            "System och arbetssätt granskas regelbundet, och brister åtgärdas.",
            "Systems and ways of working are reviewed regularly, and shortcomings acted on.",
        ),
        Text(
            "Varje granskning kommer att antecknas med datum och det som hittats.",
            "Each review will be noted with its date and what was found.",
        ),
        "tests.privacy.test_promises.test_what_comes_later_is_not_measured",
    ),
    Promise(
        "6.5",
        "6.5",
        Text(
            "Personalen utbildas fortlöpande i dataskydd.",
            "Staff are trained continuously in data protection.",
        ),
        Text(
            "Andelen som gått årets utbildning kommer att visas här.",
            "The share that has taken this year's training will be shown here.",
        ),
        "tests.privacy.test_promises.test_what_comes_later_is_not_measured",
    ),
    Promise(
        "6.6",
        "6.6",
        Text(
            "Incidenter hanteras, anmäls inom 72 timmar och berättas för dem som berörs.",
            "Incidents are handled, reported within 72 hours and told to those concerned.",
        ),
        Text(
            "Varje incident kommer att få en klocka från det att vi fått veta (art. 33 och 34).",
            "Each incident will get a clock from when we became aware (Art. 33 and 34).",
        ),
        "tests.privacy.test_promises.test_what_comes_later_is_not_measured",
    ),
    Promise(
        "6.7",
        "6.7",
        Text(
            "Rättigheterna är lätta att använda, och svaren kommer snabbt.",
            "The rights are easy to use, and answers come quickly.",
        ),
        Text(
            "Det mesta sköter sig självt och genast. Tiden mäts från begäran till svar.",
            "Most of it fulfils itself, at once. Time is measured from request to answer.",
        ),
        "tests.privacy.test_promises.test_the_median_and_the_worst_answer_time_are_shown",
        measures.answer_times,
    ),
    Promise(
        "6.8",
        "6.8",
        Text(
            "Uppgifterna säkerhetskopieras regelbundet och kan återställas.",
            "Data is backed up regularly and can be restored.",
        ),
        Text(
            "Den senaste kopian som lästs tillbaka på prov kommer att visas här.",
            "The newest copy that was restored as a trial will be shown here.",
        ),
        "tests.privacy.test_promises.test_what_comes_later_is_not_measured",
    ),
    Promise(
        "6.8.ledger",
        "6.8",
        Text(
            "Raderingar, återkallelser och invändningar antecknas skilt från databasen.",
            "Erasures, withdrawals and objections are noted apart from the database.",
        ),
        Text(
            "De skrivs först i ett eget register som bara kan växa.",
            "They are first written to a ledger of its own that can only grow.",
        ),
        "tests.rights.test_rights.test_the_ledger_can_only_grow",
        measures.ledger_reached,
    ),
    Promise(
        "6.8.restore",
        "6.8",
        Text(
            "Läses en kopia tillbaka görs de om innan tjänsten öppnas.",
            "If a copy is read back they are carried out again before the service opens.",
        ),
        Text(
            "Registret håller vad som ska göras om. Att det görs mäts när säkerhetskopiorna finns.",
            "The ledger holds what to do again. That it is done is measured once backups exist.",
        ),
        "tests.privacy.test_promises.test_what_comes_later_is_not_measured",
    ),
    # 7. Transfers
    Promise(
        "7.eea",
        "7",
        Text(
            "Uppgifterna stannar inom EU och EES, om ingen grund i lagen säger annat.",
            "Data stays within the EU and EEA, unless a ground in law says otherwise.",
        ),
        Text(
            "Varje mottagare har ett land. En utanför EES utan grund stoppar starten.",
            "Every recipient has a country. One outside the EEA without a ground stops the start.",
        ),
        "tests.core.test_processors.test_a_host_outside_the_eea_needs_its_ground",
        measures.transfers,
    ),
    Promise(
        "7.agreements",
        "7",
        Text(
            "Varje leverantör som behandlar uppgifter åt oss är bunden av avtal.",
            "Every supplier that processes data for us is bound by an agreement.",
        ),
        Text(
            "En ansvarig intygar varje avtal (art. 28), med datum och giltighetstid.",
            "Somebody answerable attests each agreement (Art. 28), with a date and an end.",
        ),
        "tests.admin.test_evidence.test_agreements_with_every_processor_are_asked_for",
        measures.agreements,
    ),
    # 8. Retention and erasure
    Promise(
        "8.retention",
        "8",
        Text(
            "Uppgifter sparas bara så länge som tabellen säger.",
            "Data is kept only for as long as the table says.",
        ),
        Text(
            "En gallring varje natt, läst ur samma förteckning som tabellen.",
            "A sweep every night, read from the same inventory as the table.",
        ),
        "tests.privacy.test_retention.test_rows_go_when_their_days_have_passed_and_not_before",
        measures.swept,
    ),
    Promise(
        "8.erasure",
        "8",
        Text(
            "En radering görs snarast, med allt som tekniskt går, och du får ett kvitto.",
            "An erasure is done as soon as it can be, with all that is technically possible, and "
            "you get a receipt.",
        ),
        Text(
            "Stegen kan återupptas efter ett avbrott. Kvittot ges först när raderna är borta ur "
            "filen.",
            "The steps can be resumed after a break. The receipt is given only once the rows are "
            "gone from the file.",
        ),
        "tests.privacy.test_canary.test_no_byte_of_a_person_survives_their_erasure",
        measures.erasures,
    ),
    Promise(
        "8.kept",
        "8",
        Text(
            "Det som måste finnas kvar har en grund som du får läsa.",
            "What must stay has a ground that you can read.",
        ),
        Text(
            "Varje fält som behålls anger sin grund. En rättslig spärr har ett slutdatum och "
            "någon hos oss som svarar för den.",
            "Every field that is kept states its ground. A legal hold has an end date and "
            "somebody at Trustivide who answers for it.",
        ),
        "tests.privacy.test_erasure"
        ".test_the_preview_says_what_goes_what_stays_and_what_else_happens",
        measures.holds,
    ),
    Promise(
        "8.invoices",
        "8",
        Text(
            "Fakturor sparas till och med det sjunde året, och inte längre.",
            "Invoices are kept through the seventh year, and no longer.",
        ),
        Text(
            "Kommer med faktureringen (bokföringslagen 7 kap. 2 §).",
            "Comes with invoicing (the Swedish Accounting Act, chapter 7, section 2).",
        ),
        "tests.privacy.test_promises.test_what_comes_later_is_not_measured",
    ),
    # 9. More rights
    Promise(
        "9.objection",
        "9",
        Text(
            "Du kan invända, och behandlingen står stilla medan vi prövar.",
            "You can object, and the processing stands still while we assess it.",
        ),
        Text(
            "Invändningen gäller från samma sekund, även för mejl i kö.",
            "The objection counts from the same second, also for queued mail.",
        ),
        "tests.privacy.test_choices.test_mail_that_was_already_queued_is_withheld",
        measures.objections,
    ),
    Promise(
        "9.marketing",
        "9",
        Text(
            "Ett nej till marknadsföring gäller alltid, utan skäl.",
            "A no to marketing always counts, without a reason.",
        ),
        Text(
            "Ett kontrollvärde av adressen finns kvar även efter en radering.",
            "A check value of the address remains, also after an erasure.",
        ),
        "tests.privacy.test_choices.test_who_unsubscribed_from_news_can_say_yes_again",
        measures.refusals,
    ),
    Promise(
        "9.automated",
        "9",
        Text(
            "Inga automatiserade beslut fattas om dig.",
            "No automated decisions are made about you.",
        ),
        Text(
            "Ingen del som räknar resultat eller förslag kan ändra vad någon får göra. En ansvarig "
            "intygar att det har gåtts igenom.",
            "No part that computes results or suggestions can change what anybody may do. Somebody "
            "answerable attests that this was gone through.",
        ),
        "tests.privacy.test_promises.test_nothing_that_computes_writes_access",
        measures.attested(evidence.AUTOMATED_DECISIONS),
    ),
)
