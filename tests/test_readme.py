"""The README tells the truth: its commands run, in its order, and end as it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from probes.sandbox.mailserver import MailServer

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The code blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def run(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a block as a shell would, every line of it, stopping at the first that fails."""
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    env.pop("UNANSWERED_CONFIG", None)
    return subprocess.run(
        ["sh", "-euxc", script], cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False
    )


def test_the_first_study_can_be_set_up_and_measured_as_written(tmp_path: Path) -> None:
    set_up, job = blocks("sh")
    done = run(tmp_path, set_up)
    assert done.returncode == 0, done.stderr
    assert "will be sent" in done.stdout

    with MailServer("inbox.example.org", lambda: datetime.now(UTC)) as server:
        _connect(tmp_path / "my-study", server)
        done = run(tmp_path / "my-study", job)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "my-study" / "site" / "index.html").is_file()
    assert "every published number follows from its data files" in done.stdout


def _connect(folder: Path, server: MailServer) -> None:
    """What the README asks a reader to do: put in the mail server and the mailbox."""
    config = folder / "config.toml"
    (folder / "secret").write_text(server.password)
    text = config.read_text(encoding="utf-8")
    smtp = f'[channels.email.smtp]\nhost = "127.0.0.1"\nport = {server.smtp_port}\nsecurity = "none"\n'
    imap = (
        f'[channels.email.imap]\nhost = "127.0.0.1"\nport = {server.imap_port}\nsecurity = "none"\n'
        f'user = "{server.user}"\npassword_file = "secret"\n\n'
    )
    text = re.sub(r"\[channels\.email\.smtp\]\n.*?(?=\n# ---)", lambda _: smtp + imap, text, flags=re.DOTALL)
    config.write_text(text, encoding="utf-8")


def test_every_command_that_it_names_exists() -> None:
    named = set(re.findall(r"`unanswered ([a-z]+)", README)) | set(re.findall(r"^unanswered ([a-z]+)", README, re.M))
    done = run(ROOT, "unanswered --help")
    for command in named:
        assert f" {command} " in done.stdout, command


def test_every_make_target_that_it_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^make ([a-z]+)", README, re.MULTILINE))
    assert {"demo", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_file_that_it_links_to_exists() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_the_exit_codes_are_those_of_the_code() -> None:
    from monitor import errors

    codes = {
        error.exit_code
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.UnansweredError)
    }
    stated = {int(code) for code in re.findall(r"^\| (\d) \|", README, re.MULTILINE)}
    assert stated == codes | {0, 1}


@pytest.mark.parametrize("block", blocks("toml"))
def test_its_toml_can_be_read(block: str) -> None:
    import tomllib

    assert tomllib.loads(block)
