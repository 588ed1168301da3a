"""The house keeps its order: layers, no cycles, no channel named outside its own file, one home for an outside tool."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("probes", "reports", "monitor")
ALLOWED = {"probes": set(), "reports": set(), "monitor": {"probes", "reports"}}
"""Which of our packages each may import beside itself."""


def modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, *, top_level_only: bool = False) -> Iterator[str]:
    """Every module that `path` imports, by dotted name; functions and TYPE_CHECKING blocks included unless told."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours() -> dict[str, set[str]]:
    """Our import graph: module -> our modules that it imports."""
    known = {dotted(path) for path in modules()}
    return {dotted(path): {name for name in imports(path) if name in known} - {dotted(path)} for path in modules()}


def channel_names() -> set[str]:
    names = {path.stem for path in (ROOT / "probes/channels").glob("*.py")} - {"__init__"}
    assert names, "no channels found: this test would say nothing"
    return names


def test_every_package_has_an_empty_init() -> None:
    for package in PACKAGES:
        for folder in {path.parent for path in (ROOT / package).rglob("*.py")}:
            if (folder / "env.py").exists() or folder.name == "versions":
                continue  # Alembic's folders are scripts, not packages
            init = folder / "__init__.py"
            assert init.exists(), f"{init} is missing"
            assert init.read_text() == "", f"{init} is not empty"


def test_layers_probes_and_reports_are_leaves() -> None:
    for module, targets in ours().items():
        package = module.split(".")[0]
        for target in targets:
            other = target.split(".")[0]
            assert other == package or other in ALLOWED[package], f"{module} imports {target}"


def test_nothing_imports_in_a_circle() -> None:
    graph = ours()
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, "cycle: " + " > ".join((*path[path.index(module) :], module))
        if module in done:
            return
        for target in sorted(graph[module]):
            # a package's empty __init__ is no dependency
            if graph.get(target) is not None and (ROOT / target.replace(".", "/")).is_dir():
                continue
            visit(target, (*path, module))
        done.add(module)

    for module in graph:
        visit(module, ())


