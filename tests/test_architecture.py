"""The house plan, read from the syntax tree: who may import whom, imports in functions included."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tests.factories import customer, sign_in
from trustivide import PERMISSIONS, POLICIES
from trustivide.core import inventory
from trustivide.core.activities import ACCOUNTS, ALL, Activity
from trustivide.core.db import BLANK, DELETE_ROW, Base, key, personal, plain
from trustivide.core.errors import BootError
from trustivide.core.subjects import ByUser
from trustivide.core.text import Text
from trustivide.web import access

PACKAGE = Path(__file__).parent.parent / "trustivide"

# Which packages a package may import besides itself. Arrows go upwards only in this table.
CORE: set[str] = {"core"}
AUDIT = CORE | {"audit"}
RIGHTS = AUDIT | {"rights"}
OUTBOX = RIGHTS | {"outbox"}
AUTH = OUTBOX | {"auth"}
USAGE = AUTH | {"usage"}
ORGANISATIONS = AUTH | {"organisations"}
TEAMS = ORGANISATIONS | {"teams"}
WORKSHOPS = TEAMS | {"workshops"}
SURVEYS = WORKSHOPS | {"surveys"}
MAY_IMPORT = {
    "core": CORE,
    "audit": AUDIT,
    "rights": RIGHTS,
    "outbox": OUTBOX | {"config"},
    "auth": AUTH,
    "usage": USAGE,
    "organisations": ORGANISATIONS,
    "teams": TEAMS,
    "workshops": WORKSHOPS,
    "surveys": SURVEYS,
    "privacy": AUTH | {"privacy"},
    "admin": SURVEYS | {"privacy", "usage", "admin"},
    "web": CORE,
    "config": CORE,
}
WIRING = {"trustivide", "trustivide.cli", "trustivide.demo", "trustivide.key_commands"} | {
    "trustivide.doctor",
    "trustivide.office_commands",
    "trustivide.mail_commands",
    "trustivide.migrating",
    "trustivide.starting",
}
"""create_app and the commands import everything."""

# Modules that know HTTP or the reader's language. Everything else in a feature is models,
# actions and queries.
VIEW_MODULES = {
    "auth": {"views", "forms", "login", "ceremonies"},
    "usage": {"noting"},
    "organisations": {"views", "forms"},
    "teams": {"views", "forms", "agreed_form"},
    "workshops": {"views", "forms", "session_forms"},
    "surveys": {"views", "forms", "answering", "respondents", "receipts"},
    "privacy": {"views", "forms", "access", "words"},
    "admin": {"views", "forms"},
}
PROCESSES = {"outbox.delivery", "outbox.worker", "privacy.export", "privacy.handback"} | {
    "usage.background"
}
"""Parts of the worker process, and threads: they hold an application, but no request."""
SHARED_VIEW_MODULES = {"auth.login", "auth.ceremonies", "teams.agreed_form"}
"""Who is signed in is asked by every feature's views; a passkey can be made, and what a team
agreed on written, in more than one."""
EXCEPTIONS = {("organisations.forms", "auth.forms")}
"""Registering is choosing a password: the field and its rules are the same as at a reset."""
ABOUT_HTTP = {
    "flask",
    "werkzeug",
    "flask_babel",
    "flask_limiter",
    "flask_login",
    "flask_mail",
    "flask_wtf",
    "wtforms",
}
# rights renders its own texts for pages; web may read them, as it may read the inventory.
WEB_READS = {"rights.legal_texts"}


@dataclass(frozen=True)
class Import:
    """``module`` (dotted, without "trustivide.") imports ``target`` (dotted, in full)."""

    module: str
    target: str
    line: int

    @property
    def package(self) -> str:
        return self.module.split(".")[0]

    @property
    def own(self) -> str | None:
        """What is imported of Trustivide, without the prefix; None for other people's code."""
        prefix = "trustivide."
        return self.target.removeprefix(prefix) if self.target.startswith(prefix) else None

    @property
    def is_view_side(self) -> bool:
        return _is_view_module(self.module)

    def __str__(self) -> str:
        return f"trustivide/{self.module.replace('.', '/')}.py:{self.line} imports {self.target}"


def _is_view_module(module: str) -> bool:
    package, _, rest = module.partition(".")
    return package == "web" or rest.split(".")[0] in VIEW_MODULES.get(package, set())


def _modules() -> dict[str, ast.Module]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text())
    return found


MODULES = _modules()


