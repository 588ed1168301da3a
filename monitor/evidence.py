"""A bundle of evidence for one probe: a zip that a stranger can check. Made from rows; the same rows, the same bytes.

`bundle` gives the members by name, `packed` the zip. What each member holds is said in its README.txt, which is the
text a reader of the bundle sees first.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from monitor.clock import MICROSECOND, micros
from monitor.facts import Outcome
from monitor.store.evidence import ArrivalEvidence, Evidence, Row
from monitor.store.exhibits import Kept
from monitor.terminal import jsonable
from probes.contract import Report
from probes.mail.mime import parse
from probes.mail.received import chain
from probes.settings import parse_duration
from reports import outcomes

FORMAT = "unanswered evidence 1"
README, MANIFEST = "README.txt", "manifest.json"
PROBE, CONTACTS, HEARING, OUTCOME = "probe.json", "contacts.json", "hearing.json", "outcome.json"

_DATE = (1980, 1, 1, 0, 0, 0)
_OURS = ("id", "arrival_id", "probe_id", "business_id", "endpoint_id", "version_id", "contact_id")
"""Numbers of rows in our store: they say nothing outside it."""

TEXT = """\
Evidence for probe {probe}

Study "{study}", version {version}. Made {now} by {software}.

What is in here
  probe.json         the business, the address written to, the exact text, the study as it was frozen
  contacts.json      everything we sent, each try with its receipt and what was said on the wire
  exhibits/N-NAME    what a try left behind as evidence, such as a picture of a page; contacts.json says of which
  reports/N.raw      what a provider told us later of what it took over, byte for byte; contacts.json says of which
  arrivals/N.eml     each mail that came in for this enquiry, byte for byte as the mail server gave it
  arrivals/N.raw     the same of what is no mail (a text message, a call), as the provider gave it
  arrivals/N.json    where and when it was seen, the way it came (Received), why it belongs to this enquiry, every
                     verdict on it with its reasons, decisions by hand, and what its signatures proved, with the keys
                     as they were published when it came
  hearing.json       when we listened, when we were deaf, and the test messages that show it
  outcome.json       the facts the figures are computed from, and what this probe counts as in each window
  manifest.json      the SHA-256 and the size of every other file

Check it without us:  unanswered verify FILE.zip   (needs no network)

What a third party can check by itself
  - A mail with a DKIM or ARC signature that passes was signed, as it stands here, by whoever held the key of the
    domain. The key is in N.json, so this holds after the domain has changed its keys. That the domain did publish
    this key on that day rests on our record, unless its owner, an archive or another receiver confirms it. Not all
    of a mail is signed: the fields that h= names, and the body.
  - The verdict on each mail follows from its bytes by the published rules, of the version that is named.
  - What the probe counts as follows from the facts in outcome.json by the published definition.
  - The text that was asked, and the study, are those whose hash the published page shows.
  - A server that accepted our enquiry has a log: the receipt names the host, the time and the Message-ID to look for.

What rests on our word
  - The receipts and the talk with the mail servers are our own record. So are the times, which are those of the
    receiving mail server or of our clock.
  - That nothing else came in. hearing.json shows how we know that we would have heard.
  - Received fields below those of our own server were written by others, and any sender can make some up.
  - A mail without a signature could have been made up by anybody, us included. So could pictures, what providers
    reported, and what is no mail; the provider keeps a record of its own, under the id in receipt and report.

The mails are whole and hold personal data: this bundle is for those concerned and is not for publication.
{erased}"""


def bundle(found: Evidence, row: Outcome, *, now: datetime, software: str) -> dict[str, bytes]:
    """The members of a bundle by name, in order, the manifest last. `row`: the probe's outcome, decided now."""
    members: dict[str, bytes] = {
        PROBE: _json(_probe(found, now, software)),
        CONTACTS: _json(_contacts(found)),
    }
    members |= {exhibit_file(n, one): one.data for n, one in enumerate(found.exhibits, 1) if one.data is not None}
    members |= {report_file(n): one.raw for n, one in enumerate(found.reports, 1) if one.raw}
    for number, one in enumerate(found.arrivals, start=1):
        if one.raw is not None:
            members[f"arrivals/{number}.{ending(one.arrival['reader'])}"] = one.raw
        members[f"arrivals/{number}.json"] = _json(_arrival(one, found.probe["id"]))
    members[HEARING] = _json(_hearing(found))
    members[OUTCOME] = _json(outcome_of(row, windows_of(found.version["content"]), micros(now)))
    erased = sum(one.raw is None for one in found.arrivals)
    text = TEXT.format(
        probe=found.probe["id"],
        study=found.version["study"],
        version=found.version["version"],
        now=f"{now:%Y-%m-%d %H:%M} UTC",
        software=software,
        erased=f"\n{erased} of the arrivals were erased at the wish of a person in them; their hash stands in N.json.\n"
        if erased
        else "",
    )
    members = {README: text.encode(), **members}
    return members | {MANIFEST: manifest(members)}


def manifest(members: Mapping[str, bytes]) -> bytes:
    """What manifest.json says of the other members."""
    files = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        for name, data in members.items()
        if name != MANIFEST
    }
    return _json({"format": FORMAT, "files": files})


