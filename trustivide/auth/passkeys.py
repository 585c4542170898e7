"""Passkeys: W3C Web Authentication level 3, always resident and with user verification.

A passkey is therefore both factors at once: what one has, and the finger, face
or code that opens it.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

import webauthn
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from webauthn.helpers import parse_authentication_credential_json, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from trustivide.audit import actions as audit
from trustivide.auth import factors, queries
from trustivide.auth.actions import mail_change, note_change
from trustivide.auth.models import Passkey, User
from trustivide.core.clock import day_of

CHALLENGE_FOR = timedelta(minutes=5)
_TIMEOUT = int(CHALLENGE_FOR.total_seconds() * 1000)
_WRONG = (WebAuthnException, ValueError, TypeError, KeyError)
"""What the library raises on bytes that no authenticator would send."""


@dataclass(frozen=True)
class Site:
    """Where passkeys are valid: the relying party's id and the one origin that may use them."""

    id: str
    origin: str

    @classmethod
    def at(cls, public_url: str) -> "Site":
        """The site that people reach under ``public_url``."""
        parts = urlsplit(public_url)
        return cls(parts.hostname or "", f"{parts.scheme}://{parts.netloc}")


@dataclass(frozen=True)
class Challenge:
    """A challenge (256 bits) for one ``purpose``; ``made`` counts milliseconds since 1970."""

    value: bytes
    purpose: str
    made: int

    @classmethod
    def new(cls, purpose: str, now: datetime) -> "Challenge":
        """A fresh one."""
        return cls(secrets.token_bytes(32), purpose, int(now.timestamp() * 1000))

    def holds(self, purpose: str, now: datetime) -> bool:
        """Whether it was made for ``purpose`` within the last five minutes."""
        age = now.timestamp() - self.made / 1000
        return self.purpose == purpose and 0 <= age < CHALLENGE_FOR.total_seconds()


@dataclass(frozen=True)
class Made:
    """A passkey called ``name``, as a browser made it: its ``answer`` to ``challenge``."""

    site: Site
    challenge: Challenge
    answer: str
    name: str


def to_register(session: Session, user: User, site: Site, challenge: Challenge) -> str:
    """The options (JSON) with which a browser makes a passkey for ``user`` (level 3, §5.4)."""
    return webauthn.options_to_json(
        webauthn.generate_registration_options(
            rp_id=site.id,
            rp_name="Trustivide",
            user_id=user.id.bytes,  # random, and says nothing to anybody else (§14.6.1)
            user_name=user.email,
            user_display_name=user.name,
            challenge=challenge.value,
            timeout=_TIMEOUT,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=_descriptors(session, user.id),
        )
    )


def to_prove(
    session: Session, site: Site, challenge: Challenge, user_id: UUID | None = None
) -> str:
    """The options (JSON) with which a browser proves a passkey, of one account or of any (§5.5)."""
    return webauthn.options_to_json(
        webauthn.generate_authentication_options(
            rp_id=site.id,
            challenge=challenge.value,
            timeout=_TIMEOUT,
            allow_credentials=_descriptors(session, user_id) if user_id else [],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
    )


def _descriptors(session: Session, user_id: UUID) -> list[PublicKeyCredentialDescriptor]:
    held = queries.passkeys_of(session, user_id)
    return [PublicKeyCredentialDescriptor(id=passkey.credential_id) for passkey in held]


def register(session: Session, user: User, new: Made, now: datetime) -> Passkey | None:
    """Keep the passkey that a browser made (level 3, §7.1); ``None`` when it doesn't hold.

    No attestation is asked: which maker's device it is, is nobody's business.
    """
    try:
        made = webauthn.verify_registration_response(
            credential=new.answer,
            expected_challenge=new.challenge.value,
            expected_rp_id=new.site.id,
            expected_origin=new.site.origin,
            require_user_verification=True,
        )
    except _WRONG:
        return None
    passkey = Passkey(
        user_id=user.id,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        challenge_counter=new.challenge.made,
        name=new.name,
        created_on=day_of(now),
    )
    try:
        with session.begin_nested():
            session.add(passkey)
    except IntegrityError:  # that credential stands here already, whosever it is (§7.1, step 26)
        return None
    note_change(session, user, "passkey_added", now)
    session.flush()
    return passkey


def prove(
    session: Session,
    site: Site,
    challenge: Challenge,
    answer: str,
    now: datetime,
    user_id: UUID | None = None,
) -> User | None:
    """The account whose passkey answered ``challenge`` (level 3, §7.2); ``None`` when it doesn't.

    ``user_id`` says whose it must be; without one the passkey itself says it. A
    challenge older than the last one answered is not answered again. A counter
    that went backwards is refused, sealed, and the owner told.
    """
    passkey = _signed(session, site, challenge, answer, user_id)
    if passkey is None:
        if user_id is not None:
            audit.record(session, "second_factor_failed", now, about_id=user_id, detail="passkey")
        return None
    found, count = passkey
    won = session.scalar(
        update(Passkey)
        .where(
            Passkey.id == found.id,
            Passkey.challenge_counter < challenge.made,
            # Zero for ever: such an authenticator doesn't count.
            Passkey.sign_count < count if count else Passkey.sign_count == 0,
        )
        .values(sign_count=count, challenge_counter=challenge.made, last_used_on=day_of(now))
        .returning(Passkey.id)
        .execution_options(synchronize_session=False)
    )
    session.refresh(found)
    owner = session.get_one(User, found.user_id)
    if won is not None:
        return owner if owner.confirmed_at is not None else None
    if found.challenge_counter < challenge.made:
        audit.record(session, "passkey_copied", now, about_id=owner.id, thing_id=found.id)
        mail_change(session, owner, "passkey_copied", now)
    return None


def _signed(
    session: Session, site: Site, challenge: Challenge, answer: str, user_id: UUID | None
) -> tuple[Passkey, int] | None:
    """The passkey whose signature over ``challenge`` is right, and the counter that it gave."""
    try:
        credential = parse_authentication_credential_json(answer)
        passkey = session.scalar(select(Passkey).where(Passkey.credential_id == credential.raw_id))
        if passkey is None or not _is_of(passkey, credential, user_id):
            return None
        if parse_client_data_json(credential.response.client_data_json).cross_origin:
            return None
        proven = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge.value,
            expected_rp_id=site.id,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,  # compared after, when the signature is known right
            require_user_verification=True,
        )
    except _WRONG:
        return None
    return passkey, proven.new_sign_count


def _is_of(passkey: Passkey, credential: AuthenticationCredential, user_id: UUID | None) -> bool:
    """Whether the account that is asked, or else the passkey itself, names its owner (step 6)."""
    handle = credential.response.user_handle
    if user_id is None:
        return handle == passkey.user_id.bytes
    return passkey.user_id == user_id and handle in (None, user_id.bytes)


def rename(session: Session, passkey: Passkey, name: str) -> None:
    """Call it something else."""
    passkey.name = name
    session.flush()


def remove(session: Session, user: User, passkey: Passkey, now: datetime) -> None:
    """Forget a passkey. Raises :class:`trustivide.core.errors.Refused` where it must stay."""
    factors.let_go(session, user, passkey.id)
    session.delete(passkey)
    note_change(session, user, "passkey_removed", now)
    session.flush()