def _targets(node: ast.AST) -> Iterator[str]:
    """The modules that an import statement reaches; a submodule counts as the module it is."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        for alias in node.names:
            submodule = f"{node.module}.{alias.name}"
            yield submodule if submodule in MODULES else str(node.module)


def imports_in(name: str, tree: ast.Module) -> list[Import]:
    """Every import of a module, those inside functions included."""
    module = name.removeprefix("trustivide.")
    return [
        Import(module, target, node.lineno)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for target in _targets(node)
    ]


def wrong_imports(found: list[Import]) -> list[str]:
    """The imports that go against the arrows, one sentence each."""
    return [str(i) for i in found if _is_wrong(i)]


def _is_wrong(i: Import) -> bool:
    if i.target == "trustivide":
        return True  # the wiring: nobody reaches back into it
    if i.own is None:
        knows_http = i.is_view_side or i.module in PROCESSES | {"core.db"}
        return i.target.split(".")[0] in ABOUT_HTTP and not knows_http
    if (i.module, i.own) in EXCEPTIONS:
        return False
    package = i.own.split(".")[0]
    if package == "web":
        return not i.is_view_side
    if i.package == "web" and i.own in WEB_READS:
        return False
    if package not in MAY_IMPORT[i.package]:
        return True
    if _is_view_module(i.own) and not i.is_view_side and i.module not in PROCESSES:
        return True
    foreign = package != i.package
    return foreign and _is_view_module(i.own) and i.own not in SHARED_VIEW_MODULES


def all_imports() -> list[Import]:
    return [
        i for name, tree in MODULES.items() if name not in WIRING for i in imports_in(name, tree)
    ]


def test_imports_follow_the_arrows() -> None:
    assert wrong_imports(all_imports()) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("core.inventory", "from trustivide.auth.models import User"),
        ("auth.models", "from trustivide.organisations import queries"),
        ("teams.actions", "def late():\n    from trustivide.surveys import actions"),
        ("teams.actions", "from flask import g"),
        ("surveys.queries", "import werkzeug.exceptions"),
        ("surveys.actions", "from trustivide.web.access import found"),
        ("surveys.views", "from trustivide.teams.forms import TeamForm"),
        ("teams.actions", "from trustivide.teams.views import bp"),
        ("privacy.erasure", "from trustivide.teams.models import TeamMember"),
        ("workshops.queries", "from trustivide.surveys.models import Survey"),
        ("web.access", "from trustivide.auth import login"),
        ("admin.queries", "from trustivide.surveys import views"),
        ("teams.views", "from trustivide import create_app"),
    ],
)
def test_the_check_sees_each_kind_of_wrong_import(module: str, source: str) -> None:
    assert wrong_imports(imports_in(f"trustivide.{module}", ast.parse(source)))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("teams.actions", "from trustivide.auth.models import User"),
        ("teams.views", "from trustivide.auth import login\nfrom flask import g"),
        ("admin.queries", "from trustivide.surveys.models import Survey"),
        ("outbox.worker", "from flask import Flask"),
        ("core.db", "from flask_sqlalchemy import SQLAlchemy"),
    ],
)
def test_the_check_lets_right_imports_through(module: str, source: str) -> None:
    assert not wrong_imports(imports_in(f"trustivide.{module}", ast.parse(source)))


def test_importing_a_package_triggers_nothing() -> None:
    packages = [p for p in PACKAGE.rglob("__init__.py") if p.parent != PACKAGE]
    assert packages
    assert [str(p) for p in packages if p.read_text().strip()] == []


def test_no_circles_between_modules() -> None:
    graph = {
        name: {i.target for i in imports_in(name, tree)} & set(MODULES) - {name}
        for name, tree in MODULES.items()
    }
    while leaves := {name for name, needs in graph.items() if not needs & set(graph)}:
        for name in leaves:
            del graph[name]
    assert graph == {}, "these modules import each other in a circle"


def test_foreign_keys_point_the_way_the_imports_point() -> None:
    home = {m.class_.__table__.name: m.class_.__module__.split(".")[1] for m in inventory.mappers()}
    wrong = [
        f"{table.name}.{key.parent.name} -> {key.column.table.name}"
        for table in Base.metadata.sorted_tables
        for key in table.foreign_keys
        if home[key.column.table.name] not in MAY_IMPORT[home[table.name]]
    ]
    assert wrong == []


def test_relationships_have_no_way_back() -> None:
    assert [
        f"{mapper.class_.__name__}.{relation.key}"
        for mapper in inventory.mappers()
        for relation in mapper.relationships
        if relation.back_populates or relation.backref
    ] == []


# Routes


def test_every_route_has_an_access_rule(app: Flask) -> None:
    access.check(app, POLICIES, PERMISSIONS)


def test_replay_indico_cve_2026_28352_a_forgotten_access_check_stops_the_boot(app: Flask) -> None:
    app.add_url_rule("/forgotten", "forgotten", lambda: "everything")
    with pytest.raises(BootError, match="/forgotten"):
        access.check(app, POLICIES, PERMISSIONS)


def test_a_route_that_asks_for_an_unknown_permission_stops_the_boot(app: Flask) -> None:
    app.add_url_rule("/misspelt", "misspelt", access.member("teams.mange")(lambda: "everything"))
    with pytest.raises(BootError, match="/misspelt"):
        access.check(app, POLICIES, PERMISSIONS)


@pytest.mark.parametrize(
    "path", ["/auth/login", "/teams/", "/surveys/new", "/workshops/", "/privacy/choices"]
)
def test_a_blueprint_answers_htmx_with_a_part_and_others_with_the_page(
    client: FlaskClient, path: str
) -> None:
    if path != "/auth/login":
        customer()
        sign_in(client)
    page = client.get(path)
    part = client.get(path, headers={"HX-Request": "true", "HX-Request-Type": "partial"})
    restored = client.get(
        path,
        headers={
            "HX-Request": "true",
            "HX-Request-Type": "partial",
            "HX-History-Restore-Request": "true",
        },
    )
    assert (page.status_code, part.status_code, restored.status_code) == (200, 200, 200)
    assert "<!doctype html>" in page.text.lower()
    assert "<!doctype html>" in restored.text.lower()
    assert "<html" not in part.text
    assert "<body" not in part.text
    assert part.text.strip()
    for answer in (page, part):
        assert {"HX-Request", "HX-Request-Type"} <= set(answer.vary.as_set(preserve_casing=True))


# What stops the boot. The models live on a base of their own, so that the product's stays whole.


class Elsewhere(DeclarativeBase):
    """A base for models that must not exist."""

    __label__ = Text("Prov", "Sample")
    __subject__: ByUser | None = ByUser("id")
    __since__ = None


def _problems(model: type[DeclarativeBase]) -> str:
    return "\n".join(inventory.problems([model]))  # type: ignore[list-item]


def test_a_column_that_is_not_declared_is_named() -> None:
    class Undeclared(Elsewhere):
        __tablename__ = "undeclared"
        id: Mapped[UUID] = key()
        nickname: Mapped[str] = mapped_column()

    assert "Undeclared.nickname is neither personal() nor plain()" in _problems(Undeclared)


def test_a_personal_table_without_a_subject_is_named() -> None:
    class Orphan(Elsewhere):
        __tablename__ = "orphan"
        __subject__ = None
        id: Mapped[UUID] = key()
        name: Mapped[str] = personal(
            activity=ACCOUNTS, erase=DELETE_ROW, label=Text("Namn", "Name")
        )

    assert "Orphan has personal columns and no __subject__" in _problems(Orphan)


def test_a_column_that_can_not_be_blanked_is_named() -> None:
    class Stubborn(Elsewhere):
        __tablename__ = "stubborn"
        id: Mapped[UUID] = key()
        name: Mapped[str] = personal(activity=ACCOUNTS, erase=BLANK, label=Text("Namn", "Name"))

    assert "Stubborn.name is NOT NULL and has no erase value" in _problems(Stubborn)


def test_a_column_without_activity_or_erasure_is_named() -> None:
    class Vague(Elsewhere):
        __tablename__ = "vague"
        id: Mapped[UUID] = key()
        name: Mapped[str] = personal(activity=None, erase=None, label=Text("Namn", "Name"))

    assert "Vague.name has no activity" in _problems(Vague)
    assert "Vague.name has no erase value" in _problems(Vague)


def test_a_pointer_at_an_account_is_personal_data() -> None:
    class Account(Elsewhere):
        __tablename__ = "user"
        id: Mapped[UUID] = key()

    class Pointer(Elsewhere):
        __tablename__ = "pointer"
        id: Mapped[UUID] = key()
        owner_id: Mapped[UUID] = plain(ForeignKey("user.id"), why="structure")

    assert "Pointer.owner_id points at an account but is plain()" in _problems(Pointer)


@pytest.mark.parametrize("missing", ["legal_basis", "retention"])
def test_an_activity_without_basis_or_retention_is_named(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    facts = {**vars(ACCOUNTS), "key": f"sample_{uuid4().hex}", missing: None}
    sample = Activity(**facts)
    monkeypatch.setattr(inventory, "ALL", (*ALL, sample))
    words = missing.replace("_", " ")
    assert inventory.problems([]) == [f"activity {sample.key} has no {words}"]
    with pytest.raises(BootError, match=sample.key):
        inventory.check()
