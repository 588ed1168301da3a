"""A crash at every step of handing over: no message and no call is ever made twice, and none is forgotten."""

from __future__ import annotations

import os
import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

from monitor import send as send_module
from monitor.app import App
from monitor.importing import bring_in
from monitor.listen import listen_pass
from monitor.send import send_pass
from monitor.store import sending
from probes.channels import phone, sms
from probes.sandbox.exchange import Exchange
from probes.twilio import account, handing
from tests.wire.telephony import ACCOUNT, START, TOKEN, shop, write_folder

pytestmark = [
    pytest.mark.wire,
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

STEPS: frozenset[CodeType] = frozenset(
    function.__code__
    for function in (
        sending.claim, sending.record_receipt, send_module._Pass._send, send_module._Pass.settle, sms.Sms.send,
        phone.Phone.send, handing.hand_over, handing._receipt, handing.settled, account.Api.post, account.Api._ask,
        account._Http.request,
    )
)  # fmt: skip
"""Each line of these is a step after which the process may die."""
DIED = 77


def child(config: Path, at: datetime, point: int) -> int:
    """Send in a process of its own that dies before its `point`-th step; returns its exit code (0: it lived)."""
    pid = os.fork()
    if pid == 0:
        left = point

        def step(frame: FrameType, event: str, _arg: Any) -> Any:
            nonlocal left
            if event == "line":
                left -= 1
                if left < 0:
                    os._exit(DIED)
            return step

        def enter(frame: FrameType, _event: str, _arg: Any) -> Any:
            return step if frame.f_code in STEPS else None

        code = 99
        try:
            with App.open(config, lambda: at) as app:
                channels = app.channels
                sys.settrace(enter)
                send_pass(app.store, app.config, channels, app.clock)
                sys.settrace(None)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("column", ["sms", "phone"])
def test_a_crash_at_any_step_of_sending_doubles_and_forgets_nothing(
    tmp_path: Path, column: str, capsys: pytest.CaptureFixture[str]
) -> None:
    moment = START
    with Exchange(ACCOUNT, TOKEN, lambda: moment) as exchange:
        config = write_folder(tmp_path, exchange.api)
        (tmp_path / "businesses.csv").write_text(f"name,{column},timezone,basis\nShop,{shop(0)},UTC,own\n")
        with App.open(config, lambda: START) as app:
            assert bring_in(app, app.config.businesses).result is not None
            assert listen_pass(app.store, app.channels, app.clock).deaf == {}
        prepared = (tmp_path / "unanswered.db").read_bytes()
        ends: Counter[tuple[str, int]] = Counter()
        point = lived = 0
        while not lived:
            for path in tmp_path.glob("unanswered.db*"):
                path.unlink()
            (tmp_path / "unanswered.db").write_bytes(prepared)
            exchange.messages.clear()
            exchange.calls.clear()
            moment = START
            code = child(config, START, point)
            assert code in (0, DIED), f"step {point}"
            lived = code == 0
            for later in (timedelta(minutes=1), timedelta(minutes=30), timedelta(hours=2)):
                moment = START + later
                with App.open(config, lambda at=moment: at) as app:  # type: ignore[misc]
                    send_pass(app.store, app.config, app.channels, app.clock)
            made = len(exchange.messages) + len(exchange.calls)
            with App.open(config) as app, app.store.read() as connection:
                (state,) = connection.exec_driver_sql("SELECT state FROM contacts").scalars()
            assert made <= 1, f"a crash at step {point} made a second one"
            assert (state, made) in {("sent", 1), ("not_sent", 0)}, f"a crash at step {point}"
            ends[state, made] += 1
            point += 1
        with capsys.disabled():
            print(f"\n{column}: a crash at each of {point - 1} steps: {dict(ends)}")
        assert point > 40, "hardly any step was seen"
        assert ends["not_sent", 0] > 0, "no crash fell between taking and handing over: the test says too little"
