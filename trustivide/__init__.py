"""Trustivide: measure and grow trust in teams. Everything is wired here, and only here."""

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import click
from flask import Flask, g, request, url_for
from flask_compress import Compress
from flask_mail import Mail
from flask_wtf.csrf import CSRFProtect, generate_csrf
from werkzeug.exceptions import NotFound
from werkzeug.middleware.proxy_fix import ProxyFix

from trustivide import cli, config
from trustivide.admin import queries as office
from trustivide.admin import usage as office_usage
from trustivide.admin.views import routes as admin_pages
from trustivide.audit import actions as audit
from trustivide.audit.models import AuditEntry
from trustivide.auth import addresses, factors, login
from trustivide.auth import queries as accounts
from trustivide.auth.views import routes as auth
from trustivide.core import activities, clock, compaction, crypto, inventory, locks
from trustivide.core import holds as core_holds
from trustivide.core.cookies import SESSION
from trustivide.core.db import db
from trustivide.core.roles import CUSTOMER, STAFF, customer_may, staff_may
from trustivide.organisations import actions as organisation_actions
from trustivide.organisations import agreements
from trustivide.organisations import invitations as colleague_invitations
from trustivide.organisations import queries as organisations
from trustivide.organisations.views import routes as organisation_pages
from trustivide.outbox import delivery, worker
from trustivide.outbox.registry import registry as outbox
from trustivide.privacy import access as privacy_access
from trustivide.privacy import actions as privacy_actions
from trustivide.privacy import (
    address_changes,
    code_requests,
    contract,
    desk,
    erasure,
    export,
    handback,
    holds,
    measures,
    news,
    notices,
    promises,
    retention,
    words,
)
from trustivide.privacy import links as privacy_links
from trustivide.privacy.views import policy
from trustivide.privacy.views import routes as privacy_pages
from trustivide.rights import actions as rights
from trustivide.rights import ledger
from trustivide.starting import make_ready
from trustivide.surveys import actions as survey_actions
from trustivide.surveys import closing as survey_closing
from trustivide.surveys import evaluations, reliability, respondents
from trustivide.surveys import invitations as survey_invitations
from trustivide.surveys import inviting as survey_inviting
from trustivide.surveys import launching as survey_launching
from trustivide.surveys import mails as survey_mails
from trustivide.surveys import queries as survey_queries
from trustivide.surveys import rhythms as survey_rhythms
from trustivide.surveys import rounds as survey_rounds
from trustivide.surveys.answering import routes as answering
from trustivide.surveys.views import routes as surveys
from trustivide.surveys.views import shared as shared_results
from trustivide.teams import actions as team_actions
from trustivide.teams import queries as team_queries
from trustivide.teams.views import routes as teams
from trustivide.usage import actions as usage
from trustivide.usage import noting
from trustivide.usage.kinds import KINDS
from trustivide.web import access, cookies, errors, files, headers, joined, limits, locale
from trustivide.web import views as web
from trustivide.workshops import actions as workshop_actions
from trustivide.workshops import (
    attachments,
    catalogue,
    facilitators,
    reminders,
    session_mails,
    session_queries,
)
from trustivide.workshops import invitations as workshop_invitations
from trustivide.workshops import sessions as workshop_sessions
from trustivide.workshops.views import routes as workshops

ROOT = Path(__file__).parent.parent


def create_app(environ: Mapping[str, str] | None = None) -> Flask:
    """The application, from ``environ`` (default: the process's environment).

    Raises :class:`BootError` rather than serve with an undeclared column, a
    route without an access rule, a table that nobody declares, or a setting
    that production must not have.
    """
    settings = config.load(environ)
    _speak()
    app = Flask(
        "trustivide",
        root_path=str(ROOT / "trustivide"),
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "static"),
        instance_path=str(settings.instance),
    )
    app.request_class = files.InMemory
    _configure(app, settings)
    crypto.install(settings.keys)
    activities.engage(settings.recipients)
    db.init_app(app)
    with locks.alone(settings.instance):  # see :mod:`starting`
        ledger.install(ledger.Ledger(settings.ledger_url))
        worker.init_app(app)
    Mail(app)
    Compress(app)
    if settings.proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies, x_host=0
        )
    access.admit_large_bodies(app, POLICIES)
    CSRFProtect(app)
    login.init_app(app)
    locale.init_app(app, login.account_locale)
    cookies.init_app(app)
    headers.init_app(app)
    limits.init_app(app)
    errors.init_app(app)
    web.init_app(app, delivery.mail_folder(app))
    for blueprint in (
        joined.bp,
        auth.bp,
        organisation_pages.bp,
        teams.bp,
        surveys.bp,
        answering.bp,
        shared_results.bp,
        workshops.bp,
        privacy_pages.bp,
        policy.bp,
        admin_pages.bp,
    ):
        app.register_blueprint(blueprint)
    # A mail program posts there on its own: no session, no token (RFC 8058).
    app.extensions["csrf"].exempt(privacy_pages.entrance.one_click_unsubscribe)
    _connect_features(settings)
    _measure_promises(settings)
    _templates(app, settings)
    access.init_app(app, POLICIES, _note_denied)
    access.check(app, POLICIES, PERMISSIONS)
    noting.init_app(app, _customers_person)
    inventory.check()
    cli.init_app(app)
    if click.get_current_context(silent=True) is None:
        make_ready(app)
    else:  # `flask db` must work whatever the database holds; the worker makes ready itself
        from trustivide import migrating

        migrating.prepare(app)
    return app


