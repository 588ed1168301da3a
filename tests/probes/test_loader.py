from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from probes.contract import ProbeError
from probes.loader import builtin, load

Writes = Callable[[str], str]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Writes:
    """Writes a module of somebody else's and gives its name."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(text: str) -> str:
        name = f"somebody_elses_{len(list(tmp_path.iterdir()))}"
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return write


def refused(kind: str) -> str:
    with pytest.raises(ProbeError) as caught:
        load(kind)
    assert caught.value.permanent
    return str(caught.value)


def test_the_folder_is_the_list_and_each_of_it_loads() -> None:
    assert builtin() == tuple(
        sorted(path.stem for path in Path("probes/channels").glob("*.py") if path.stem != "__init__")
    )
    for name in builtin():
        assert load(name).description.summary


def test_somebody_elses_channel_loads_by_its_path(module: Writes) -> None:
    name = module("from probes.testing import FakeChannel\nmine = FakeChannel()\n")
    assert load(f"{name}:mine").description.columns == ("fake",)


@pytest.mark.parametrize(
    "kind", ["telegraph", "", "..email", "email.py", "Email", "os:path", "a:b:c", "email:channel "]
)
def test_what_is_no_channel_is_refused_and_those_that_exist_are_named(kind: str) -> None:
    message = refused(kind)
    assert repr(kind) in message
    if ":" not in kind:
        assert ", ".join(builtin()) in message


def test_a_module_that_breaks_is_named_with_its_line_and_cause(module: Writes) -> None:
    name = module("x = 1\nraise RuntimeError('no luck')\n")
    message = refused(f"{name}:mine")
    assert f"{name}.py:2" in message
    assert "RuntimeError" in message
    assert "no luck" in message


def test_a_module_with_a_mistake_in_its_syntax_is_named_with_its_line(module: Writes) -> None:
    name = module("x = 1\ndef (:\n")
    assert f"{name}.py:2" in refused(f"{name}:mine")


def test_a_missing_package_asks_whether_it_is_installed(module: Writes) -> None:
    assert "installed" in refused("no_such_package_at_all:channel")
    assert "no_such_package_at_all" in refused(f"{module('import no_such_package_at_all')}:channel")


def test_an_object_that_is_missing_or_no_channel_is_named_with_its_file(module: Writes) -> None:
    name = module("thing = object()\n")
    assert f"{name}.py has no object 'mine'" in refused(f"{name}:mine")
    assert "has no description, settings, normalise, scope, open" in refused(f"{name}:thing")


def test_a_channel_whose_settings_are_no_model_is_refused(module: Writes) -> None:
    name = module("from probes.testing import FakeChannel\nclass F(FakeChannel):\n    settings = dict\nmine = F()\n")
    assert "not a pydantic model" in refused(f"{name}:mine")
    other = module("from probes.testing import FakeChannel\nmine = FakeChannel()\nmine.description = 'mail'\n")
    assert "probes.contract.Description" in refused(f"{other}:mine")
