"""A mail server that repeats a log-in to us: the secret reaches no message of ours."""

from __future__ import annotations

import base64
import shlex
import socket
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from probes.contract import Listens, ProbeError
from probes.loader import load

pytestmark = pytest.mark.wire


@pytest.fixture
def parrot() -> Iterator[int]:
    """The port of a server that refuses each log-in with the words of the client."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as wire:
                wire.write(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2] parrot\r\n")
                wire.flush()
                for line in wire:
                    tag, command, *_ = line.split()
                    told = b"OK"
                    if command in (b"LOGIN", b"AUTHENTICATE"):
                        if len(line.split()) == 3:
                            wire.write(b"+ \r\n")
                            wire.flush()
                            line += wire.readline()
                        told = b"NO you said " + b" ".join(line.split()) + _plain(line)
                    wire.write(tag + b" " + told + b" done\r\n")
                    wire.flush()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def _plain(line: bytes) -> bytes:
    try:
        return b" that is " + base64.b64decode(line.split()[-1], validate=True).replace(b"\0", b" ").replace(
            b"\1", b" "
        )
    except ValueError:
        return b""


def refusal(port: int, secret: str, **more: Any) -> str:
    given = {"password_env": "P", **more}
    table = {"host": "localhost", "port": port, "security": "none", "user": "anna", "timeout": "5s", **given}
    table = {key: value for key, value in table.items() if value is not None}
    kind = load("email")
    settings = kind.settings.model_validate({"imap": table}, context={"env": {"P": secret}, "base": Path()})
    wire = kind.open("email", settings, live=False)
    assert isinstance(wire, Listens)
    with pytest.raises(ProbeError) as caught:
        list(wire.ears()[0].listen({}, lambda: datetime.now(UTC)))
    return str(caught.value)


@pytest.mark.parametrize("secret", ["hunter2-and-more", 'hun"ter\\2', "hünter2-and-more"])
def test_a_password_that_a_server_repeats_is_not_told(parrot: int, secret: str) -> None:
    said = refusal(parrot, secret)
    assert "you said" in said
    assert "***" in said
    for piece in ("ter2", "ter\\2", "ter\\\\2", base64.b64encode(f"\0anna\0{secret}".encode()).decode()[8:-4]):
        assert piece not in said


def test_a_token_that_a_server_repeats_is_not_told(parrot: int) -> None:
    command = f'{shlex.quote(sys.executable)} -c \'print("tok" + "en-hunter2")\''
    said = refusal(parrot, "unused", password_env=None, token_command=command)
    assert "you said" in said
    assert "hunter2" not in said
    assert base64.b64encode(b"user=anna\1auth=Bearer token-hunter2\1\1").decode() not in said
