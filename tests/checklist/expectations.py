"""Who should reach each route, as the tester believes it: read neither from decorators nor matrix.

A route that doesn't stand here fails the suite, and so does one here that no longer exists.
"""

from dataclasses import dataclass

CUSTOMER = ("member", "leader", "admin", "owner")
"""The people of Alice's organisation; the owner is Alice herself."""
STAFF = ("support", "content", "privacy", "finance", "staff-owner")
SIGNED_IN = frozenset({*CUSTOMER, *STAFF, "charlie", "unproven", "demoted"})
"""Charlie owns another organisation, ``unproven`` is an owner of the staff without second
factor, ``demoted`` worked here until a moment ago and has kept a session with both factors."""
EVERYBODY = SIGNED_IN | {"stranger", "halfway"}
"""``halfway`` owns it beside Alice, has given the password and not yet the second factor."""


@dataclass(frozen=True)
class Expected:
    """``roles`` may use it; ``whose`` narrows that down where the address names a thing.

    "nobody": the address names nobody's thing. "tenant": of Alice's organisation, so Charlie
    can't. "self": Alice's own, so nobody else can. ``opens`` says that a made-up token in the
    address, or a cookie that the role hasn't, may answer 404 to whoever may use the route.
    """

    roles: frozenset[str]
    whose: str = "nobody"
    opens: bool = False
    to: str = "/auth/login"

    def reaches(self, role: str) -> bool:
        """Whether ``role`` may use the route with the ids of Alice's things."""
        if self.whose == "tenant" and role == "charlie":
            return False
        if self.whose == "self" and role != "owner":
            return False
        return role in self.roles


def _tenant(*roles: str) -> Expected:
    return Expected(frozenset(roles), "tenant")


def _office(*roles: str) -> Expected:
    return Expected(frozenset({*roles, "staff-owner"}), "office")


PUBLIC = Expected(EVERYBODY)
TOKEN = Expected(EVERYBODY, opens=True)
LINK = Expected(frozenset())  # with a survey's link or a receipt code alone: test_links tells
ACCOUNT = Expected(SIGNED_IN)
ENTERING = Expected(SIGNED_IN | {"halfway"}, opens=True)
SECOND_FACTOR = Expected(SIGNED_IN, opens=True)  # 404 for whoever has none
PERSON = Expected(SIGNED_IN, to="/privacy/find")
OWN = Expected(SIGNED_IN, "self", to="/privacy/find")
WORKSHOPS = Expected(frozenset({*CUSTOMER, "charlie"}))
OWN_SEARCH = Expected(frozenset(CUSTOMER), "self")
LEAD = Expected(frozenset({"leader", "admin", "owner", "charlie"}))
LEAD_ALICES = _tenant("leader", "admin", "owner")
LEAD_RESULT = Expected(LEAD_ALICES.roles, "tenant", opens=True)  # 404 while a survey runs
OWNER_ALICES = _tenant("owner")
OWNER_PERSON = Expected(frozenset({"owner"}), "tenant", to="/privacy/find")
OWN_SECURITY = Expected(SIGNED_IN, "self")
INVITED = Expected(frozenset({"owner"}), "self", opens=True)  # whose address it names: Eva's
MEMBER_ALICES = _tenant(*CUSTOMER)
ADMIN_ALICES = _tenant("admin", "owner")
EVERY_COLLEAGUE = _office(*STAFF)
CUSTOMERS = _office("support", "privacy", "finance")
DESK = _office("support", "privacy")
CATALOGUE = _office("content")
USAGE = _office("content", "privacy")
DATA_PROTECTION = _office("privacy")
STAFF_OWNER = _office()

