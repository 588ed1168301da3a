"""Which probes an arrival may belong to, found by indexed keys; match decides which of them it does belong to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, func, select

from monitor.domains import registrable
from monitor.facts import Keys, SentProbe
from monitor.store.engine import Store, chunks, clean
from monitor.store.tables import BUSINESS_DOMAINS, BUSINESSES, CONTACTS, ENDPOINTS, PROBES, RECEIPTS, STUDY_VERSIONS
from probes.settings import parse_duration

SHARED_DOMAIN = 200
"""Most probes that one mail is compared with by its sender's domain: the latest. A chain's branches share one."""

HAND_OVER = timedelta(days=1)
"""More than any try to hand over can last."""


NOT_SENT_PROBE = ("version_id", "message_id", "contact", "business_id")
"""Columns that are read beside those of a SentProbe."""


def candidates(store: Store, wanted: Sequence[tuple[Keys, datetime]]) -> list[tuple[SentProbe, ...]]:
    """For each (keys, time of arrival) the probes that it may belong to; match decides.

    Private addresses, Message-IDs and a provider's ids find their probe whenever it was sent; the sender's address or
    domain finds the probes of the businesses that it belongs to whose longest window is open then, the latest 200.
    """
    with store.read() as connection:
        by_address = _lookup(
            connection,
            select(PROBES.c.reply_address, PROBES.c.id),
            PROBES.c.reply_address,
            {address for keys, _ in wanted for address in keys.recipients},
        )
        by_message = _lookup(
            connection,
            select(CONTACTS.c.message_id, CONTACTS.c.probe_id),
            CONTACTS.c.message_id,
            {f"<{one}>" for keys, _ in wanted for one in _message_ids(keys)},
        )
        by_provider = _lookup(
            connection,
            select(RECEIPTS.c.provider_id, CONTACTS.c.probe_id).join_from(
                RECEIPTS, CONTACTS, RECEIPTS.c.contact_id == CONTACTS.c.id
            ),
            RECEIPTS.c.provider_id,
            {one for keys, _ in wanted for one in keys.provider_ids},
        )
        near = _near(connection, wanted, _businesses(connection, wanted))
        certain = {
            probe for found in (by_address, by_message, by_provider) for probes in found.values() for probe in probes
        }
        probes = _sent_probes(connection, certain | {probe for found in near for probe in found})
    chosen: list[tuple[SentProbe, ...]] = []
    for (keys, at), close in zip(wanted, near, strict=True):
        found: dict[str, SentProbe] = {}
        for address in keys.recipients:
            found |= {probe: probes[probe] for probe in by_address.get(address, ())}
        for one in _message_ids(keys):
            found |= {probe: probes[probe] for probe in by_message.get(f"<{one}>", ())}
        for one in keys.provider_ids:
            found |= {probe: probes[probe] for probe in by_provider.get(one, ())}
        found |= {probe: probes[probe] for probe in close if _is_open(probes[probe], at)}
        chosen.append(tuple(found.values()))
    return chosen


def _message_ids(keys: Keys) -> tuple[str, ...]:
    own = (keys.message_id,) if keys.message_id else ()
    return (*own, *keys.in_reply_to, *keys.references, *keys.bounced_message_ids)


def _is_open(probe: SentProbe, at: datetime) -> bool:
    return probe.sent_at is not None and probe.window_until is not None and probe.sent_at <= at <= probe.window_until


def _lookup(connection: Connection, query: Select[Any], column: Any, values: Iterable[Any]) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = {}
    for some in chunks(sorted(clean(value) if isinstance(value, str) else value for value in values)):
        for key, value in connection.execute(query.where(column.in_(some))):
            found.setdefault(key, []).append(value)
    return found


def _businesses(connection: Connection, wanted: Sequence[tuple[Keys, datetime]]) -> list[list[int]]:
    """For each arrival, the businesses that its sender belongs to."""
    domains = {keys.sender_domain: registrable(keys.sender_domain) for keys, _ in wanted if keys.sender_domain}
    by_domain = _lookup(
        connection,
        select(BUSINESS_DOMAINS.c.domain, BUSINESS_DOMAINS.c.business_id),
        BUSINESS_DOMAINS.c.domain,
        set(domains.values()),
    )
    by_sender = _lookup(
        connection,
        select(ENDPOINTS.c.address, ENDPOINTS.c.business_id),
        ENDPOINTS.c.address,
        {keys.sender for keys, _ in wanted if keys.sender},
    )
    return [
        sorted({*by_domain.get(domains.get(keys.sender_domain, ""), ()), *by_sender.get(keys.sender, ())})
        for keys, _ in wanted
    ]


def _near(
    connection: Connection, wanted: Sequence[tuple[Keys, datetime]], owners: Sequence[Sequence[int]]
) -> list[list[str]]:
    """For each arrival, the latest probes of those businesses whose window may be open."""
    query = (
        select(PROBES.c.business_id, PROBES.c.id, PROBES.c.version_id, CONTACTS.c.started_at)
        .join_from(PROBES, CONTACTS, CONTACTS.c.probe_id == PROBES.c.id)
        .where(CONTACTS.c.started_at.is_not(None))
    )
    asked: dict[int, list[Any]] = {}
    for some in chunks(sorted({one for found in owners for one in found})):
        for row in connection.execute(query.where(PROBES.c.business_id.in_(some))):
            asked.setdefault(row.business_id, []).append(row)
    windows = {
        version: _of_study(connection, version)[0]
        for version in {row.version_id for rows in asked.values() for row in rows}
    }
    chosen: list[list[str]] = []
    for (_, at), businesses in zip(wanted, owners, strict=True):
        rows = [row for business in businesses for row in asked.get(business, ())]
        # A try lasts minutes at most; whether the window is open is asked again with the exact time of sending.
        rows = [row for row in rows if row.started_at <= at <= row.started_at + windows[row.version_id] + HAND_OVER]
        rows.sort(key=lambda row: (row.started_at, row.id), reverse=True)
        chosen.append([row.id for row in rows[:SHARED_DOMAIN]])
    return chosen


def _sent_probes(connection: Connection, ids: set[str]) -> dict[str, SentProbe]:
    accepted = (
        select(RECEIPTS.c.at)
        .where(RECEIPTS.c.contact_id == CONTACTS.c.id, RECEIPTS.c.state == "sent")
        .scalar_subquery()
    )
    query = (
        select(
            PROBES.c.id.label("probe"),
            PROBES.c.study,
            PROBES.c.version_id,
            BUSINESSES.c.key.label("business"),
            BUSINESSES.c.name.label("business_name"),
            PROBES.c.channel,
            ENDPOINTS.c.address.label("endpoint_address"),
            BUSINESSES.c.own_domains,
            BUSINESSES.c.partner_domains,
            PROBES.c.reply_address,
            PROBES.c.number,
            PROBES.c.business_id,
            CONTACTS.c.id.label("contact"),
            CONTACTS.c.message_id,
            PROBES.c.subject,
            PROBES.c.body,
            func.coalesce(accepted, CONTACTS.c.started_at, type_=CONTACTS.c.started_at.type).label("sent_at"),
        )
        .join_from(PROBES, CONTACTS, CONTACTS.c.probe_id == PROBES.c.id)
        .join(ENDPOINTS, PROBES.c.endpoint_id == ENDPOINTS.c.id)
        .join(BUSINESSES, PROBES.c.business_id == BUSINESSES.c.id)
    )
    found: dict[str, SentProbe] = {}
    studies: dict[int, tuple[timedelta, tuple[str, ...]]] = {}
    for some in chunks(sorted(ids)):
        rows = connection.execute(query.where(PROBES.c.id.in_(some))).mappings().all()
        known = _lookup(
            connection,
            select(RECEIPTS.c.contact_id, RECEIPTS.c.provider_id).where(RECEIPTS.c.provider_id.is_not(None)),
            RECEIPTS.c.contact_id,
            {row["contact"] for row in rows if row["number"]},
        )
        numbers = _lookup(
            connection,
            select(ENDPOINTS.c.business_id, ENDPOINTS.c.address).where(ENDPOINTS.c.address.like("+%")),
            ENDPOINTS.c.business_id,
            {row["business_id"] for row in rows if row["number"]},
        )
        for row in rows:
            if row["version_id"] not in studies:
                studies[row["version_id"]] = _of_study(connection, row["version_id"])
            window, partners = studies[row["version_id"]]
            values = {name: row[name] for name in row if name not in NOT_SENT_PROBE}
            earlier = found.get(row["probe"])
            values |= {
                "own_domains": tuple(row["own_domains"]),
                "partner_domains": (*row["partner_domains"], *partners),
                "reply_address": row["reply_address"] or "",
                "number": row["number"] or "",
                "numbers": tuple(numbers.get(row["business_id"], ())),
                "provider_ids": (*(earlier.provider_ids if earlier else ()), *known.get(row["contact"], ())),
                "message_ids": (*(earlier.message_ids if earlier else ()), row["message_id"].strip("<>")),
                "window_until": None if row["sent_at"] is None else row["sent_at"] + window,
            }
            probe = SentProbe(**values)
            if earlier is not None and earlier.sent_at is not None:
                probe = replace(probe, sent_at=earlier.sent_at, window_until=earlier.window_until)
            found[probe.probe] = probe
    return found


def _of_study(connection: Connection, version: int) -> tuple[timedelta, tuple[str, ...]]:
    """The longest window and the known partners of a study version."""
    content = connection.scalars(select(STUDY_VERSIONS.c.content).where(STUDY_VERSIONS.c.id == version)).one()
    windows = [parse_duration(text) for text in content.get("windows", ())]
    return max(windows, default=timedelta(0)), tuple(content.get("known_partners", ()))
