"""What the audit trail knows: each event's code, and what people read for it."""

from collections.abc import Mapping

from trustivide.core.text import Text

EVENTS: Mapping[str, Text] = {
    "sign_in": Text("Inloggning", "Sign-in"),
    "sign_in_failed": Text("Misslyckad inloggning", "Failed sign-in"),
    "password_right": Text(
        "Rätt lösenord, andra steget återstår", "Right password, second step still due"
    ),
    "verify_failed": Text(
        "Fel när någon inloggad skulle visa vem det är", "Somebody signed in failed to prove who"
    ),
    "sign_out": Text("Utloggning", "Sign-out"),
    "sessions_revoked": Text("Enheter utloggade", "Devices signed out"),
    "password_changed": Text("Lösenord bytt", "Password changed"),
    "password_reset": Text("Lösenord återställt", "Password reset"),
    "address_changed": Text("E-postadress bytt", "E-mail address changed"),
    "address_change_undone": Text("Byte av e-postadress ångrat", "Change of address undone"),
    "second_factor_on": Text("Tvåstegsinloggning på", "Two-step sign-in on"),
    "second_factor_replaced": Text(
        "Ny autentiseringsapp för tvåstegsinloggning", "New authenticator app for two-step sign-in"
    ),
    "second_factor_off": Text("Tvåstegsinloggning av", "Two-step sign-in off"),
    "second_factor_failed": Text("Fel tvåstegskod", "Wrong two-step code"),
    "recovery_codes_made": Text("Nya återställningskoder", "New recovery codes"),
    "recovery_code_used": Text("Återställningskod använd", "Recovery code used"),
    "recovery_codes_removed": Text("Återställningskoder borttagna", "Recovery codes removed"),
    "passkey_added": Text("Passkey tillagd", "Passkey added"),
    "passkey_removed": Text("Passkey borttagen", "Passkey removed"),
    "passkey_copied": Text("Passkey verkar kopierad", "Passkey seems copied"),
    "colleague_invited": Text("Kollega inbjuden", "Colleague invited"),
    "invitation_withdrawn": Text("Inbjudan tillbakadragen", "Invitation withdrawn"),
    "invitation_declined": Text("Inbjudan avböjd", "Invitation declined"),
    "colleague_joined": Text("Kollega med", "Colleague joined"),
    "role_changed": Text("Roll ändrad", "Role changed"),
    "colleague_removed": Text("Kollega borttagen", "Colleague removed"),
    "second_factor_required": Text(
        "Krav på tvåstegsinloggning ändrat", "Requirement of two-step sign-in changed"
    ),
    "staff_role_changed": Text("Roll på Trustivide ändrad", "Role at Trustivide changed"),
    "export_requested": Text("Kopia av egna uppgifter begärd", "Copy of own data asked for"),
    "erasure_requested": Text("Radering begärd", "Erasure asked for"),
    "erasure_cancelled": Text("Radering ångrad", "Erasure cancelled"),
    "copy_requested": Text(
        "Kopia av organisationens uppgifter begärd", "Copy of the organisation's data asked for"
    ),
    "ending_requested": Text("Avslut av avtalet begärt", "Ending of the contract asked for"),
    "ending_cancelled": Text("Avslut av avtalet ångrat", "Ending of the contract cancelled"),
    "person_opened": Text("Uppgifter öppnade av personal", "Data opened by staff"),
    "workshop_published": Text("Workshop publicerad", "Workshop published"),
    "workshop_withdrawn": Text("Workshop tillbakadragen", "Workshop withdrawn"),
    "hold_placed": Text("Bevarande infört", "Legal hold placed"),
    "hold_ended": Text("Bevarande avslutat", "Legal hold ended"),
    "looks_reported": Text("Rapport om öppnade uppgifter läst", "Report on opened data read"),
    "audit_exported": Text("Säkerhetsloggen exporterad", "Security log exported"),
    "audit_checked": Text("Säkerhetsloggen kontrollerad", "Security log checked"),
    "audit_pruned": Text("Säkerhetsloggen gallrad", "Security log pruned"),
    "access_denied": Text("Nekad åtkomst", "Access denied"),
    "keys_rotated": Text("Krypteringsnycklar bytta", "Encryption keys rotated"),
    "keys_retired": Text("Gammal krypteringsnyckel borttagen", "Old encryption key retired"),
}
