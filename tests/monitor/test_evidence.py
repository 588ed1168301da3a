"""A bundle of evidence holds all that is on record, says the same twice, and every change in it is found."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitor.app import App
from monitor.attesting import attest_pass
from monitor.classify.decide import RULES
from monitor.errors import UsageError
from monitor.evidence import FORMAT, manifest, packed
from monitor.evidence_check import Line, check, check_file
from monitor.listen import todays_rules
from monitor.proof import write
from monitor.report import coder
from monitor.store.exhibits import LARGEST
from probes.contract import Exhibit
from tests.monitor.factories import World, mail, only, rows
from tests.monitor.test_attesting import channels
from tests.nameserver import NameServer
from tests.signing import rsa

RECEIVED = (
    "from mx.firm1.example (mx.firm1.example [192.0.2.7]) by mail.inbox.example with ESMTPS id 4ab"
    " for <anna@inbox.example>; Tue, 1 Dec 2026 10:00:05 +0000"
)
EARLIER = "from desk ([10.0.0.3]) by mx.firm1.example with ESMTPA id 17; Tue, 1 Dec 2026 10:00:02 +0000"


@pytest.fixture
def server() -> Iterator[NameServer]:
    with NameServer() as running:
        yield running


@pytest.fixture
def world(tmp_path: Path, server: NameServer) -> World:
    """One firm, asked; its answer is signed and sealed, and an automatic one came before it."""
    made = World(tmp_path)
    made.listen()
    made.send()
    made.passes(minutes=1).answer(1, text="We have got your message.", Auto_Submitted="auto-replied")
    enquiry, signer, sealer = made.sent_to(1), rsa("firm1.example"), rsa("relay.example")
    text = "Dear Anna, yes, we repair these, it costs 12 EUR. Kind regards, Paul"
    raw = signer.signs(mail(enquiry.reply_to, sender=enquiry.to, text=text, In_Reply_To=enquiry.message_id))
    raw = f"Received: {RECEIVED}\r\nReceived: {EARLIER}\r\n".encode() + sealer.seals(raw)
    made.passes(hours=1).fake.answers(raw, made.now())
    for one in (signer, sealer):
        server.publishes(one.name, one.record)
    made.listen(todays_rules())
    attest_pass(made.store, channels(made, server), made.now)
    return made


def app(world: World) -> App:
    return cast("App", SimpleNamespace(store=world.store, config=world.config, clock=world.now))


def probe(world: World) -> str:
    return str(only(rows(world.store, "probes"))["id"])


def written(world: World, name: str = "e.zip") -> Path:
    return write(app(world), probe(world), world.folder / name).path


def opened(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def problems(lines: Iterator[Line]) -> list[str]:
    return [f"{line.what}: {line.detail}" for line in lines if not line.ok]


def repacked(path: Path, members: dict[str, bytes], *, honest: bool) -> Path:
    """The bundle with other members; `honest`: with a manifest to match, as somebody who forges would."""
    if honest:
        members = members | {"manifest.json": manifest(members)}
    path.write_bytes(packed(members))
    return path


def test_what_was_recorded_is_in_it_and_holds(world: World) -> None:
    path = written(world)
    lines = list(check_file(path))
    assert problems(iter(lines)) == []
    told = {line.what: line.detail for line in lines}
    assert told["arrivals/2 signatures"] == (
        "dkim firm1.example pass, arc relay.example pass, checked with the stored keys"
    )
    assert "human, by rules" in told["arrivals/2 verdict"]
    assert told["arrivals/1 signatures"] == "carries none"
    assert told["outcome"].startswith("follows from its facts: answered")
    assert told["arrivals/2 way"] == "2 servers noted it"
    members = opened(path)
    assert next(iter(members)) == "README.txt"
    assert list(members)[-1] == "manifest.json"
    enquiry = world.sent_to(1)
    assert json.loads(members["probe.json"])["probe"]["body"] == enquiry.body
    (contact,) = json.loads(members["contacts.json"])
    assert [one["state"] for one in contact["receipts"]] == ["sent"]
    said = json.loads(members["arrivals/2.json"])
    assert [hop["by"] for hop in said["received"]] == ["mx.firm1.example", "mail.inbox.example"]
    assert said["received"][0]["at"] == "2026-12-01T10:00:02+00:00"
    assert {one["key"] for one in said["attestations"]} == {rsa("firm1.example").record, rsa("relay.example").record}
    assert only(said["matches"])["key"] == "private_address"


PICTURE = Exhibit(name="../after ä.jpg", media_type="image/jpeg", data=b"\xff\xd8 what the page showed \xff\xd9")
LARGE = Exhibit(name="large.jpg", media_type="image/jpeg", data=bytes(LARGEST + 1))


def shown(folder: Path) -> Path:
    """The bundle of a probe whose handing over left pictures."""
    made = World(folder)
    made.fake.ends(
        "info@firm1.example", state="unknown", reason="no sign", pattern="quiet", signs=("the form is gone",),
        details={"final url": "https://firm1.example/"}, exhibits=(PICTURE, LARGE),
    )  # fmt: skip
    made.listen()
    made.send()
    return written(made)


def test_exhibits_are_files_beside_what_the_receipt_says_of_them(tmp_path: Path) -> None:
    path = shown(tmp_path)
    lines = list(check_file(path))
    assert problems(iter(lines)) == []
    told = {line.what: line.detail for line in lines}
    assert told["exhibits"] == "1, each with the hash on record; of 1 the content is erased or was too large"
    members = opened(path)
    assert members["exhibits/1-after-.jpg"] == PICTURE.data
    receipt = only(only(json.loads(members["contacts.json"]))["receipts"])
    assert (receipt["details"], receipt["signs"], receipt["pattern"]) == (
        {"final url": "https://firm1.example/"},
        ["the form is gone"],
        "quiet",
    )
    assert [(one["file"], one["media_type"], one["name"], one["erased"]) for one in receipt["exhibits"]] == [
        ("exhibits/1-after-.jpg", "image/jpeg", "../after ä.jpg", False),
        (None, "image/jpeg", "large.jpg", False),
    ]


@pytest.mark.parametrize("forged", ["changed", "left out", "put in"])
def test_an_exhibit_that_is_not_the_one_on_record_is_found(tmp_path: Path, forged: str) -> None:
    path = shown(tmp_path)
    members, name = opened(path), "exhibits/1-after-.jpg"
    if forged == "changed":
        members[name] = bytes([members[name][0] ^ 1]) + members[name][1:]
    elif forged == "left out":
        del members[name]
    else:
        members["exhibits/9-more.jpg"] = b"more"
    (found,) = problems(check_file(repacked(path, members, honest=True)))
    assert found.startswith("exhibits: ")


def test_a_seal_that_has_expired_since_is_told_and_is_no_difference(
    tmp_path: Path, server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, sealer = World(tmp_path), rsa("relay.example")
    made.listen()
    made.send()
    made.passes(hours=1)
    enquiry, ends = made.sent_to(1), made.now() + timedelta(days=7)
    sealed = sealer.seals(mail(enquiry.reply_to, sender=enquiry.to), until=int(ends.timestamp()))
    made.fake.answers(sealed, made.now())
    server.publishes(sealer.name, sealer.record)
    made.listen(todays_rules())
    attest_pass(made.store, channels(made, server), made.now)
    path = written(made)
    for late, words in ((-1, "checked with the stored keys"), (1, "the stored keys; expired since: arc relay.example")):
        then = ends + timedelta(days=late)
        monkeypatch.setattr("monitor.evidence_check.system_clock", lambda then=then: then)
        monkeypatch.setattr("dkim.time", SimpleNamespace(time=then.timestamp))
        lines = list(check_file(path))
        assert problems(iter(lines)) == []
        (told,) = [line.detail for line in lines if line.what == "arrivals/1 signatures"]
        assert told.startswith("arc relay.example pass, checked")
        assert told.endswith(words)


def test_the_same_record_gives_the_same_bytes(world: World) -> None:
    assert written(world, "one.zip").read_bytes() == written(world, "two.zip").read_bytes()


def test_keys_that_were_changed_since_and_no_network_do_not_matter(world: World, server: NameServer) -> None:
    path = written(world)
    asked = len(server.asked)
    server.publishes(rsa("firm1.example").name, rsa("firm1.example", "next").record)
    assert problems(check_file(path)) == []
    assert len(server.asked) == asked


def test_a_changed_byte_is_found_in_each_member(world: World, tmp_path: Path) -> None:
    members = opened(written(world))
    for name, data in members.items():
        for place in {0, len(data) // 2, len(data) - 1}:
            changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
            found = problems(check_file(repacked(tmp_path / "bad.zip", members | {name: changed}, honest=False)))
            assert any(line.startswith(name) or name == "manifest.json" for line in found), (name, place, found)


def test_a_manifest_in_another_spelling_is_found(world: World, tmp_path: Path) -> None:
    members = opened(written(world))
    members["manifest.json"] += b" "
    found = problems(check_file(repacked(tmp_path / "bad.zip", members, honest=False)))
    assert only(found).startswith("manifest.json")


def forged(world: World, name: str, change: Any) -> list[str]:
    """The problems with a bundle whose member was changed by somebody who wrote a manifest to match."""
    members = opened(written(world))
    value = json.loads(members[name])
    change(value)
    members[name] = json.dumps(value).encode()
    return problems(check_file(repacked(world.folder / "forged.zip", members, honest=True)))


def test_a_forged_mail_fails_its_signatures(world: World) -> None:
    members = opened(written(world))
    raw = members["arrivals/2.eml"].replace(b"12 EUR", b"99 EUR")
    assert raw != members["arrivals/2.eml"]
    said = json.loads(members["arrivals/2.json"]) | {"sha256": hashlib.sha256(raw).hexdigest()}
    members |= {"arrivals/2.eml": raw, "arrivals/2.json": json.dumps(said).encode()}
    found = problems(check_file(repacked(world.folder / "forged.zip", members, honest=True)))
    assert only(found).startswith("arrivals/2 signatures: checked again with the stored keys they give dkim")


def test_a_forged_record_does_not_follow_from_what_it_holds(world: World) -> None:
    def other_verdict(said: Any) -> None:
        said["verdicts"][-1]["kind"] = "bot"

    def other_disposition(said: Any) -> None:
        said["dispositions"][0]["disposition"] = "unanswered"

    def other_time(said: Any) -> None:
        for name in ("first_human_at", "first_reply_at"):
            said["row"][name] = said["row"]["first_auto_at"] - 1

    def other_receipt(said: Any) -> None:
        said["row"]["sent_at"] -= 1

    def other_study(said: Any) -> None:
        said["study"]["content"]["title"] = "Another"

    def other_way(said: Any) -> None:
        said["received"].pop()

    def other_result(said: Any) -> None:
        said["attestations"][0]["domain"] = "bank.example"

    def other_mail(said: Any) -> None:
        said["sha256"] = "0" * 64

    assert only(forged(world, "arrivals/2.json", other_verdict)).startswith("arrivals/2 verdict")
    assert only(forged(world, "outcome.json", other_disposition)).startswith("outcome")
    assert only(forged(world, "outcome.json", other_time)).startswith("facts: first_reply_at, first_human_at: the time")
    assert only(forged(world, "outcome.json", other_receipt)).startswith("facts: sent_at")
    assert only(forged(world, "probe.json", other_study)).startswith("study")
    assert only(forged(world, "arrivals/2.json", other_way)).startswith("arrivals/2 way")
    assert only(forged(world, "arrivals/2.json", other_result)).startswith("arrivals/2 signatures")
    assert only(forged(world, "arrivals/2.json", other_mail)).startswith("arrivals/2 bytes")


def test_a_verdict_by_other_rules_is_said_not_to_be_repeatable(world: World) -> None:
    def older(said: Any) -> None:
        said["verdicts"][-1] |= {"rules": "0 of old", "kind": "bot"}

    assert forged(world, "arrivals/2.json", older) == []


def test_every_verdict_and_every_decision_by_hand_is_in_it(world: World) -> None:
    arrival = rows(world.store, "arrivals")[0]["id"]
    with world.store.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO verdicts (arrival_id, kind, reasons, rules, new_text, noreply_sender, questions_answered,"
            f" decided_at) VALUES ({arrival}, 'bot', '[\"seen\"]', 'old', '', 0, '[]', '2026-12-01 10:00:00.000000')"
        )
        connection.exec_driver_sql(
            "INSERT INTO reviews (arrival_id, kind, who, why, at)"
            f" VALUES ({arrival}, 'auto_reply', 'Ines', 'it says so', '2026-12-01 10:00:00.000000')"
        )
    path = written(world)
    said = json.loads(opened(path)["arrivals/1.json"])
    assert [one["rules"] for one in said["verdicts"]] == [RULES, "old"]
    assert [one["reasons"] for one in said["verdicts"]][-1] == ["seen"]
    assert (only(said["reviews"])["who"], only(said["reviews"])["why"]) == ("Ines", "it says so")
    told = {line.what: line.detail for line in check_file(path)}
    assert "decided by hand: auto_reply (Ines)" in told["arrivals/1 verdict"]


def test_an_erased_mail_is_said_to_be_erased(world: World) -> None:
    with world.store.write() as connection:
        connection.exec_driver_sql("UPDATE raw SET data = x'', erased_at = '2026-12-02 00:00:00.000000'")
    path = written(world)
    assert problems(check_file(path)) == []
    members = opened(path)
    assert not any(name.endswith(".eml") for name in members)
    assert "2 of the arrivals were erased" in members["README.txt"].decode()
    assert json.loads(members["arrivals/1.json"])["sha256"] == rows(world.store, "arrivals")[0]["sha256"]


def test_a_probe_is_found_by_its_code_on_the_page(world: World) -> None:
    code = coder(world.store)(probe(world))
    assert write(app(world), code, world.folder / "c.zip").probe == probe(world)
    with pytest.raises(UsageError, match="there is no probe 'nobody'"):
        write(app(world), "nobody", None)


def test_a_manifest_that_is_nested_too_deep_is_named() -> None:
    assert any(line.what == "manifest.json" and not line.ok for line in check({"manifest.json": b"[" * 200_000}))


# --------------------------------------------------------------------------- what is no bundle
def zipped(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"hello", zipped(("a.txt", b"x"))])
def test_what_is_no_bundle_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(data)
    with pytest.raises(UsageError, match="no bundle of evidence"):
        list(check_file(path))


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "arrivals/../x.eml", "arrivals/1.exe", "arrivals\\1.eml"])
def test_a_name_that_leads_elsewhere_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(zipped(("manifest.json", b"{}"), (name, b"x")))
    assert "belongs in no bundle" in only(problems(check_file(path)))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_is_there_twice_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(zipped(("manifest.json", b"{}"), ("README.txt", b"a"), ("README.txt", b"b")))
    assert "holds 'README.txt' twice" in only(problems(check_file(path)))


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(zipped(("manifest.json", b"{}"), ("arrivals/1.eml", b"\x00" * 101_000_000)))
    assert path.stat().st_size < 200_000
    assert "it was not unpacked" in only(problems(check_file(path)))


def test_a_member_that_lies_about_its_size_is_named(world: World, tmp_path: Path) -> None:
    data = bytearray(written(world).read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = (3).to_bytes(4, "little")
    path = tmp_path / "x.zip"
    path.write_bytes(data)
    assert any(line.startswith("README.txt") for line in problems(check_file(path)))


JUDGED = ("manifest.json", "probe.json", "outcome.json", "arrivals/1.json")


@given(st.dictionaries(st.sampled_from(JUDGED), st.binary()))
def test_no_member_raises(members: dict[str, bytes]) -> None:
    assert any(not line.ok for line in check(members))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["files", "format", "study", "row"]), inner),
    )
)
@example({"format": FORMAT, "files": [[1, 2], ["a", 3]]})
def test_no_json_raises(value: Any) -> None:
    data = json.dumps(value).encode()
    assert any(not line.ok for line in check(dict.fromkeys(JUDGED, data)))
