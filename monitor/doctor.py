"""Tries every part by a round trip, not a log-in, and says what to do about what does not work."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from threading import Event

from monitor.canary import SENT, schemes_in_use
from monitor.clock import Clock
from monitor.config import Config
from monitor.errors import StoreBusy, UnansweredError
from monitor.listen import listen_pass
from monitor.proving import Prover, explain, provers, send_one
from monitor.store.canaries import canaries
from monitor.store.engine import Store
from monitor.store.integrity import integrity
from monitor.store.locks import pass_lock
from monitor.store.looking import newest_own_copy
from monitor.store.records import targets
from monitor.studies import AddressSettings
from probes.contract import Check, Checks, ChecksAddresses, Listens, OpenChannel, ProbeError


def examine(
    config: Config,
    store: Store,
    channels: Mapping[str, OpenChannel],
    now: Clock,
    *,
    wait: timedelta = timedelta(0),
) -> Iterator[Check]:
    """A line for each part: config, store, what each study would do, every channel by its own checks, what is published
    of the domains of our addresses, and each address scheme by a canary that is awaited for `wait` (none: not sent)."""
    yield _config(config)
    yield _store(store)
    yield from _studies(config, store)
    for channel in channels.values():
        yield from _channel(channel, now)
    yield from _addresses(config, store, channels, now)
    yield from _hearing(config, store, channels, now, wait)


def _hearing(
    config: Config, store: Store, channels: Mapping[str, OpenChannel], now: Clock, wait: timedelta
) -> Iterator[Check]:
    """Each address scheme by a canary, sent from outside and seen through to the store."""
    if not any(isinstance(channel.wire, Listens) for channel in channels.values()):
        return
    able = list(provers(channels))
    if not able:
        detail = "not proven: no canary is configured; set the channel's table `canary` to an account elsewhere"
        yield Check(name="hearing", ok=True, detail=detail)
    if not wait:
        return
    for prover in able:
        schemes = schemes_in_use(config.studies, config.personas, config.addresses)
        for scheme, settings in schemes.items():
            yield _one_canary(config, store, channels, prover, scheme, settings, now, wait)


def _hear(config: Config, store: Store, channels: Mapping[str, OpenChannel], now: Clock) -> None:
    """One listening pass, unless somebody else is listening: then that one hears it."""
    with suppress(StoreBusy), pass_lock(config.store, "listen"):
        listen_pass(store, channels, now)


def _one_canary(
    config: Config,
    store: Store,
    channels: Mapping[str, OpenChannel],
    prover: Prover,
    scheme: str,
    settings: AddressSettings,
    now: Clock,
    wait: timedelta,
) -> Check:
    name = f"hearing by {scheme}"
    _hear(config, store, channels, now)  # hearing begins before the canary goes out
    began = time.monotonic()
    receipt = send_one(store, config, prover, scheme, settings, now)
    if receipt.state not in SENT:
        advice = "correct the table `canary`, or our own mail server, as the message says"
        return Check(name=name, ok=False, detail=f"a canary could not be sent: {receipt.reason}", advice=advice)
    while True:
        _hear(config, store, channels, now)
        found = [one for one in canaries(store, prover.name) if one.scheme == scheme][-1]
        seconds = time.monotonic() - began
        if found.heard_at is not None:
            where = " (in a JUNK folder)" if found.junk else ""
            return Check(name=name, ok=True, detail=f"a canary to {found.address} came home in {seconds:.1f} s{where}")
        if seconds >= wait.total_seconds():
            advice = "answers to such addresses may be lost: mend this before anything is sent, or wait longer"
            return Check(
                name=name, ok=False, detail=f"after {seconds:.0f} s {explain(prover, found, now)}", advice=advice
            )
        Event().wait(0.2)


def _config(config: Config) -> Check:
    live = (
        "live: real businesses can be reached" if config.live else "not live: nothing outside this machine is reached"
    )
    found = f"{config.path}: {len(config.channels)} channels, {len(config.studies)} studies; {live}"
    return Check(name="config", ok=True, detail=found)


def _store(store: Store) -> Check:
    try:
        with store.write() as connection:
            # A row written and taken back in one transaction: proves the lock, the disk and the schema.
            connection.exec_driver_sql("INSERT INTO meta (key, value) VALUES ('doctor', 'was here')")
            connection.exec_driver_sql("DELETE FROM meta WHERE key = 'doctor'")
        with store.read() as connection:
            (fault,) = connection.exec_driver_sql("PRAGMA quick_check(1)").scalars().all()
    except UnansweredError as error:
        return Check(name="store", ok=False, detail=str(error), advice="see the message")
    if fault != "ok":
        return Check(name="store", ok=False, detail=f"{store.path}: {fault}", advice="restore a copy of the store")
    return Check(name="store", ok=True, detail=f"{store.path}: written, read back, intact")


def _studies(config: Config, store: Store) -> Iterator[Check]:
    from monitor.plan import chosen, unfilled

    for study in config.studies.values():
        name = f"study {study.id}"
        asked = [target for target in targets(store, study.channels) if chosen(study, target)]
        if not asked:
            yield Check(
                name=name, ok=False, detail="no business has an address on its channels",
                advice="import businesses, or look at the study's channels, groups, sectors and countries",
            )  # fmt: skip
            continue
        problems = unfilled(study, asked, scenarios=config.scenarios, personas=config.personas)
        for problem in problems:
            yield Check(name=name, ok=False, detail=problem, advice="give each placeholder a value")
        if not problems:
            businesses = len({target.business for target in asked})
            yield Check(name=name, ok=True, detail=f"{businesses} businesses, {len(asked)} addresses, texts complete")


def _channel(channel: OpenChannel, now: Clock) -> Iterator[Check]:
    if not isinstance(channel.wire, Checks):
        yield Check(name=channel.name, ok=True, detail="has nothing to try")
        return
    yield from _told(channel.name, channel.wire.check(now))


def _told(channel: str, checks: Iterator[Check]) -> Iterator[Check]:
    """What a channel says of itself, under its name; where it breaks off, that is a problem and nothing else stops."""
    try:
        for check in checks:
            yield replace(check, name=f"{channel}: {check.name}")
    except ProbeError as error:
        advice = "see the message" if error.permanent else "try again; see the message if it stays"
        yield Check(name=channel, ok=False, detail=str(error), advice=advice)


def _addresses(config: Config, store: Store, channels: Mapping[str, OpenChannel], now: Clock) -> Iterator[Check]:
    """Every domain of our private addresses, by each channel that knows what is published of it."""
    schemes = schemes_in_use(config.studies, config.personas, config.addresses)
    domains = dict.fromkeys(domain for settings in schemes.values() for domain in settings.domains)
    for name, channel in channels.items():
        if isinstance(wire := channel.wire, ChecksAddresses):
            for domain in domains:
                yield from _told(name, wire.check_addresses(domain, newest_own_copy(store, name, domain), now))


def deep(store: Store) -> Iterator[Check]:
    """A line for each rule that the whole store must keep: every raw hash, every reference, every state."""
    for finding in integrity(store):
        if finding.ok:
            yield Check(name="store", ok=True, detail=f"{finding.rule}: {finding.looked:,} looked at")
            continue
        named = "; ".join(finding.named) + ("; ..." if finding.broken > len(finding.named) else "")
        yield Check(
            name="store",
            ok=False,
            detail=f"{finding.rule}: NOT so for {finding.broken:,} of {finding.looked:,} ({named})",
            advice="keep a copy of the file as it is, restore the newest sound one, and run `listen --once`: what came "
            "since is read again from the mailbox",
        )
