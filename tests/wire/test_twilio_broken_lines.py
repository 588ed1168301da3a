"""A line that breaks at each point of a request: what never got there is tried again, all else is in doubt."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from probes.contract import Enquiry, Receipt
from probes.loader import load

ENQUIRY = Enquiry(
    probe="p", to="+12125550100", reply_to="anna@inbox.example", sender_name="Anna", subject="Hours",
    body="Are you open?", language="en", message_id="<m@inbox.example>", number="+12025550100",
)  # fmt: skip


def send(folder: Path, kind: str, port: int) -> Receipt:
    (folder / "token").write_text("secret")
    channel = load(kind)
    table: dict[str, Any] = {
        "account_sid": "AC" + "0" * 32, "auth_token_file": "token", "numbers": ["+12025550100"],
        "api": f"http://127.0.0.1:{port}", "timeout": "1s",
    }  # fmt: skip
    wire: Any = channel.open(
        kind, channel.settings.model_validate(table, context={"env": {}, "base": folder}), live=False
    )
    receipt: Receipt = wire.send(ENQUIRY, lambda: datetime(2026, 3, 3, tzinfo=UTC))
    return receipt


def reads_and_closes(line: socket.socket) -> None:
    line.recv(65536)


def says_half_an_answer(line: socket.socket) -> None:
    line.recv(65536)
    line.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{")


def says_nonsense(line: socket.socket) -> None:
    line.recv(65536)
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")


def says_nothing(line: socket.socket) -> None:
    line.settimeout(5)
    try:
        while line.recv(65536):
            pass
    except OSError:
        return


@pytest.mark.parametrize("kind", ["sms", "phone"])
@pytest.mark.parametrize("does", [reads_and_closes, says_half_an_answer, says_nonsense, says_nothing])
def test_a_line_that_breaks_after_the_request_leaves_it_in_doubt(
    tmp_path: Path, kind: str, does: Callable[[socket.socket], None]
) -> None:
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def serve() -> None:
            line, _ = server.accept()
            with line:
                asked.append(1)
                does(line)

        thread = Thread(target=serve)
        thread.start()
        receipt = send(tmp_path, kind, server.getsockname()[1])
        thread.join()
    assert receipt.state == "unknown", receipt
    assert len(asked) == 1, "exactly one attempt"


@pytest.mark.parametrize("kind", ["sms", "phone"])
def test_a_line_that_is_never_made_leaves_it_for_later(tmp_path: Path, kind: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    receipt = send(tmp_path, kind, port)
    assert (receipt.state, receipt.code) == ("deferred", None)
