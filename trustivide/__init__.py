"""Trustivide: measure and grow trust in teams. Everything is wired here, and only here."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
from flask import Flask, g, request, url_for
from flask_compress import Compress
from flask_mail import Mail
from flask_migrate import Migrate
from flask_wtf.csrf import CSRFProtect, generate_csrf
from werkzeug.exceptions import NotFound
from werkzeug.middleware.proxy_fix import ProxyFix

from trustivide import cli, config
from trustivide.admin import queries as office
from trustivide.admin.views import routes as admin_pages
from trustivide.auth import login
from trustivide.auth import queries as accounts
from trustivide.auth import views as auth
from trustivide.core import activities, compaction, crypto, inventory, locks
from trustivide.core import holds as core_holds
from trustivide.core.cookies import SESSION
from trustivide.core.db import db
from trustivide.core.errors import BootError
from trustivide.organisations import actions as organisation_actions
from trustivide.organisations import queries as organisations
from trustivide.organisations import views as organisation_views
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
)
from trustivide.privacy import links as privacy_links
from trustivide.privacy.views import policy
from trustivide.privacy.views import routes as privacy_pages
from trustivide.rights import ledger
from trustivide.surveys import actions as survey_actions
from trustivide.surveys import answering, respondents
from trustivide.surveys import mails as survey_mails
from trustivide.surveys import queries as survey_queries
from trustivide.surveys import views as surveys
from trustivide.teams import actions as team_actions
from trustivide.teams import queries as team_queries
from trustivide.teams import views as teams
from trustivide.web import access, errors, headers, limits, locale
from trustivide.web import views as web
from trustivide.workshops import views as workshops

ROOT = Path(__file__).parent.parent


def create_app(environ: Mapping[str, str] | None = None) -> Flask:
    """The application, from ``environ`` (default: the process's environment).

    Raises :class:`BootError` rather than serve with an undeclared column, a
    route without an access rule, a table that nobody declares, or a setting
    that production must not have.
    """
    settings = config.load(environ)
    app = Flask(
        "trustivide",
        root_path=str(ROOT / "trustivide"),
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "static"),
        instance_path=str(settings.instance),
    )
    _configure(app, settings)
    crypto.install(settings.keys)
    activities.engage(settings.recipients)
    db.init_app(app)
    Migrate(app, db, directory=str(ROOT / "migrations"), render_as_batch=True)
    with locks.alone(settings.instance):
        # Web and worker start together; whoever is first makes the files.
        ledger.install(ledger.Ledger(settings.ledger_url))
        worker.init_app(app)
    Mail(app)
    Compress(app)
    if settings.proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies, x_host=0
        )
    CSRFProtect(app)
    login.init_app(app)
    locale.init_app(app, login.account_locale)
    headers.init_app(app)
    limits.init_app(app)
    errors.init_app(app)
    web.init_app(app, delivery.mail_folder(app))
    for blueprint in (
        auth.bp,
        organisation_views.bp,
        teams.bp,
        surveys.bp,
        answering.bp,
        workshops.bp,
        privacy_pages.bp,
        policy.bp,
        admin_pages.bp,
    ):
        app.register_blueprint(blueprint)
    # A mail program posts there on its own: no session, no token (RFC 8058).
    app.extensions["csrf"].exempt(privacy_pages.entrance.one_click_unsubscribe)
    _connect_features()
    _measure_promises(settings)
    _templates(app, settings)
    access.init_app(app, POLICIES)
    access.check(app, POLICIES)
    inventory.check()
    _check_live_tables(app)
    cli.init_app(app)
    return app


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
        MAX_CONTENT_LENGTH=2 * 1024 * 1024,
        MAIL_SERVER=settings.values["MAIL_SERVER"],
        MAIL_PORT=int(settings.values["MAIL_PORT"]),
        MAIL_USERNAME=settings.values["MAIL_USERNAME"] or None,
        MAIL_PASSWORD=settings.values["MAIL_PASSWORD"] or None,
        MAIL_DEFAULT_SENDER=settings.values["MAIL_DEFAULT_SENDER"],
        **tls,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def _connect_features() -> None:
    """News that travels upwards, and what features add to worker and inventory."""
    core_holds.install(holds.standing)
    registries = inventory.registry
    registries.dependents[:] = [
        inventory.Dependent(
            "surveys", survey_actions.erasure_preview, ending=survey_actions.ending_preview
        ),
        inventory.Dependent(
            "organisations",
            organisation_actions.erasure_preview,
            organisation_actions.close_orphans,
            organisation_actions.ending_preview,
        ),
        inventory.Dependent("requests", desk.erasure_preview, desk.end_with_person),
        inventory.Dependent("exports", lambda session, person: [], export.end_with_person),
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
    registries.origins.update(team_member=team_queries.origins, invitation=survey_queries.origins)
    registries.stores[:] = [delivery.DEVELOPMENT_MAIL, export.FILES]
    team_actions.removal_blockers[:] = [survey_actions.blocks_removal]
    for told in (survey_actions.on_organisation_closing, contract.on_closing):
        organisation_actions.organisation_closing.connect(told)
    address_changes.address_corrected.connect(survey_actions.on_address_corrected)
    survey_actions.right_by_code.connect(code_requests.note)
    survey_queries.notes_by_code[:] = [code_requests.noted]
    outbox.composers.update(
        survey_mails.COMPOSERS
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
        survey_actions.close_due,
        erasure.start_due,
        privacy_links.forget_expired,
        notices.settle,
    ]
    outbox.every_night[:] = [
        organisation_actions.forget_unconfirmed,
        holds.end_due,
        retention.sweep,
        desk.remind,
        news.tell_by_mail,
    ]
    login.first_stops[:] = [news.first_stop]


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
        }
    )


# What each kind of access rule asks. ``web`` knows no role and no user.


def _account(_: str | None) -> Any:
    who = login.current()
    if who is None:
        raise access.SignInFirst
    return who


def _member(role: str | None) -> organisations.Actor:
    who = _account(None)
    actor = organisations.actor_for(db.session(), who.user.id)
    if actor is None or not actor.may(role or "member"):
        raise NotFound
    return actor


def _staff(_: str | None) -> Any:
    who = _account(None)
    if not who.user.is_staff:
        raise NotFound
    if not who.sign_in.second_factor:
        raise access.SignInFirst("auth.second_factor")
    return who


def _subject(_: str | None) -> privacy_access.Visitor:
    visitor = privacy_access.visitor()
    if visitor is None:
        raise access.SignInFirst("privacy.find")
    return visitor


POLICIES: dict[str, access.Policy] = {
    "public": lambda _: None,
    "account": _account,
    "member": _member,
    "staff": _staff,
    "subject": _subject,
    "respondent": lambda _: respondents.holder(),
}


def _templates(app: Flask, settings: config.Settings) -> None:
    """Globals of every template. ``ui`` is a global: rendering a block skips imports."""
    env = app.jinja_env
    stamps: dict[str, str] = {}

    def asset(name: str) -> str:
        if name not in stamps or app.debug:
            stamps[name] = f"{(ROOT / 'static' / name).stat().st_mtime_ns:x}"
        return url_for("static", filename=name, v=stamps[name])

    def nav() -> list[SimpleNamespace]:
        who = login.current()
        if who is None:
            return []
        own = "privacy.index"
        if who.user.is_staff:
            items = [
                ("admin.index", locale.gettext("Kontoret")),
                (own, locale.gettext("Min integritet")),
            ]
        else:
            items = [
                ("teams.index", locale.gettext("Team")),
                ("surveys.index", locale.gettext("Enkäter")),
                ("workshops.index", locale.gettext("Workshoppar")),
                (own, locale.gettext("Min integritet")),
            ]
        here = (request.blueprint or "").split(".")[0]
        return [
            SimpleNamespace(href=url_for(to), label=label, active=to.split(".")[0] == here)
            for to, label in items
        ]

    def viewer() -> SimpleNamespace | None:
        who = login.current()
        if who is None:
            return None
        actor = organisations.actor_for(db.session(), who.user.id)
        return SimpleNamespace(
            name=who.user.name,
            email=who.user.email,
            is_staff=who.user.is_staff,
            organisation_name=(
                organisations.organisation_of(db.session(), actor).name if actor else None
            ),
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
        return {"viewer": viewer(), "nav": nav(), "htmx": htmx}

    env.globals.update(
        asset=asset,
        csp_nonce=headers.csp_nonce,
        csrf_token=generate_csrf,
        gpc=headers.gpc,
        contact_email=settings.contact_email,
        production=settings.production,
    )
    with app.test_request_context():
        env.globals["ui"] = env.get_template("ui.html").make_module({})


def _check_live_tables(app: Flask) -> None:
    """Refuse to serve from a database with tables that no model declares."""
    command = click.get_current_context(silent=True)
    while command is not None:
        if command.info_name == "db":
            return
        command = command.parent
    # Locked, since of two who open a new file at once SQLite lets one fail.
    with locks.alone(Path(app.instance_path)), app.app_context():
        unknown = inventory.undeclared_tables(db.engine)
    if unknown:
        raise BootError("the database has tables that no model declares: " + ", ".join(unknown))