EXPECTED: dict[str, Expected] = {
    "static": TOKEN,
    "joined.style": PUBLIC,
    "joined.script": PUBLIC,
    # Anybody
    "web.index": PUBLIC,
    "web.health": PUBLIC,
    "web.gpc_support": PUBLIC,
    "web.security": PUBLIC,
    "web.security_txt": PUBLIC,
    "web.change_password": PUBLIC,
    "web.language": PUBLIC,
    "dev.mailbox": PUBLIC,
    "dev.mail": TOKEN,
    "dev.mail_html": TOKEN,
    "policy.agreement": PUBLIC,
    "policy.changes": TOKEN,
    "policy.current": PUBLIC,
    "policy.kept": PUBLIC,
    "policy.version": PUBLIC,
    "policy.versions": PUBLIC,
    "privacy.answer_times": PUBLIC,
    "privacy.balancing": TOKEN,
    "privacy.balancing_index": PUBLIC,
    "privacy.check_receipt": PUBLIC,
    "privacy.consent_schema": PUBLIC,
    "privacy.cookies_page": PUBLIC,
    "privacy.dpia": TOKEN,
    "privacy.dpia_index": PUBLIC,
    "privacy.export_schema": TOKEN,
    "privacy.find": PUBLIC,
    "privacy.leave": PUBLIC,
    "privacy.link_sent": PUBLIC,
    "privacy.processors": PUBLIC,
    "privacy.record_csv": PUBLIC,
    "privacy.record_json": PUBLIC,
    "privacy.record_page": PUBLIC,
    "auth.check_mail": PUBLIC,
    "auth.forgot": PUBLIC,
    "auth.login": PUBLIC,
    "auth.logout": PUBLIC,
    "organisations.register": PUBLIC,
    "answering.how_it_works": PUBLIC,
    "surveys.method": PUBLIC,
    "answering.leave": PUBLIC,
    "answering.receipt": PUBLIC,
    # Whoever holds what was mailed or shown to them
    "auth.confirm": TOKEN,
    "auth.reset": TOKEN,
    "auth.undo_address": TOKEN,
    "auth.sign_in_challenge": PUBLIC,
    "auth.passkey_sign_in": PUBLIC,
    "organisations.invitation": TOKEN,
    "organisations.refuse": TOKEN,
    "organisations.join_challenge": TOKEN,
    "answering.enter": TOKEN,
    "shared.report": TOKEN,
    "shared.result": TOKEN,
    "surveys.result_schema": PUBLIC,
    "privacy.confirm_address": TOKEN,
    "privacy.enter": TOKEN,
    "privacy.erasure_receipt": TOKEN,
    "privacy.receipt_file": TOKEN,
    "privacy.receipt_print": TOKEN,
    "privacy.unsubscribe": TOKEN,
    "privacy.one_click_unsubscribe": TOKEN,
    "answering.comments": LINK,
    "answering.draft": LINK,
    "answering.intro": LINK,
    "answering.kept_receipt": LINK,
    "answering.own_answers": LINK,
    "answering.restriction": LINK,
    "answering.review": LINK,
    "answering.section": LINK,
    "answering.withdrawal": LINK,
    # Whoever is signed in
    "auth.verify": ACCOUNT,
    "organisations.home": ACCOUNT,
    "policy.latest": ACCOUNT,
    "auth.second_factor": ENTERING,
    "auth.enrol": ACCOUNT,
    "auth.account": ACCOUNT,
    "auth.change_password": ACCOUNT,
    "auth.recovery_code": ENTERING,
    "auth.recovery_codes": SECOND_FACTOR,
    "auth.drop_app": SECOND_FACTOR,
    "auth.end_others": ACCOUNT,
    "auth.second_factor_challenge": ENTERING,
    "auth.passkey_second_factor": ENTERING,
    "auth.verify_challenge": ACCOUNT,
    "auth.passkey_verify": ACCOUNT,
    "auth.new_passkey": ACCOUNT,
    "auth.new_passkey_challenge": ACCOUNT,
    "auth.rename_passkey": OWN_SECURITY,
    "auth.remove_passkey": OWN_SECURITY,
    "auth.end_sign_in": OWN_SECURITY,
    "auth.forget_device": OWN_SECURITY,
    "organisations.choice": Expected(SIGNED_IN, opens=True),
    "organisations.received": INVITED,
    "organisations.refuse_received": INVITED,
    # Whoever data is held about
    "privacy.cancel_erasure": PERSON,
    "privacy.choices": PERSON,
    "privacy.invitations": PERSON,
    "privacy.refuse_all_invitations": PERSON,
    "privacy.refuse_all_workshops": PERSON,
    "privacy.refuse_invitations": OWN,
    "privacy.refuse_workshops": OWN,
    "privacy.consent": PERSON,
    "privacy.data": PERSON,
    "privacy.delete_all": PERSON,
    "privacy.erase": PERSON,
    "privacy.exports": PERSON,
    "privacy.index": PERSON,
    "privacy.objection": PERSON,
    "privacy.requests": PERSON,
    "privacy.restriction": PERSON,
    "privacy.write": PERSON,
    "privacy.cancel_address": OWN,
    "privacy.consent_record": OWN,
    "privacy.correct": OWN,
    "privacy.delete_entry": OWN,
    "privacy.export_file": OWN,
    "privacy.export_progress": OWN,
    "privacy.own_request": OWN,
    "privacy.prove": OWN,
    "privacy.request_correction": OWN,
    # A customer's people
    "workshops.index": WORKSHOPS,
    "workshops.show": WORKSHOPS,
    "workshops.attachment": WORKSHOPS,
    "workshops.agenda": WORKSHOPS,
    "workshops.facilitation": WORKSHOPS,
    "workshops.handout": WORKSHOPS,
    "workshops.downloads": WORKSHOPS,
    "workshops.downloads_removal": Expected(WORKSHOPS.roles, opens=True),
    "workshops.searches": WORKSHOPS,
    "workshops.searches_removal": WORKSHOPS,
    "workshops.search_removal": OWN_SEARCH,
    "workshops.searches_keeping": WORKSHOPS,
    "workshops.viewings": WORKSHOPS,
    "workshops.viewings_removal": WORKSHOPS,
    "workshops.viewing_removal": Expected(WORKSHOPS.roles, opens=True),
    "workshops.favourite": WORKSHOPS,
    "workshops.favourite_removal": WORKSHOPS,
    "workshops.planning": LEAD,
    "workshops.sessions": LEAD,
    "workshops.session": LEAD_ALICES,
    "workshops.session_action": LEAD_ALICES,
    "workshops.session_action_done": LEAD_ALICES,
    "workshops.session_action_removal": LEAD_ALICES,
    "workshops.session_actions": LEAD_ALICES,
    "workshops.session_cancellation": LEAD_ALICES,
    "workshops.session_guide": LEAD_ALICES,
    "workshops.session_facilitation": LEAD_ALICES,
    "workshops.session_handout": LEAD_ALICES,
    "workshops.session_invitations": LEAD_ALICES,
    "workshops.session_planning": LEAD_ALICES,
    "workshops.session_run": LEAD_ALICES,
    "workshops.session_run_removal": LEAD_ALICES,
    "teams.index": LEAD,
    "teams.create": LEAD,
    "teams.show": LEAD_ALICES,
    "teams.add": LEAD_ALICES,
    "teams.add_from_file": LEAD_ALICES,
    "teams.edit": LEAD_ALICES,
    "teams.member_file": LEAD_ALICES,
    "teams.member_template": LEAD,
    "teams.preview": LEAD_ALICES,
    "teams.removal": LEAD_ALICES,
    "teams.remove": LEAD_ALICES,
    "teams.rename": LEAD_ALICES,
    "teams.undo": LEAD_ALICES,
    "surveys.index": LEAD,
    "surveys.new": LEAD,
    "surveys.preview": LEAD,
    "surveys.launch": LEAD,
    "surveys.test_mails": LEAD,
    "surveys.questions": LEAD,
    "surveys.show": LEAD_ALICES,
    "surveys.round_results": LEAD_ALICES,
    "surveys.share": LEAD_RESULT,
    "surveys.stop_sharing": LEAD_RESULT,
    "surveys.note": LEAD_RESULT,
    "surveys.agree": LEAD_RESULT,
    "surveys.result_file": LEAD_RESULT,
    "surveys.result_report": LEAD_RESULT,
    "surveys.edit_agreed": LEAD_RESULT,
    "surveys.agreed_done": LEAD_RESULT,
    "surveys.agreed_removal": LEAD_RESULT,
    "surveys.round": LEAD_ALICES,
    "surveys.plan": LEAD_ALICES,
    "surveys.cancellation": LEAD_ALICES,
    "surveys.ending": LEAD_ALICES,
    "surveys.closure": LEAD_ALICES,
    "surveys.evaluation": LEAD_ALICES,
    "surveys.evaluation_refusal": LEAD_ALICES,
    "surveys.reminders": LEAD_ALICES,
    "surveys.instruments": LEAD,
    "surveys.new_instrument": LEAD,
    "surveys.instrument_import": LEAD,
    "surveys.built_in": LEAD,
    "surveys.built_in_preview": LEAD,
    "surveys.built_in_file": LEAD,
    "surveys.copy_built_in": LEAD,
    "surveys.instrument": LEAD_ALICES,
    "surveys.instrument_version": LEAD_ALICES,
    "surveys.instrument_preview": LEAD_ALICES,
    "surveys.instrument_file": LEAD_ALICES,
    "surveys.copy_instrument": LEAD_ALICES,
    "surveys.instrument_archive": LEAD_ALICES,
    "surveys.instrument_removal": LEAD_ALICES,
    "surveys.new_version": LEAD_ALICES,
    "surveys.instrument_heading": LEAD_ALICES,
    "surveys.new_section": LEAD_ALICES,
    "surveys.instrument_section": LEAD_ALICES,
    "surveys.new_dimension": LEAD_ALICES,
    "surveys.instrument_dimension": LEAD_ALICES,
    "surveys.new_item": LEAD_ALICES,
    "surveys.instrument_item": LEAD_ALICES,
    "surveys.part_removal": LEAD_ALICES,
    "surveys.instrument_order": LEAD_ALICES,
    "surveys.delivery": LEAD_ALICES,
    "surveys.invite": LEAD_ALICES,
    "surveys.send_again": LEAD_ALICES,
    "surveys.remove_invitation": LEAD_ALICES,
    "organisations.roles": MEMBER_ALICES,
    "organisations.people": ADMIN_ALICES,
    "organisations.role": ADMIN_ALICES,
    "organisations.removal": ADMIN_ALICES,
    "organisations.leaving": MEMBER_ALICES,
    "organisations.invite": ADMIN_ALICES,
    "organisations.send_again": ADMIN_ALICES,
    "organisations.withdraw": ADMIN_ALICES,
    "organisations.second_factor": OWNER_ALICES,
    "organisations.agreement": OWNER_ALICES,
    "privacy.organisation": OWNER_PERSON,
    "privacy.hand_back": OWNER_PERSON,
    "privacy.hand_back_file": OWNER_PERSON,
    "privacy.end_contract": OWNER_PERSON,
    "privacy.keep_contract": OWNER_PERSON,
    # Our own staff, with a second factor
    "admin.index": EVERY_COLLEAGUE,
    "admin.organisations": CUSTOMERS,
    "admin.organisation": CUSTOMERS,
    "admin.users": DESK,
    "admin.user": DESK,
    "admin.look_at": DESK,
    "admin.look": DESK,
    "admin.requests": DESK,
    "admin.enter_request": DESK,
    "admin.privacy_request": DESK,
    "admin.open_request": DESK,
    "admin.identity": DESK,
    "admin.decide": DESK,
    "admin.catalogue": CATALOGUE,
    "admin.new_workshop": CATALOGUE,
    "admin.workshop": CATALOGUE,
    "admin.draft": CATALOGUE,
    "admin.discard_draft": CATALOGUE,
    "admin.publish": CATALOGUE,
    "admin.withdraw": CATALOGUE,
    "admin.workshop_version": CATALOGUE,
    "admin.preview_version": CATALOGUE,
    "admin.workshop_differences": CATALOGUE,
    "admin.attach": CATALOGUE,
    "admin.attachment_file": CATALOGUE,
    "admin.remove_attachment": CATALOGUE,
    "admin.usage": USAGE,
    "admin.holds": DATA_PROTECTION,
    "admin.place_hold": DATA_PROTECTION,
    "admin.end_hold": DATA_PROTECTION,
    "admin.retention": DATA_PROTECTION,
    "admin.evidence": DATA_PROTECTION,
    "admin.attest": DATA_PROTECTION,
    "admin.looks": DATA_PROTECTION,
    "admin.open_looks": DATA_PROTECTION,
    "admin.export_looks": DATA_PROTECTION,
    "admin.security_log": DATA_PROTECTION,
    "admin.check_audit": DATA_PROTECTION,
    "admin.export_audit": Expected(DATA_PROTECTION.roles, "office", opens=True),
    "admin.roles": EVERY_COLLEAGUE,
    "admin.colleagues": STAFF_OWNER,
    "admin.add_colleague": STAFF_OWNER,
    "admin.change_role": STAFF_OWNER,
    "admin.remove_colleague": STAFF_OWNER,
}