def packed(members: Mapping[str, bytes]) -> bytes:
    """The zip: fixed order, times and compression, so that the same members give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, data in members.items():
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            archive.writestr(entry, data)
    return out.getvalue()


def windows_of(content: Mapping[str, Any]) -> tuple[int, ...]:
    """The windows of a frozen study, in microseconds."""
    return tuple(parse_duration(window) // MICROSECOND for window in content["windows"])


def outcome_of(row: Outcome, windows: Sequence[int], now: int) -> dict[str, Any]:
    """The outcome row and what it counts as in each window at `now` (both in microseconds). Raises OutcomeError."""
    frame = outcomes.frame([row])
    said: list[dict[str, Any]] = []
    for window in windows:
        decided = outcomes.disposition(frame, window=window, now=now)
        said.append({"window": window, "disposition": decided["disposition"][0], "closed": bool(decided["closed"][0])})
    return {"now": now, "row": row, "dispositions": said}


# --------------------------------------------------------------------------- members
def _probe(found: Evidence, now: datetime, software: str) -> dict[str, Any]:
    business = {name: found.business[name] for name in ("key", "name", "sector", "country", "timezone", "basis")}
    return {
        "format": FORMAT,
        "made_at": now,
        "made_by": software,
        "probe": {name: value for name, value in found.probe.items() if name == "id" or name not in _OURS},
        "business": business,
        "endpoint": {name: found.endpoint[name] for name in ("channel", "address", "control")},
        "study": {name: found.version[name] for name in ("study", "version", "sha256", "frozen_at", "content")},
    }


def _contacts(found: Evidence) -> list[dict[str, Any]]:
    """Each contact with its receipts; with each receipt its exhibits and what its provider reported."""
    shown = [(one.contact, one.attempt, _exhibit(number, one)) for number, one in enumerate(found.exhibits, start=1)]
    told = [(one.provider_id, _report(number, one)) for number, one in enumerate(found.reports, start=1)]

    def receipt(row: Row) -> dict[str, Any]:
        mine = (row["contact_id"], row["attempt"])
        return _plain(row) | {
            "exhibits": [said for contact, attempt, said in shown if (contact, attempt) == mine],
            "reports": [said for provider_id, said in told if provider_id == row["provider_id"]],
        }

    return [
        _plain(contact) | {"receipts": [receipt(one) for one in found.receipts if one["contact_id"] == contact["id"]]}
        for contact in found.contacts
    ]


def ending(reader: str) -> str:
    """How the file of an arrival ends that `reader` reads ("": a mail)."""
    return "raw" if reader else "eml"


def exhibit_file(number: int, one: Kept) -> str:
    """Its name in a bundle: the name it was handed in with may hold anything."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", one.name)[-60:].lstrip(".-")
    return f"exhibits/{number}-{safe or 'exhibit'}"


def report_file(number: int) -> str:
    """The name of a report in a bundle."""
    return f"reports/{number}.raw"


def _exhibit(number: int, one: Kept) -> dict[str, Any]:
    return {
        "file": None if one.data is None else exhibit_file(number, one),
        "erased": one.erased,
        **{name: getattr(one, name) for name in ("name", "media_type", "size", "sha256")},
    }


def _report(number: int, one: Report) -> dict[str, Any]:
    return {
        "file": report_file(number) if one.raw else None,
        "sha256": hashlib.sha256(one.raw).hexdigest() if one.raw else None,
        **{name: getattr(one, name) for name in ("status", "rank", "at", "code", "meaning")},
    }


def _arrival(one: ArrivalEvidence, probe: str) -> dict[str, Any]:
    return {
        **{
            name: one.arrival[name]
            for name in ("channel", "mailbox", "sha256", "provider_id", "at", "stored_at", "reader")
        },
        "erased_at": one.erased_at,
        "sightings": [_plain(row) for row in one.sightings],
        "received": [] if one.raw is None or one.arrival["reader"] else way(one.raw),
        "matches": [_plain(row) for row in one.matches if row["probe_id"] == probe],
        "verdicts": [_plain(row) for row in one.verdicts],
        "reviews": [
            _plain(row) | {"named_this_probe": row["probe_id"] == probe if row["probe_id"] else None}
            for row in one.reviews
        ],
        "attested_at": one.arrival["attested_at"],
        "attestations": [_plain(row) for row in one.attestations],
    }


def way(raw: bytes) -> list[dict[str, Any]]:
    """The hops of a mail, as they stand in a bundle."""
    return [asdict(hop) for hop in chain(parse(raw))]


def _hearing(found: Evidence) -> dict[str, Any]:
    return {
        "places": [_plain(row, "position") for row in found.places],
        "gaps": [_plain(row) for row in found.gaps],
        "canaries": [_plain(row, "message_id") for row in found.canaries],
    }


def _plain(row: Row, *without: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in (*_OURS, *without)}


def _json(value: object) -> bytes:
    text = json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True, default=jsonable)
    return text.encode("utf-8", "replace") + b"\n"