def _speak() -> None:
    """Let our own lines through; where they go is the host's choice, and stderr without one."""
    logging.basicConfig(format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("trustivide").setLevel(logging.INFO)


def _configure(app: Flask, settings: config.Settings) -> None:
    tls = {
        name: settings.values[name].lower() == "true" for name in ("MAIL_USE_TLS", "MAIL_USE_SSL")
    }
    app.config.update(
        SETTINGS=settings,
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS={"hide_parameters": True},  # logs carry ids at most
        SESSION_COOKIE_NAME=SESSION.called(secure=settings.secure_cookies),
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_SSL_STRICT=False,  # web.headers checks Origin and Sec-Fetch-Site instead
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a slow form must not be lost
        # A file of two million bytes fits, with the form around it, and so do a hundred
        # thousand pasted characters of four bytes each, written as %XX.
        MAX_CONTENT_LENGTH=2_500_000,
        MAX_FORM_MEMORY_SIZE=500_000,
        MAX_FORM_PARTS=1000,
        MAIL_SERVER=settings.values["MAIL_SERVER"],
        MAIL_PORT=int(settings.values["MAIL_PORT"]),
        MAIL_USERNAME=settings.values["MAIL_USERNAME"] or None,
        MAIL_PASSWORD=settings.values["MAIL_PASSWORD"] or None,
        MAIL_DEFAULT_SENDER=settings.values["MAIL_DEFAULT_SENDER"],
        **tls,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def _connect_features(settings: config.Settings) -> None:
    """News that travels upwards, and what features add to worker and inventory."""
    core_holds.install(holds.standing)
    registries = inventory.registry
    registries.dependents[:] = [
        inventory.Dependent(
            "surveys", survey_closing.erasure_preview, ending=survey_closing.ending_preview
        ),
        inventory.Dependent(
            "workshops",
            session_queries.erasure_preview,
            ending=session_queries.ending_preview,
        ),
        inventory.Dependent(
            "organisations",
            organisation_actions.erasure_preview,
            organisation_actions.close_orphans,
            organisation_actions.ending_preview,
        ),
        inventory.Dependent("requests", desk.erasure_preview, desk.end_with_person),
        inventory.Dependent("exports", lambda session, person: [], export.end_with_person),
        inventory.Dependent("usage", lambda session, person: [], usage.end_with_person),
    ]
    registries.tenancy = inventory.Tenancy(
        "organisation",
        organisations.owned_by,
        organisations.owners_of,
        organisations.left_without,
        organisation_actions.close,
        team_queries.people_of,
    )
    registries.informants[:] = [inventory.Informant("teams", team_queries.given_to)]
    registries.senders.update(
        {
            activities.TEAM_SURVEYS.key: survey_invitations.senders,
            activities.TEAM_WORKSHOPS.key: workshop_invitations.senders,
        }
    )
    registries.origins.update(
        team_member=team_queries.origins,
        invitation=survey_queries.origins,
        colleague_invitation=colleague_invitations.origins,
        workshop_session=session_queries.origins,
    )
    registries.stores[:] = [delivery.DEVELOPMENT_MAIL, export.FILES]
    team_actions.removal_blockers[:] = [survey_closing.blocks_removal]
    team_actions.goes_along[:] = [session_queries.goes_along]
    team_actions.to_evaluate[:] = [evaluations.of_team]
    team_actions.open_invitations[:] = [survey_inviting.open_of]
    team_actions.member_edited.connect(survey_inviting.on_member_edited)
    for told in (survey_closing.on_organisation_closing, contract.on_closing):
        organisation_actions.organisation_closing.connect(told)
    rights.objected_to.connect(usage.on_objected)
    workshop_sessions.workshop_run.connect(evaluations.on_workshop_run)
    workshop_sessions.run_undone.connect(evaluations.on_run_undone)
    workshop_sessions.undo_blockers[:] = [evaluations.blocks_undo]
    address_changes.address_corrected.connect(survey_launching.on_address_corrected)
    addresses.address_taken_back.connect(address_changes.on_taken_back)
    survey_actions.right_by_code.connect(code_requests.note)
    workshop_actions.refused.connect(privacy_actions.note_refusal)
    survey_queries.notes_by_code[:] = [code_requests.noted]
    outbox.composers.update(
        survey_mails.COMPOSERS
        | session_mails.COMPOSERS
        | colleague_invitations.COMPOSERS
        | privacy_links.COMPOSERS
        | desk.COMPOSERS
        | address_changes.COMPOSERS
        | news.COMPOSERS
    )
    outbox.traceless.update(survey_mails.TRACELESS)
    outbox.person_of = accounts.person_at
    outbox.unsubscribe = privacy_actions.unsubscribe_path
    outbox.handlers.update(
        {
            "export": export.run,
            "hand_back": handback.run,
            "erasure": erasure.run,
            "ending": contract.run,
            "compact": compaction.run,
        }
    )
    outbox.gave_up.update({"export": export.give_up, "hand_back": export.give_up})
    outbox.every_minute[:] = [
        survey_closing.close_due,
        survey_rhythms.repeat_due,
        survey_rounds.open_due,
        survey_rounds.remind_due,
        reminders.remind_due,
        catalogue.bring_up_to_date,  # the service may have started before its tables were there
        erasure.start_due,
        privacy_links.forget_expired,
        notices.settle,
    ]
    outbox.every_night[:] = [
        organisation_actions.forget_unconfirmed,
        audit.check,
        audit.prune,
        holds.end_due,
        facilitators.forget,
        retention.sweep,
        desk.remind,
        news.tell_by_mail,
        reliability.measure,
        partial(attachments.clear_orphans, attachments.folder_in(settings.instance)),
    ]
    login.first_stops[:] = [news.first_stop, agreements.first_stop]
    factors.required_by[:] = [organisations.requires_second_factor]
    addresses.make_way[:] = [organisation_actions.forget_registration]
    words.more["kind"] = {key: kind.name for key, kind in KINDS.items()}
    retention.elsewhere["workshop_session"] = retention.Elsewhere(
        facilitators.LABEL, activities.TEAM_WORKSHOPS, facilitators.forgettable
    )
    retention.elsewhere["audit_entry"] = retention.Elsewhere(
        AuditEntry.__label__, activities.SECURITY_LOG, audit.prunable
    )


def _measure_promises(settings: config.Settings) -> None:
    """Measures of the policy's promises that rest on settings, or on features above privacy.

    A promise that nothing measures shows as not measured: a feature that comes
    to measure one adds it here, by the promise's key.
    """
    mail = settings.values["MAIL_USE_TLS"] + settings.values["MAIL_USE_SSL"]
    sealed = "true" in mail.lower() or not settings.values["MAIL_SERVER"]
    promises.registry.clear()
    promises.registry.update(
        {
            "6.1": measures.transport(web=settings.secure_cookies, mail=sealed),
            "6.2.looks": office.looks_measured,
            "1.usage": office_usage.measured,
        }
    )


# What each kind of access rule asks. ``web`` knows no role and no user.


def _entering(_: str | None) -> login.SignedIn:
    who = login.current() or login.halfway()
    if who is None:
        raise access.SignInFirst
    return who


def _account(_: str | None) -> login.SignedIn:
    who = login.current()
    if who is None:
        raise access.SignInFirst(_next_step("auth.login"))
    return who


def _next_step(otherwise: str) -> str:
    """Where somebody who isn't signed in goes: they may lack the second factor alone."""
    return "auth.second_factor" if login.halfway() else otherwise


def _acting(who: login.SignedIn) -> organisations.Actor | None:
    return organisations.acting(db.session(), who.user.id, organisation_pages.chosen())


def _named() -> UUID | None:
    """The organisation that the path names."""
    return (request.view_args or {}).get("organisation_id")


def _member(permission: str | None) -> organisations.Actor:
    """In the organisation that the path names, else in the one that the person works in."""
    who = _account(None)
    named = _named()
    if named is None:
        actor = _acting(who)
    else:
        actor = organisations.actor_in(db.session(), who.user.id, named)
    if actor is None:
        raise NotFound
    organisation_pages.refuse_of_another(actor)
    if not actor.may(str(permission)):
        raise NotFound
    _with_second_factor(who)
    return actor


def _staff(permission: str | None) -> login.SignedIn:
    who = _account(None)
    if not staff_may(who.user.staff_role, str(permission)):
        raise NotFound
    _with_second_factor(who)
    return who


def _with_second_factor(who: login.SignedIn) -> None:
    """Whoever must have a second factor and has none sets it up first."""
    if not who.sign_in.second_factor and factors.is_required(db.session(), who.user):
        raise access.SignInFirst("auth.second_factor")


def _customers_person() -> UUID | None:
    """Whose request this is, where it is one of a customer's person to a page of theirs."""
    actor = g.get("actor")
    return actor.user_id if isinstance(actor, organisations.Actor) else None


def _note_denied(permission: str) -> None:
    """A role said no to somebody signed in: the audit trail tells, the page doesn't."""
    who = login.current()
    if who is not None:
        audit.note_denied(clock.now(), who.user.id, permission)


def _subject(_: str | None) -> privacy_access.Visitor:
    visitor = privacy_access.visitor()
    if visitor is None:
        raise access.SignInFirst(_next_step("privacy.find"))
    who = login.current()
    named = _named()
    if who is not None and named is not None and named in visitor.organisations:
        # One's own data is reachable always; an organisation's as its other pages are.
        _with_second_factor(who)
    return visitor


POLICIES: dict[str, access.Policy] = {
    "public": lambda _: None,
    "entering": _entering,
    "account": _account,
    "member": _member,
    "staff": _staff,
    "subject": _subject,
    "respondent": lambda _: respondents.holder(),
}
PERMISSIONS = {"member": CUSTOMER, "staff": STAFF}
"""What these kinds of access rule may ask for."""


def _templates(app: Flask, settings: config.Settings) -> None:
    """Globals of every template. ``ui`` is a global: rendering a block skips imports."""
    env = app.jinja_env
    stamps: dict[str, str] = {}

    def asset(name: str) -> str:
        if name not in stamps or app.debug:
            stamps[name] = joined.stamp(ROOT / "static", name)
        return url_for("static", filename=name, v=stamps[name])

    def nav(viewer: SimpleNamespace | None) -> list[SimpleNamespace]:
        """The ways to where the viewer may go, and no other."""
        if viewer is None:
            return []
        _ = locale.gettext
        people = {"organisation_id": viewer.organisation_id}
        items = [
            ("admin.index", _("Kontoret"), "office.open", {}),
            ("teams.index", _("Team"), "teams.manage", {}),
            ("surveys.index", _("Enkäter"), "surveys.manage", {}),
            ("workshops.index", _("Workshoppar"), "workshops.use", {}),
            ("organisations.people", _("Organisation"), "colleagues.manage", people),
            ("privacy.index", _("Min integritet"), None, {}),
        ]
        here = (request.blueprint or "").split(".")[0]
        return [
            SimpleNamespace(
                href=url_for(to, **values), label=label, active=to.split(".")[0] == here
            )
            for to, label, permission, values in items
            if permission is None or viewer.may(permission)
        ]

    def viewer() -> SimpleNamespace | None:
        who = login.current()
        if who is None:
            return None
        actor = _acting(who)
        theirs = organisations.organisations_of(db.session(), who.user.id)

        def may(permission: str) -> bool:
            """What pages ask before they show a way to something."""
            if permission in STAFF:
                return staff_may(who.user.staff_role, permission)
            return actor is not None and customer_may(actor.role, permission)

        return SimpleNamespace(
            name=who.user.name,
            email=who.user.email,
            is_staff=who.user.is_staff,
            may=may,
            organisation_id=actor.organisation_id if actor else None,
            organisation_name=theirs[actor.organisation_id] if actor else None,
            organisations=theirs,
        )

    @app.context_processor
    def context() -> dict[str, Any]:
        if not request:
            return {}
        # Before sign-in nothing is loaded from third parties (privacy policy §7).
        enabled = settings.own_htmx or (login.current() is not None and not g.get("plain", False))
        htmx = SimpleNamespace(
            enabled=enabled,
            own=settings.own_htmx,
            url=settings.values["HTMX_URL"],
            integrity=settings.values["HTMX_INTEGRITY"],
        )
        whose = viewer()
        several = whose is not None and len(whose.organisations) > 1
        working = isinstance(g.get("actor"), organisations.Actor)
        g.forms_for = g.actor.organisation_id if several and working else None
        return {"viewer": whose, "nav": nav(whose), "htmx": htmx}

    env.globals.update(
        asset=asset,
        csp_nonce=headers.csp_nonce,
        csrf_token=generate_csrf,
        forms_for=lambda: g.get("forms_for"),
        gpc=headers.gpc,
        contact_email=settings.contact_email,
        production=settings.production,
    )
    with app.test_request_context():
        env.globals["ui"] = env.get_template("ui.html").make_module({})
