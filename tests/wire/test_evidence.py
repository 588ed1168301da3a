"""Evidence over real servers: a firm answers with a signed mail, its key is fetched from a name server as it comes."""

from __future__ import annotations

import json
import re
import smtplib
import sys
import zipfile
from email.utils import parseaddr
from pathlib import Path

import pytest

from monitor.cli import main
from tests.nameserver import NameServer
from tests.signing import ed25519, rsa
from tests.wire.servers import PASSWORD, dovecot, eventually, postfix
from tests.wire.test_main_job import CONFIG, MAILBOX, OURS, SCENARIO

FIRM = "info@solo.example"


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    """A command, its exit code and what it printed."""
    monkeypatch.setattr(sys, "argv", ["unanswered", *args])
    capsys.readouterr()
    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    said = capsys.readouterr()
    return int(code or 0) if isinstance(code, int) else 1, said.out + said.err


@pytest.mark.wire
def test_a_signed_reply_is_evidence_that_verifies_after_the_key_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    signers = (rsa("solo.example"), ed25519("solo.example"))
    with (
        NameServer() as names,
        dovecot() as mailboxes,
        postfix(mailboxes, domains=["solo.example"], catch_all={OURS: MAILBOX}) as mta,
    ):
        config = CONFIG.format(smtp=mta.port, imap=mailboxes.port, mailbox=MAILBOX, ours=OURS)
        config = config.replace('kind = "email"', f'kind = "email"\nnameservers = ["{names.servers[0]}"]')
        Path("config.toml").write_text(config)
        Path("secret").write_text(PASSWORD)
        Path("scenarios").mkdir()
        Path("scenarios/hours.toml").write_text(SCENARIO)
        Path("businesses.csv").write_text(f"name,email,timezone,basis\nSolo,{FIRM},UTC,public_enquiry\n")
        for one in signers:
            names.publishes(one.name, one.record)
        for command in (["import"], ["listen", "--once"], ["send"]):
            assert run(monkeypatch, capsys, *command)[0] == 0
        (asked,) = eventually(lambda: mailboxes.messages(FIRM), "the firm has its enquiry")
        head = re.sub(r"\r?\n[ \t]+", " ", asked.partition(b"\r\n\r\n")[0].decode())
        fields = dict(re.findall(r"^([\w-]+):\s*(.*?)\r?$", head, re.MULTILINE))
        private = parseaddr(fields["From"])[1]
        reply = (
            f"From: {FIRM}\r\nTo: {private}\r\nSubject: Re: Opening hours\r\nMessage-ID: <r1@solo.example>\r\n"
            f"In-Reply-To: {fields['Message-ID']}\r\n\r\n"
            "Hello, yes: we are open on the second Saturday, and the ramp is on the left.\r\nBest wishes, Tom\r\n"
        ).encode()
        for one in signers:
            reply = one.signs(reply)
        with smtplib.SMTP("127.0.0.1", mta.port, timeout=60) as client:
            client.sendmail(FIRM, [private], reply)

        def heard() -> bool:
            assert run(monkeypatch, capsys, "listen", "--once")[0] == 0
            code, said = run(monkeypatch, capsys, "status", "--json")
            assert code == 0, said
            return bool(json.loads(said.splitlines()[-1])["kinds"].get("human"))

        eventually(heard, "the reply is heard", seconds=60)
        for one in signers:
            names.forgets(one.name)
        probe = _probe(tmp_path)
        code, said = run(monkeypatch, capsys, "evidence", probe, "--out", "e.zip")
        assert code == 0, said

    code, said = run(monkeypatch, capsys, "verify", "e.zip")
    assert code == 0, said
    assert "dkim solo.example pass, dkim solo.example pass, checked with the stored keys" in said
    assert "problem" not in said
    with zipfile.ZipFile("e.zip") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    whole = b"".join(members.values())
    assert PASSWORD.encode() not in whole
    assert str(tmp_path).encode() not in whole
    (contact,) = json.loads(members["contacts.json"])
    assert "250" in contact["receipts"][0]["transcript"]

    altered = next(name for name, data in members.items() if b"ramp is on the left" in data and name.endswith(".eml"))
    members[altered] = members[altered].replace(b"on the left", b"not there.")
    with zipfile.ZipFile("bad.zip", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    code, said = run(monkeypatch, capsys, "verify", "bad.zip")
    assert code == 1
    assert f"problem  {altered}" in said
    assert "signatures: checked again with the stored keys they give dkim solo.example fail" in said
    assert run(monkeypatch, capsys, "verify", "config.toml")[0] == 2


def _probe(folder: Path) -> str:
    from monitor.app import App
    from monitor.store.evidence import probe_ids

    with App.open(folder / "config.toml") as app:
        (probe,) = probe_ids(app.store)
    return probe
