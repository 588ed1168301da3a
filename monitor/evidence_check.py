"""Checks a bundle of evidence by what it holds alone: no store, no network, no config.

Every check is one line: what was looked at, and whether it holds. A bundle may come from anybody: it is read within
limits, and nothing in it is unpacked to disk.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from monitor.clock import micros, system_clock
from monitor.errors import UsageError
from monitor.evidence import (
    CONTACTS,
    FORMAT,
    HEARING,
    MANIFEST,
    OUTCOME,
    PROBE,
    README,
    ending,
    manifest,
    outcome_of,
    way,
)
from monitor.evidence import windows_of as windows_in
from monitor.facts import OWN_COPY
from monitor.studies import digest
from monitor.terminal import jsonable
from probes.contract import Reading, Reads

FILE_LIMIT = 500_000_000
MEMBERS_LIMIT = 10_000
MEMBER_LIMIT = 100_000_000
TOTAL_LIMIT = 1_000_000_000

_NAME = re.compile(
    r"README\.txt|(?:probe|contacts|hearing|outcome|manifest)\.json|arrivals/[1-9]\d{0,5}\.(?:eml|raw|json)"
    r"|exhibits/[1-9]\d{0,5}-[A-Za-z0-9._-]{1,60}|reports/[1-9]\d{0,5}\.raw"
)
_CAME = (
    "first_reply_at", "first_ack_at", "first_bot_at", "first_auto_at", "first_unclear_at", "first_human_at",
    "bounced_at", "delayed_at", "delivered_at", "promised_at",
)  # fmt: skip
"""Columns of the outcome table that hold the time of an arrival."""
_NEEDED = (README, PROBE, CONTACTS, HEARING, OUTCOME, MANIFEST)


@dataclass(frozen=True, slots=True)
class Line:
    """What came of one check."""

    what: str
    ok: bool
    detail: str


def check_file(path: Path) -> Iterator[Line]:
    """Every check of the bundle at `path`. Raises UsageError when it is none."""
    try:
        if path.stat().st_size > FILE_LIMIT:
            raise UsageError(f"{path}: is larger than any bundle ({FILE_LIMIT} bytes at most)")
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise UsageError(f"{path}: is no bundle of evidence ({error})") from error
    with archive:
        listed = archive.infolist()
        if MANIFEST not in {entry.filename for entry in listed[:MEMBERS_LIMIT]}:
            raise UsageError(f"{path}: is no bundle of evidence: it holds no {MANIFEST}")
        faults = list(_structure(listed))
        if faults:
            yield from faults
            return
        members: dict[str, bytes] = {}
        for entry in listed:
            try:
                members[entry.filename] = _read(archive, entry)
            except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
                faults.append(Line(entry.filename, ok=False, detail=f"cannot be unpacked ({error})"))
    yield from faults
    yield from check(members)


def _structure(listed: list[zipfile.ZipInfo]) -> Iterator[Line]:
    if len(listed) > MEMBERS_LIMIT or sum(entry.file_size for entry in listed) > TOTAL_LIMIT:
        yield Line("zip", ok=False, detail="holds more than any bundle does; it was not unpacked")
        return
    seen: set[str] = set()
    for entry in listed:
        name = entry.orig_filename
        if not _NAME.fullmatch(name) or name != entry.filename:
            yield Line("zip", ok=False, detail=f"holds {name[:80]!r}, which belongs in no bundle")
        if name in seen:
            yield Line("zip", ok=False, detail=f"holds {name[:80]!r} twice")
        if entry.file_size > MEMBER_LIMIT:
            yield Line("zip", ok=False, detail=f"{name[:80]!r} would be {entry.file_size} bytes; it was not unpacked")
        seen.add(name)


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as member:
        data = member.read(entry.file_size + 1)
    if len(data) != entry.file_size:
        raise zipfile.BadZipFile("its size is not the one it is listed with")
    return data


def check(members: Mapping[str, bytes]) -> Iterator[Line]:
    """Every check of the members of a bundle. Never raises, whatever they hold."""
    whole = list(_manifest(members))
    yield from whole or [Line("manifest", ok=True, detail=f"{len(members) - 1} files, each with its hash and size")]
    for what, judge in (
        ("study", _study), ("facts", _facts), ("outcome", _outcome), ("exhibits", _exhibits), ("reports", _reports),
    ):  # fmt: skip
        yield _guarded(what, judge, members)
    for name in sorted((one for one in members if one.startswith("arrivals/")), key=_number):
        if not name.endswith(".json"):
            if f"{name[:-4]}.json" not in members:
                yield Line(name, ok=False, detail="nothing is said of this arrival")
            continue
        for what, of_arrival in (("bytes", _bytes), ("signatures", _signatures), ("way", _way), ("verdict", _verdict)):
            yield _guarded(f"{name.removesuffix('.json')} {what}", partial(of_arrival, name=name), members)


def _number(name: str) -> tuple[int, str]:
    return int(re.sub(r"\D", "", name) or 0), name


def _guarded(what: str, judge: Callable[[Mapping[str, bytes]], str], members: Mapping[str, bytes]) -> Line:
    try:
        detail = judge(members)
    except _WrongError as wrong:
        return Line(what, ok=False, detail=str(wrong))
    except Exception as error:  # what a bundle holds is a stranger's
        return Line(what, ok=False, detail=f"cannot be checked ({type(error).__name__}: {error})"[:300])
    return Line(what, ok=True, detail=detail)


class _WrongError(Exception):
    """What does not hold."""


# --------------------------------------------------------------------------- the whole
def _manifest(members: Mapping[str, bytes]) -> Iterator[Line]:
    for name in _NEEDED:
        if name not in members:
            yield Line(name, ok=False, detail="is missing")
    if MANIFEST not in members:
        return
    try:
        said = json.loads(members[MANIFEST])
        files = said["files"]
        if not isinstance(files, dict):
            raise TypeError("it lists no files")
        if said["format"] != FORMAT:
            yield Line(MANIFEST, ok=False, detail=f"is of another format; this version reads {FORMAT!r}")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        yield Line(MANIFEST, ok=False, detail=f"cannot be read ({error})")
        return
    for name in sorted({*files, *members} - {MANIFEST}):
        if name not in members:
            yield Line(name, ok=False, detail="is named in the manifest and missing")
        elif name not in files:
            yield Line(name, ok=False, detail="is not named in the manifest")
        elif files[name] != {"sha256": hashlib.sha256(members[name]).hexdigest(), "size": len(members[name])}:
            yield Line(name, ok=False, detail="is not what the manifest says: another hash or size")
    if json.loads(manifest(members)) == said and manifest(members) != members[MANIFEST]:
        yield Line(MANIFEST, ok=False, detail="is not written as a bundle writes it")


def _study(members: Mapping[str, bytes]) -> str:
    study = json.loads(members[PROBE])["study"]
    if digest(study["content"]) != study["sha256"]:
        raise _WrongError("the study is not the one that its hash names")
    return f"{study['study']} version {study['version']} is as it was frozen ({study['sha256'][:16]})"


def _facts(members: Mapping[str, bytes]) -> str:
    """The times in the outcome row are those of the receipts and arrivals in the bundle; which arrival counts as what
    is said by its verdict."""
    row = json.loads(members[OUTCOME])["row"]
    probe = json.loads(members[PROBE])["probe"]["id"]
    if row["probe"] != probe:
        raise _WrongError(f"the facts are those of {row['probe']}, not of {probe}")
    arrivals = [json.loads(data) for name, data in members.items() if re.fullmatch(r"arrivals/\d+\.json", name)]
    handed = [one["at"] for contact in json.loads(members[CONTACTS]) for one in contact["receipts"]]
    receipts = {micros(datetime.fromisoformat(at)) for at in handed}
    came = {max(micros(datetime.fromisoformat(one["at"])), row["sent_at"] or 0) for one in arrivals}
    if row["state"] == "sent" and row["sent_at"] not in receipts:
        raise _WrongError("sent_at is the time of no receipt")
    strange = [name for name in _CAME if row[name] is not None and row[name] not in came]
    if strange:
        raise _WrongError(f"{', '.join(strange)}: the time of nothing that came, in here")
    return "the times are those of the receipts and arrivals in here"


def _outcome(members: Mapping[str, bytes]) -> str:
    said, study = json.loads(members[OUTCOME]), json.loads(members[PROBE])["study"]
    again = outcome_of(said["row"], windows_in(study["content"]), said["now"])
    if again != said:
        raise _WrongError("what the probe is said to count as does not follow from its facts")
    words = ", ".join(one["disposition"] for one in again["dispositions"])
    return f"follows from its facts: {words}"


def _exhibits(members: Mapping[str, bytes]) -> str:
    return _files(members, "exhibits", "is erased or was too large")


def _reports(members: Mapping[str, bytes]) -> str:
    return _files(members, "reports", "is erased")


def _files(members: Mapping[str, bytes], which: str, why: str) -> str:
    """What the receipts say of these files is so, and no file is there of which nothing is said."""
    receipts = [one for contact in json.loads(members[CONTACTS]) for one in contact["receipts"]]
    said = {one["file"]: one for receipt in receipts for one in receipt[which] if one["file"] is not None}
    there = {name for name in members if name.startswith(f"{which}/")}
    if said.keys() != there:
        raise _WrongError(f"{', '.join(sorted(said.keys() ^ there))}: not both on record and in here")
    for name, one in said.items():
        if hashlib.sha256(members[name]).hexdigest() != one["sha256"]:
            raise _WrongError(f"{name}: has another hash than on record")
        if one.get("size", len(members[name])) != len(members[name]):
            raise _WrongError(f"{name}: has another size than on record")
    without = sum(one["file"] is None for receipt in receipts for one in receipt[which])
    return f"{len(said)}, each with the hash on record" + (f"; of {without} the content {why}" if without else "")


# --------------------------------------------------------------------------- one arrival
def _bytes(members: Mapping[str, bytes], name: str) -> str:
    said, raw = _of(members, name)
    if raw is None:
        return f"erased on {said['erased_at'][:10]}; its hash was {said['sha256']}"
    if hashlib.sha256(raw).hexdigest() != said["sha256"]:
        raise _WrongError("it has another hash than the arrival on record")
    return f"{len(raw)} bytes, as they came ({said['sha256'][:16]})"


def _signatures(members: Mapping[str, bytes], name: str) -> str:
    from probes.mail.attest import Key, check, is_signed

    said, raw = _of(members, name)
    stored = said["attestations"]
    if raw is None:
        return "erased: nothing to check"
    if said["reader"] and not stored:
        return "carries none: it is no mail"
    if said["attested_at"] is None:
        return "carries signatures that were never checked" if is_signed(raw) else "carries none"
    keys = {
        one["key_name"]: Key(one["key"], datetime.fromisoformat(one["fetched_at"])) for one in stored if one["key_name"]
    }
    at = datetime.fromisoformat(said["attested_at"])

    def ask(name: str) -> Key:
        return keys.get(name, Key(None, at))

    again = check(raw, ask, at)
    shown = ("method", "domain", "selector", "result", "key_name", "key")
    before = [tuple(one[field] for field in shown) for one in stored]
    after = [tuple(getattr(one, field) for field in shown) for one in again]
    if before != after:
        raise _WrongError(
            f"checked again with the stored keys they give {_told(after)}; the record says {_told(before)}"
        )
    since = [
        f"{one.method} {one.domain}"
        for one, now in zip(again, check(raw, ask, system_clock()), strict=True)
        if one.result == "pass" != now.result
    ]
    gone = f"; expired since: {', '.join(since)}" if since else ""
    return f"{_told(after)}, checked with the stored keys{gone}" if after else "carries none"


def _told(rows: list[tuple[Any, ...]]) -> str:
    return ", ".join(f"{method} {domain} {result}" for method, domain, _, result, *_ in rows) or "nothing"


def _way(members: Mapping[str, bytes], name: str) -> str:
    said, raw = _of(members, name)
    if raw is None:
        return "erased: nothing to check"
    if said["reader"] and not said["received"]:
        return "came by no mail server: it is no mail"
    hops = json.loads(json.dumps(way(raw), default=jsonable))
    if hops != said["received"]:
        raise _WrongError("the Received fields of the mail are not those on record")
    times = [datetime.fromisoformat(hop["at"]) for hop in hops if hop["at"]]
    back = sum(later < earlier for earlier, later in pairwise(times))
    note = f"; at {back} of them the clock goes back" if back else ""
    return f"{len(hops)} servers noted it{note}" if hops else "no server noted it"


def _verdict(members: Mapping[str, bytes], name: str) -> str:
    from monitor.classify.decide import RULES, classify
    from monitor.reading import judge_reading
    from probes import loader
    from probes.mail.mime import parse

    said, raw = _of(members, name)
    if not said["verdicts"]:
        raise _WrongError("no verdict is on record")
    newest = said["verdicts"][-1]
    by_hand = [one for one in said["reviews"] if one["kind"] != "withdrawn"][-1:]
    hand = f"; decided by hand: {by_hand[0]['kind']} ({by_hand[0]['who']})" if by_hand else ""
    if raw is None:
        return f"{newest['kind']}; erased: it cannot be judged again{hand}"
    if newest["rules"] != RULES:
        return f"{newest['kind']} by rules {newest['rules']}; this version has {RULES} and cannot repeat it{hand}"
    reader = said["reader"]
    if reader and reader not in loader.builtin():  # what a bundle names is a stranger's, and nothing to be imported
        return (
            f"{newest['kind']}; read by {reader[:80]!r}, which is not of this software: it was not judged again{hand}"
        )
    if not reader and any(match["key"] == OWN_COPY for match in said["matches"]):
        kind, reasons = "delivery_receipt", newest["reasons"]
    else:
        at = datetime.fromisoformat(said["at"])
        verdict = judge_reading(_reading(reader, raw), at) if reader else classify(parse(raw), at)
        kind, reasons = verdict.kind, [one.encode("utf-8", "replace").decode() for one in verdict.reasons]
    if (kind, reasons) != (newest["kind"], newest["reasons"]):
        raise _WrongError(
            f"the rules {RULES} say {kind} ({'; '.join(reasons)[:100]}), the record says {newest['kind']}"
        )
    return f"{kind}, by rules {RULES}, as recorded{hand}"


def _reading(reader: str, raw: bytes) -> Reading:
    from probes import loader

    kind = loader.load(reader)
    if not isinstance(kind, Reads):
        raise _WrongError(f"{reader} reads nothing, and is said to have read it")
    return kind.read(raw)


def _of(members: Mapping[str, bytes], name: str) -> tuple[dict[str, Any], bytes | None]:
    """What is said of an arrival, and its bytes: which file they are in follows from who reads them."""
    said: dict[str, Any] = json.loads(members[name])
    bare = name.removesuffix("json")
    raw = members.get(bare + ending(said["reader"]))
    if bare + ending("" if said["reader"] else "raw") in members:
        raise _WrongError("it is a mail and no mail")
    if raw is None and said["erased_at"] is None:
        raise _WrongError("the arrival itself is missing")
    if raw is not None and said["erased_at"] is not None:
        raise _WrongError("it is said to be erased and is there")
    return said, raw