def code_strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """String constants that are not docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def test_no_channel_is_named_outside_its_own_file() -> None:
    names = channel_names()
    for path in modules():
        if path.parent == ROOT / "probes/channels":
            names_here = names - {path.stem}
        elif path.parent == ROOT / "probes/web":
            names_here = names - {"email", "phone"}  # fields of a form are called so as well
        else:
            names_here = names
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for line, text in code_strings(tree):
            assert text.strip() not in names_here, f"{path}:{line} names the channel {text!r}"
        for imported in imports(path):
            parts = imported.split(".")
            if parts[:2] == ["probes", "channels"] and len(parts) > 2:
                assert parts[2] not in names_here, f"{path} imports {imported}"


DECIDERS = ("plan", "policy", "match", "outcome", "redact", "naming", "streets", "tracing", "forgotten", "classify")
IMPURE = {"sqlmodel", "sqlalchemy", "socket", "smtplib", "imaplib", "imapclient", "requests", "subprocess", "time"}


def test_deciders_touch_no_store_clock_or_wire() -> None:
    seen = 0
    for path in modules():
        parts = dotted(path).split(".")
        if parts[0] != "monitor" or parts[1:2] == [] or parts[1] not in DECIDERS:
            continue
        seen += 1
        for name in imports(path):
            assert name.split(".")[0] not in IMPURE, f"{path} imports {name}"
            assert not name.startswith("monitor.store"), f"{path} imports {name}"
        source = path.read_text(encoding="utf-8")
        assert ".now(" not in source, f"{path} reads a clock"
        assert "today()" not in source, f"{path} reads a clock"
    assert seen >= len(DECIDERS)


def test_reports_know_no_database_and_no_wire() -> None:
    for path in modules():
        if dotted(path).startswith("reports"):
            for name in imports(path):
                assert name.split(".")[0] not in IMPURE | {"adbc_driver_sqlite"}, f"{path} imports {name}"


def test_probes_know_no_database_and_read_no_wall_clock() -> None:
    for path in modules():
        if dotted(path).startswith("probes") and "sandbox" not in path.parts:
            for name in imports(path):
                assert name.split(".")[0] not in {"sqlmodel", "sqlalchemy"}, f"{path} imports {name}"
            source = path.read_text(encoding="utf-8")
            for reading in ("datetime.now(", "time.time(", "utcnow("):
                assert reading not in source, f"{path} reads a clock: {reading}"


@pytest.mark.parametrize(
    ("tool", "home"),
    [
        ("apscheduler", "monitor/ticker.py"),
        ("typer", ("monitor/cli.py", "monitor/commands/")),
        ("alembic", "monitor/store"),
    ],
)
def test_an_outside_tool_has_one_home(tool: str, home: str | tuple[str, ...]) -> None:
    users = [
        path.relative_to(ROOT).as_posix() for path in modules() if any(n.split(".")[0] == tool for n in imports(path))
    ]
    assert users, f"nobody uses {tool}: this test would say nothing"
    assert all(user.startswith(home) for user in users), users


def test_heavy_libraries_are_not_loaded_by_the_command_line_itself() -> None:
    heavy = {
        "polars",
        "scipy",
        "numpy",
        "sqlmodel",
        "sqlalchemy",
        "pydantic",
        "rich",
        "imapclient",
        "jinja2",
        "alembic",
    }
    for path in (ROOT / "monitor/cli.py", *(ROOT / "monitor/commands").glob("*.py")):
        for name in imports(path, top_level_only=True):
            assert name.split(".")[0] not in heavy, f"{path} imports {name} at the top"


def test_no_tracked_file_names_a_machine_path_or_a_package_registry() -> None:
    import re
    import subprocess

    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    forbidden = re.compile(r"(/root/|/home/\w|/work/|file:///\w|pypi\.org|pythonhosted|deb\.debian|registry\.npmjs)")
    for name in listed.stdout.split():
        path = ROOT / name
        if path == Path(__file__) or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found = forbidden.search(text)
        assert found is None, f"{name}: {found and found.group()}"


def declared() -> tuple[set[str], dict[str, set[str]]]:
    """What pyproject.toml says is needed: always, and by extra. Names as distributions spell them, folded."""
    import re
    import tomllib

    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[\[<>=!~ ;]", line)[0].lower().replace("_", "-") for line in requirements}

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return names(project["dependencies"]), {key: names(of) for key, of in project["optional-dependencies"].items()}


def test_everything_imported_is_declared() -> None:
    import sys
    from importlib.metadata import packages_distributions

    always, extras = declared()
    owners = packages_distributions()
    used: set[str] = set()
    for path in modules():
        sandbox = "sandbox" in path.parts
        for name in imports(path):
            top = name.split(".")[0]
            if top in sys.stdlib_module_names or top in PACKAGES or top == "_typeshed":
                continue
            owner = {one.lower().replace("_", "-") for one in owners.get(top, [top])}
            used |= owner
            # proxyprotocol and pysasl come with pymap, requests and urllib3 with twilio
            allowed = always | (extras["demo"] | {"proxy-protocol", "pysasl"} if sandbox else set())
            if "web" in path.parts:
                allowed |= extras["browser"]
            if sandbox or path.parts[-2] in ("twilio", "channels"):
                allowed |= extras["twilio"] | {"requests", "urllib3"}
            assert owner & allowed, f"{path} imports {top}, which pyproject.toml does not name"
    for name in always - {"tzdata", "adbc-driver-sqlite", "rich"}:
        assert name in used, f"pyproject.toml names {name}, which nothing imports"


def test_the_wheel_holds_every_file_of_the_three_packages(tmp_path: Path) -> None:
    import subprocess
    import sys
    import zipfile

    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and path.suffix != ".pyc":
                assert path.relative_to(ROOT).as_posix() in held
    tops = {name.split("/")[0] for name in held if ".dist-info" not in name}
    assert tops == {*PACKAGES, "unanswered.py"}, "nothing else may land among the user's packages"
