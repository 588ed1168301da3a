"""The door killed at work again and again: each arrival once, none lost, nothing forged stored."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock

import httpx2
import pytest

from monitor.app import App
from monitor.store.integrity import integrity
from monitor.store.tables import metadata
from probes.sandbox.exchange import Exchange
from tests.wire.telephony import ACCOUNT, PUBLIC, SMS, START, TOKEN, shop, write_folder

REQUESTS, DOUBLED, FORGED, PARALLEL, KILLS = 20_000, 6_000, 2_000, 16, 20


class DoorProcess:
    """The door on one port, started again after each kill."""

    def __init__(self, config: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._command = [sys.executable, "-m", "tests.wire.door_process", str(config), str(self.port)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, cwd=Path(__file__).parent.parent.parent)
        for _ in range(1200):
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self._process.poll() is None, "the door does not start"
            time.sleep(0.05)
        raise AssertionError("the door does not open")

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


def wanted(exchange: Exchange) -> tuple[list[tuple[str, bytes, dict[str, str]]], int, int]:
    """Signed requests, each of its own; and how many arrivals and reports are in them."""
    made: list[tuple[str, bytes, dict[str, str]]] = []
    unique = REQUESTS - DOUBLED
    arrivals = reports = 0
    for n in range(unique):
        sid = f"SM{n // 3:032x}"
        if n % 3 == 0:
            fields = {
                "MessageSid": f"SM{n + 10**9:032x}", "AccountSid": ACCOUNT, "From": shop(n % 90), "To": SMS,
                "Body": f"Answer {n}", "NumMedia": "0",
            }  # fmt: skip
            made.append(exchange.signed(f"{PUBLIC}/in/texts", fields))
            arrivals += 1
            continue
        status = ("sent", "delivered")[n % 3 - 1]
        fields = {
            "MessageSid": sid, "AccountSid": ACCOUNT, "From": SMS, "To": shop(n % 90), "MessageStatus": status,
        }  # fmt: skip
        made.append(exchange.signed(f"{PUBLIC}/status/texts", fields))
        reports += 1
        arrivals += status == "delivered"
    return made, arrivals, reports


@pytest.mark.wire
def test_twenty_thousand_requests_and_twenty_kills_lose_and_double_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_folder(tmp_path, "http://127.0.0.1:9")
    exchange = Exchange(ACCOUNT, TOKEN, lambda: START, public=PUBLIC)
    once, arrivals, reports = wanted(exchange)
    draw = random.Random(20261201)
    doubled = once + [draw.choice(once) for _ in range(DOUBLED)]
    forged = []
    for target, body, headers in draw.sample(once, FORGED):
        how = draw.randrange(3)
        if how == 0:
            forged.append((target, body.replace(b"SM0", b"SM9", 1), headers))
        elif how == 1:
            forged.append((target, body, headers | {"X-Twilio-Signature": "A" * 27 + "="}))
        else:
            forged.append((target + "?again=1", body, headers))
    work = [(True, *one) for one in doubled] + [(False, *one) for one in forged]
    draw.shuffle(work)
    assert (len(doubled), len(forged)) == (REQUESTS, FORGED)

    door = DoorProcess(config)
    door.start()
    answers: Counter[tuple[bool, int]] = Counter()
    broken = 0
    lock, going = Lock(), Event()
    going.set()

    def bring(share: list[tuple[bool, str, bytes, dict[str, str]]]) -> None:
        nonlocal broken
        with httpx2.Client(timeout=30, trust_env=False) as web:
            for true, target, body, headers in share:
                while True:  # as a provider does that was not answered
                    try:
                        answer = web.post(f"http://127.0.0.1:{door.port}{target}", content=body, headers=headers)
                    except httpx2.HTTPError:
                        with lock:
                            broken += 1
                        time.sleep(0.05)
                        continue
                    with lock:
                        answers[true, answer.status_code] += 1
                    if answer.status_code in (200, 403):
                        break

    with ThreadPoolExecutor(PARALLEL) as pool:
        running = [pool.submit(bring, work[n::PARALLEL]) for n in range(PARALLEL)]
        for kill in range(KILLS):
            goal = (kill + 1) * len(work) // (KILLS + 1)
            while sum(answers.values()) < goal and not all(one.done() for one in running):
                time.sleep(0.002)
            door.kill()
            door.start()
        for one in running:
            one.result()
    door.kill()

    with App.open(config) as app:
        with app.store.read() as connection:
            stored = {
                name: [dict(row) for row in connection.execute(metadata.tables[name].select()).mappings()]
                for name in ("arrivals", "reports")
            }
        faults = [finding for finding in integrity(app.store) if not finding.ok]
    with capsys.disabled():
        print(
            f"\n{KILLS} kills, {broken} requests broken off, answers {dict(answers)}; {len(stored['arrivals'])} stored"
        )
    assert broken > 0, "no kill fell on a request: the test says too little"
    assert answers[True, 200] == REQUESTS
    assert answers[False, 403] == FORGED
    assert set(answers) == {(True, 200), (False, 403)}
    assert len({row["provider_id"] for row in stored["arrivals"]}) == len(stored["arrivals"]) == arrivals
    assert len({(row["provider_id"], row["status"]) for row in stored["reports"]}) == len(stored["reports"]) == reports
    assert faults == []
