"""Draining 10,000 mails from a real Dovecot: our listening pass beside a bare loop of fetch and compat32 parse.

With everything switched on that a user may have: several mailboxes, a junk folder, canaries sent earlier that are
looked for and followed.
"""

from __future__ import annotations

import email
import email.policy
import os
import pwd
import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import imapclient

from monitor.canary import Route
from monitor.listen import ListenSummary, hear, understand
from monitor.proving import Proved, Prover, follow
from monitor.store.canaries import put_on_record, record_receipt
from monitor.store.engine import Store
from probes.channels.email import channel
from probes.contract import Listens, ProvesHearing, Receipt
from tests.wire.mailing import originals
from tests.wire.servers import PASSWORD, Dovecot, dovecot

MAILS = 10_000
ROUNDS = 3
BAR = 0.5
USER, SECOND, OUTSIDE = "drain@mail.test", "second@mail.test", "watcher@elsewhere.test"


def fill(server: Dovecot, count: int) -> int:
    """Put `count` mails into the mailbox, real ones over and over, each with a number of its own; returns bytes."""
    place = server.base / "mail" / USER / "cur"
    place.mkdir(parents=True)
    (place.parent / "new").mkdir()
    (place.parent / "tmp").mkdir()
    models = [one.raw for one in originals()]
    size = 0
    for n in range(count):
        raw = b"X-Number: %d\r\n" % n + models[n % len(models)].lstrip()
        size += len(raw)
        (place / f"{1_700_000_000 + n}.M{n}.bench:2,").write_bytes(raw)
    if os.geteuid() == 0:
        owner = pwd.getpwnam("nobody")
        for path in [place.parent.parent, *place.parent.parent.rglob("*")]:
            os.chown(path, owner.pw_uid, owner.pw_gid)
    return size


def bare(port: int) -> float:
    """Seconds of fetching everything in batches of 200 and parsing it, and nothing else."""
    began = time.perf_counter()
    parsed = 0
    with imapclient.IMAPClient("127.0.0.1", port=port, ssl=False) as client:
        client.login(USER, PASSWORD)
        client.select_folder("INBOX", readonly=True)
        uids = client.search()
        for start in range(0, len(uids), 200):
            for _, data in client.fetch(uids[start : start + 200], ["BODY.PEEK[]", "INTERNALDATE"]).items():
                email.message_from_bytes(data[b"BODY[]"], policy=email.policy.compat32)
                parsed += 1
    assert parsed == MAILS
    return time.perf_counter() - began


def ours(port: int, folder: Path) -> tuple[float, float]:
    """Seconds of taking everything in, durably, and of taking in and understanding it."""
    box = {"host": "127.0.0.1", "port": port, "security": "none", "password_file": "secret",
           "folders": ["INBOX", "Junk"], "batch": 200}  # fmt: skip
    settings = channel.settings.model_validate(
        {"imap": {**box, "user": USER}, "mailboxes": {"second": {**box, "user": SECOND}},
         "canary": {"via": "relay", "host": "127.0.0.1", "port": 9, "security": "none", "sender": OUTSIDE}},
        context={"env": {}, "base": folder},
    )  # fmt: skip
    wire = channel.open("bench", settings, live=False)
    assert isinstance(wire, Listens)
    assert isinstance(wire, ProvesHearing)
    rhythm = wire.canaries()
    assert rhythm is not None
    with Store.open(folder / "bench.db") as store:
        validity = _validity(port)
        _begin_at_the_first(store, validity)
        _canaries_of_a_year(store)
        summary = ListenSummary()
        began = time.perf_counter()
        hear(store, "bench", wire, now, summary)
        taken = time.perf_counter() - began
        assert summary.new == MAILS, summary
        understand(store, now, summary=summary)
        follow(store, Prover("bench", wire, rhythm), now, Proved())
        return taken, time.perf_counter() - began


def now() -> datetime:
    """The present."""
    return datetime.now(UTC)


def _validity(port: int) -> int:
    with imapclient.IMAPClient("127.0.0.1", port=port, ssl=False) as client:
        client.login(USER, PASSWORD)
        return int(client.select_folder("INBOX", readonly=True)[b"UIDVALIDITY"])


def _begin_at_the_first(store: Store, validity: int) -> None:
    """A cursor before the first mail: a mailbox without one begins now."""
    from monitor.store.hearing import take_in
    from probes.contract import Batch, Cursor

    take_in(
        store,
        "bench",
        Batch(mailbox=USER, arrivals=(), cursor=Cursor(place="INBOX", position=f"{validity}:0")),
        now(),
    )


def _canaries_of_a_year(store: Store) -> None:
    """One a day, all sent, and handed over in doubt, so that each is looked for and none is given up."""
    for n in range(365):
        route = Route(address=f"mara.{n}@inbox.example", proves="*@inbox.example")
        made = put_on_record(
            store, channel="bench", scheme="main", route=route, sender=OUTSIDE, message_id=f"<{n}@x.test>", now=now()
        )
        record_receipt(store, made, Receipt(state="unknown", at=now()))


def main() -> None:
    """Print medians and ratios."""
    if shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin") is None:
        print("drain: no Dovecot here, not measured")
        return
    with dovecot() as server:
        size = fill(server, MAILS)
        bare(server.port)  # warm: Dovecot's index and cache
        floors, takes, wholes = [], [], []
        for _ in range(ROUNDS):
            floors.append(bare(server.port))
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "secret").write_text(PASSWORD)
                taken, whole = ours(server.port, Path(folder))
            takes.append(taken)
            wholes.append(whole)
    floor, taken, whole = (statistics.median(times) for times in (floors, takes, wholes))
    print(
        f"drain: {MAILS} mails ({size / 1e6:.0f} MB) from Dovecot: bare fetch + parse {MAILS / floor:.0f}/s, taken in "
        f"durably {MAILS / taken:.0f}/s (ratio {floor / taken:.2f}; bar: at least {BAR}), taken in and understood "
        f"{MAILS / whole:.0f}/s (ratio {floor / whole:.2f}; aim: {BAR})"
    )


if __name__ == "__main__":
    main()
