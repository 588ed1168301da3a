"""SMS and calls from sending to outcome, over real HTTP: our channels and our door beside the look-alike."""

from __future__ import annotations

import json
import subprocess
import zipfile
import zlib
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.errors import UsageError
from monitor.evidence import manifest
from monitor.evidence_check import check
from monitor.forgetting import forget
from monitor.proof import write
from monitor.report import read, refresh
from monitor.store.hearing import gaps
from monitor.store.integrity import integrity
from monitor.store.pushed import reported
from monitor.store.records import suppressed
from monitor.store.scoring import probe_facts
from probes.sandbox.exchange import Manner, Says
from probes.twilio.calls import ring_seconds
from tests.wire.telephony import PHONE, SMS, Telephony, shop, telephony

HOUR = timedelta(hours=1)
ANSWER = Says(after=HOUR, text="Yes, we are open from nine on that Saturday. Jo")


def outcome(world: Telephony) -> dict[str, dict[str, object]]:
    refresh(world.app)
    return {row["business"]: row for row in read(world.app.store).iter_rows(named=True)}


# --------------------------------------------------------------------------- messages
def test_a_message_is_sent_once_and_its_answer_belongs_to_it(tmp_path: Path) -> None:
    with telephony(tmp_path, {shop(0): Manner(says=(ANSWER,))}) as world:
        world.imports("sms", 2)
        summary = world.send()
        assert (summary.sent, summary.problems) == (2, [])
        receipts = world.rows("receipts")
        assert all(one["provider_id"].startswith("SM") and one["accepted_by"] == "relay" for one in receipts)
        world.passes(hours=2)
        assert world.send().tried == 0
        assert len(world.exchange.messages) == 3, "two enquiries and an answer"
        found = {key: sorted(replies) for key, replies in world.replies().items()}
        answered, silent = (found[key] for key in sorted(found))
        assert answered == [("delivery_receipt", True, "own_domain"), ("human", True, "own_domain")]
        assert silent == [("delivery_receipt", True, "own_domain")]
        assert [row["key"] for row in world.rows("matches")].count("number_pair") == 1


@pytest.mark.parametrize("disorder", [False, True])
def test_statuses_that_come_twice_and_in_any_order_end_with_the_highest(tmp_path: Path, disorder: bool) -> None:
    with telephony(tmp_path, copies=3, shuffled=disorder) as world:
        world.imports("sms").send()
        world.passes(minutes=5)
        (receipt,) = world.rows("receipts")
        told = reported(world.app.store, "texts", [receipt["provider_id"]])[receipt["provider_id"]]
        assert [one.status for one in told] == ["queued", "sending", "sent", "delivered"]
        assert len(world.exchange.pushed) == 12
        assert len(world.rows("arrivals")) == 1, "delivered, once"


@pytest.mark.parametrize(("code", "hard"), [("30003", False), ("30005", True), ("30006", True), ("30007", None)])
def test_what_is_not_delivered_is_no_silence(tmp_path: Path, code: str, hard: bool | None) -> None:
    with telephony(tmp_path, {shop(0): Manner(fate=code)}) as world:
        world.imports("sms").send()
        world.passes(hours=1)
        (row,) = outcome(world).values()
        assert row["bounced_at"] is not None
        assert (row["disputed"], row["bounce_hard"]) == (False, hard)
        (receipt,) = world.rows("receipts")
        last = reported(world.app.store, "texts", [receipt["provider_id"]])[receipt["provider_id"]][-1]
        assert (last.status, last.code) == ("undelivered", code)


def test_stop_by_message_holds_on_every_channel_at_once(tmp_path: Path) -> None:
    with telephony(tmp_path, {shop(0): Manner(says=(Says(after=HOUR, text="Stop."),))}) as world:
        path = tmp_path / "businesses.csv"
        path.write_text(f"name,sms,phone,timezone,basis\nShop,{shop(0)},{shop(7)},UTC,own\n")
        from monitor.importing import bring_in

        assert bring_in(world.app, path).result is not None
        assert world.send().sent == 2, "a message and a call"
        world.passes(hours=2)
        stopped = suppressed(world.app.store)
        assert shop(0) in stopped.scopes, "the number, on every channel"
        assert stopped.businesses
        (kind,) = [one["kind"] for one in world.rows("verdicts") if one["kind"] == "opt_out"]
        assert kind == "opt_out"


def test_stop_from_somebody_whom_no_open_probe_asked_counts_all_the_same(tmp_path: Path) -> None:
    with telephony(tmp_path) as world:
        world.imports("sms")
        world.exchange.text(shop(0), SMS, "UNSUBSCRIBE")
        world.passes(minutes=1)
        assert shop(0) in suppressed(world.app.store).scopes
        assert world.send().sent == 0
        assert world.states() == ["suppressed"]


def test_who_has_stopped_with_the_provider_is_on_our_list_from_the_refusal_on(tmp_path: Path) -> None:
    with telephony(tmp_path) as world:
        world.imports("sms")
        world.exchange.opted_out.add((SMS, shop(0)))
        world.send()
        assert world.states() == ["not_sent"]
        (receipt,) = world.rows("receipts")
        assert receipt["code"] == "21610"
        assert shop(0) in suppressed(world.app.store).scopes


@pytest.mark.parametrize("word", ["START", "help"])
def test_start_and_help_lift_nothing_and_wait_for_a_person(tmp_path: Path, word: str) -> None:
    with telephony(tmp_path, {shop(0): Manner(says=(Says(after=HOUR, text=word),))}) as world:
        world.imports("sms").send()
        world.passes(hours=2)
        assert ("unclear", True, "own_domain") in next(iter(world.replies().values()))
        assert suppressed(world.app.store).scopes == frozenset()


def test_a_picture_without_words_is_stored_and_waits(tmp_path: Path) -> None:
    picture = Says(after=HOUR, text="", media=("image/jpeg",))
    with telephony(tmp_path, {shop(0): Manner(says=(picture,))}) as world:
        world.imports("sms").send()
        world.passes(hours=2)
        verdict = next(one for one in world.rows("verdicts") if one["kind"] == "unclear")
        assert "image/jpeg" in verdict["reasons"][0]


def test_two_open_probes_between_the_same_numbers_are_not_guessed_at(tmp_path: Path) -> None:
    answer = Says(after=30 * HOUR, text="Yes, we are open from nine on that Saturday. Jo")
    with telephony(tmp_path, {shop(0): Manner(says=(answer,))}, schedule="0 9 * * *") as world:
        world.imports("sms").send()
        world.passes(hours=24)
        assert world.send().sent == 1
        world.passes(hours=8)
        pairs = [row for row in world.rows("matches") if row["key"] == "number_pair"]
        assert [(row["strong"]) for row in pairs] == [False, False]


def test_with_a_second_number_each_open_probe_has_its_own(tmp_path: Path) -> None:
    answer = Says(after=30 * HOUR, text="Yes, we are open from nine on that Saturday. Jo")
    pool = (SMS, "+12025550109")
    with telephony(tmp_path, {shop(0): Manner(says=(answer,))}, schedule="0 9 * * *", numbers=pool) as world:
        world.imports("sms").send()
        world.passes(hours=24)
        assert world.send().sent == 1
        assert sorted(one["number"] for one in world.rows("probes")) == sorted(pool)
        world.passes(hours=8)
        (pair,) = [row for row in world.rows("matches") if row["key"] == "number_pair"]
        assert pair["strong"]


def test_a_number_that_nobody_listens_to_is_not_sent_from(tmp_path: Path) -> None:
    with telephony(tmp_path) as world:
        config = tmp_path / "config.toml"
        config.write_text(config.read_text().replace(f'numbers = ["{SMS}"]\n\n[personas.jon]', "\n[personas.jon]"))
        from monitor.app import App

        world.imports("sms")
        with App.open(config, world.clock) as app:
            from monitor.send import send_pass

            summary = send_pass(app.store, app.config, app.channels, world.clock)
        assert summary.sent == 0
        assert "persona mara has none" in summary.problems[0]


@pytest.mark.parametrize("basis", ["public_enquiry", "authority"])
def test_nobody_is_texted_or_called_on_another_basis(tmp_path: Path, basis: str) -> None:
    with telephony(tmp_path) as world:
        world.imports("sms", basis=basis).imports("phone", basis=basis)
        world.send()
        assert set(world.states()) == {"suppressed"}
        assert world.exchange.messages == world.exchange.calls == []


# --------------------------------------------------------------------------- a provider that stumbles
def test_too_much_at_once_is_tried_again_and_a_breakage_is_asked_about(tmp_path: Path) -> None:
    manners = {
        shop(0): Manner(stumbles=(429,)), shop(1): Manner(stumbles=(503,)), shop(2): Manner(hiccups=(500,)),
    }  # fmt: skip
    with telephony(tmp_path, manners) as world:
        world.imports("sms", 3).send()
        assert sorted(world.states()) == ["deferred", "unknown", "unknown"]
        world.passes(minutes=2)
        world.send()
        world.passes(minutes=20)
        summary = world.send()
        assert summary.settled == 2, "what the provider has, and what it has not"
        assert sorted(world.states()) == ["not_sent", "sent", "sent"]
        posts = [query["To"][0] for verb, _, query in world.exchange.asked if verb == "POST"]
        assert sorted(posts) == sorted([shop(0), shop(0), shop(1), shop(2)]), "asking sends nothing"


def test_a_provider_that_is_away_leaves_the_contact_for_later(tmp_path: Path) -> None:
    with telephony(tmp_path) as world:
        world.imports("sms")
        world.listen()
        world.exchange._serving.__exit__(None, None, None)
        world.send()
        assert world.states() == ["deferred"]


# --------------------------------------------------------------------------- being deaf
def test_an_hour_in_which_the_door_was_shut_is_closed_by_listing_and_counts_against_nobody(tmp_path: Path) -> None:
    with telephony(tmp_path, {shop(0): Manner(says=(ANSWER,))}) as world:
        world.imports("sms", 2).send()
        world.exchange.deaf = True
        world.passes(hours=3)
        assert world.rows("arrivals") == []
        assert world.listen().new == 3, "an answer, and two deliveries"
        rows = outcome(world)
        assert [row["gap_from"] for row in rows.values()] == [None, None]
        human = next(row for row in rows.values() if row["first_human_at"] is not None)
        waited = timedelta(microseconds=human["first_human_at"] - human["sent_at"])  # type: ignore[operator]
        assert waited == HOUR, "the provider's time, not that of the listing"
        assert gaps(world.app.store) == []
        assert world.listen().new == 0


def test_a_message_that_was_brought_and_is_listed_is_one_arrival_with_the_providers_time(tmp_path: Path) -> None:
    with telephony(tmp_path, {shop(0): Manner(says=(ANSWER,))}) as world:
        world.imports("sms").send()
        world.passes(hours=2)
        before = {row["id"]: row["at"] for row in world.rows("arrivals")}
        summary = world.listen()
        assert (summary.new, summary.repeats) == (0, 2)
        assert len(world.rows("sightings")) == 4
        assert {row["id"]: row["at"] for row in world.rows("arrivals")} == before


def test_while_the_provider_cannot_be_listed_there_is_a_gap_that_the_next_listing_closes(tmp_path: Path) -> None:
    with telephony(tmp_path) as world:
        world.imports("sms").send()
        world.exchange.locked = True
        world.passes(hours=1)
        assert set(world.listen().deaf) == {"texts", "calls"}
        assert len(gaps(world.app.store, unclosed=True)) == 2
        world.exchange.locked = False
        world.passes(hours=1).listen()
        assert gaps(world.app.store, unclosed=True) == []


# --------------------------------------------------------------------------- calls
CALLS = {
    "human": ("human", "a person answered"),
    "machine_start": ("auto_reply", "voicemail or a menu"),
    "fax": ("auto_reply", "fax"),
    "unknown": ("unclear", "not known"),
    "busy": ("delivery_receipt", "busy"),
    "no-answer": ("delivery_receipt", "rang out"),
    "refused": ("delivery_receipt", "refused"),
    "not-in-service": ("bounce", "not in service"),
}


@pytest.mark.parametrize("heard", ["door", "listing"])
@pytest.mark.parametrize("how", CALLS)
def test_what_becomes_of_a_call(tmp_path: Path, how: str, heard: str) -> None:
    with telephony(tmp_path, {shop(0): Manner(picks_up=how)}, copies=2) as world:
        world.exchange.deaf = heard == "listing"
        world.imports("phone").send()
        world.passes(minutes=30)
        world.listen()
        (verdict,) = world.rows("verdicts")
        kind, words = CALLS[how]
        if heard == "listing" and how in ("not-in-service", "refused"):
            kind, words = {"not-in-service": ("bounce", "did not reach"), "refused": ("delivery_receipt", "busy")}[how]
        assert verdict["kind"] == kind
        assert words in verdict["reasons"][0]
        if how in ("human", "machine_start", "fax", "unknown"):
            assert f"AnsweredBy={how}" in verdict["reasons"][0]
        if how in ("human", "machine_start"):
            assert "not measured" in verdict["reasons"][1]
        (row,) = outcome(world).values()
        assert (row["first_human_at"] is not None) == (how == "human")
        assert (row["first_auto_at"] is not None) == (how in ("machine_start", "fax"))
        assert (row["bounced_at"] is not None) == (how == "not-in-service")
        assert not row["disputed"]
        (match,) = world.rows("matches")
        assert (match["key"], match["strong"]) == ("provider_id", True)


def test_a_call_says_one_short_line_rings_as_long_as_the_config_says_and_records_nothing(tmp_path: Path) -> None:
    with telephony(tmp_path, {shop(0): Manner(rings=timedelta(seconds=12))}) as world:
        world.imports("phone").send()
        world.passes(minutes=30)
        ((_, _, asked),) = [one for one in world.exchange.asked if one[0] == "POST"]
        assert not [name for name in asked if name.startswith("Recording") or name == "Record"]
        assert asked["Timeout"] == ["30"]
        assert asked["Twiml"][0].count("<Say") == 1
        assert asked["Twiml"][0].endswith("</Say><Hangup/></Response>")
        assert "No action is needed" in asked["Twiml"][0]
        assert "Record" not in asked["Twiml"][0]
        (receipt,) = world.rows("receipts")
        told = reported(world.app.store, "calls", [receipt["provider_id"]])[receipt["provider_id"]]
        assert ring_seconds(told) == 12.0


def test_a_call_back_is_answered_with_thanks_and_counts_as_a_person(tmp_path: Path) -> None:
    back = Manner(picks_up="machine_start", says=(Says(after=HOUR, text=None),))
    with telephony(tmp_path, {shop(0): back}) as world:
        world.imports("phone").send()
        world.passes(hours=2)
        (row,) = outcome(world).values()
        assert row["first_auto_at"] is not None
        assert row["first_human_at"] - row["sent_at"] == 3_600_000_000  # type: ignore[operator]
        assert ("human", True, "own_domain") in next(iter(world.replies().values()))


@pytest.mark.parametrize(("after", "kept"), [(2 * HOUR, True), (30 * HOUR, False)])
def test_a_promise_to_call_back_is_kept_by_a_call_in_time(tmp_path: Path, after: timedelta, kept: bool) -> None:
    promise = "Thank you for your message. We have received your enquiry and will call you back within 24 hours."
    says = (Says(after=HOUR / 60, text=promise), Says(after=after, text=None))
    with telephony(tmp_path, {shop(0): Manner(says=says)}) as world:
        world.imports("sms").send()
        world.passes(hours=40)
        (row,) = outcome(world).values()
        assert row["promise_due_at"] is not None
        assert (row["first_human_at"] <= row["promise_due_at"]) == kept  # type: ignore[operator]


def test_a_stranger_who_calls_our_number_belongs_to_nobody(tmp_path: Path) -> None:
    with telephony(tmp_path) as world:
        world.imports("phone").send()
        world.passes(hours=1)
        world.exchange.call("+12125550199", PHONE)
        world.passes(minutes=1)
        assert len(world.rows("arrivals")) == 2
        assert [row["key"] for row in world.rows("matches")] == ["provider_id"]


def test_facts_know_our_number(tmp_path: Path) -> None:
    with telephony(tmp_path) as world:
        world.imports("sms").send()
        (facts,) = probe_facts(world.app.store)
        assert facts.state == "sent"
        assert [row["number"] for row in world.rows("probes")] == [SMS]


# --------------------------------------------------------------------------- cost, and what must never be seen
def test_the_plan_shows_segments_and_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from monitor import show
    from monitor.send import plan_view
    from monitor.terminal import Terminal

    with telephony(tmp_path) as world:
        world.imports("sms", 3)
        view = plan_view(world.app.store, world.app.config, world.app.channels, world.clock)
        show.plan(Terminal(), view, live=False, anybody=True)
        show.plan(Terminal(as_json=True), view, live=False, anybody=True)
    said = capsys.readouterr().out
    assert "3 of them cost money: 3 units (3 of 1 segment (GSM-7," in said
    assert "0.03 USD" in said
    assert said.count('"units": 1') == 3


def evidence_of(world: Telephony, probe: str, path: Path) -> dict[str, bytes]:
    """What the evidence of a probe holds."""
    with zipfile.ZipFile(write(world.app, probe, path).path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_evidence_holds_what_the_provider_reported_and_what_is_no_mail_is_judged_again_by_its_reader(
    tmp_path: Path,
) -> None:
    with telephony(tmp_path, {shop(0): Manner(says=(ANSWER,))}) as world:
        world.imports("sms").send()
        world.passes(hours=2)
        (facts,) = probe_facts(world.app.store)
        members = evidence_of(world, facts.probe, tmp_path / "e.zip")
        lines = {line.what: line for line in check(members)}
        assert [line for line in lines.values() if not line.ok] == []
        assert lines["reports"].detail == "4, each with the hash on record"
        assert "human, by rules" in lines["arrivals/2 verdict"].detail
        (contact,) = json.loads(members["contacts.json"])
        told = contact["receipts"][0]["reports"]
        assert [one["status"] for one in told] == ["queued", "sending", "sent", "delivered"]
        assert all(b"MessageStatus=" + one["status"].encode() in members[one["file"]] for one in told)
        assert not [name for name in members if name.endswith(".eml")]
        assert b"Body=Yes" in members["arrivals/2.raw"]
    said = json.loads(members["arrivals/2.json"])
    for name, change in {
        "reports": {told[0]["file"]: b"MessageStatus=read"},
        "arrivals/2 bytes": {"arrivals/2.raw": members["arrivals/2.raw"] + b"&x=1"},
        "arrivals/2 verdict": {
            "arrivals/2.json": json.dumps(said | {"verdicts": [said["verdicts"][-1] | {"kind": "bot"}]}).encode()
        },
        "arrivals/2 way": {"arrivals/2.eml": b"From: me"},
    }.items():
        changed = members | change
        changed |= {"manifest.json": manifest(changed)}
        assert name in [line.what for line in check(changed) if not line.ok]
    foreign = members | {"arrivals/2.json": json.dumps(said | {"reader": "somebodys.module:thing"}).encode()}
    (line,) = [line for line in check(foreign) if line.what == "arrivals/2 verdict"]
    assert "was not judged again" in line.detail, "nothing that a bundle names is imported"


def test_the_token_is_in_no_log_page_evidence_store_or_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import base64
    import logging
    import traceback

    import httpx2

    from monitor.report import publish
    from monitor.webhook import Door
    from tests.wire.telephony import ACCOUNT, TOKEN

    caplog.set_level(logging.DEBUG)
    seen: list[str] = []
    with telephony(tmp_path, {shop(0): Manner(says=(ANSWER,)), shop(1): Manner(hiccups=(500,))}) as world:
        world.imports("sms", 2).imports("phone").send()
        world.passes(hours=2).listen()
        world.exchange.locked = True
        seen.append(repr(world.listen()))
        for door in ("/in/texts", "/status/texts", "/in/nobody", "/healthz", "/metrics"):
            url, headers = world.exchange.door + door, {"X-Twilio-Signature": "forged"}
            seen.append(httpx2.post(url, content=b"MessageSid=1", headers=headers).text + httpx2.get(url).text)
        wire = world.app.channels["texts"].wire
        seen += [repr(world.app.config), repr(world.app.channels), repr(wire)]
        seen.append(repr(next(wire.check(world.clock))))  # type: ignore[attr-defined]

        def breaks(*_: object, **__: object) -> None:
            raise RuntimeError("something of the library broke")

        with monkeypatch.context() as patch:
            patch.setattr("probes.twilio.account._Http.request", breaks)
            try:
                list(wire.ears()[0].listen({"listing": "2026-03-03T00:00:00+00:00"}, world.clock))  # type: ignore[attr-defined]
            except RuntimeError as error:
                seen.append("".join(traceback.format_exception(error)))
            world.listen()
        assert isinstance(world.door, Door)
        publish(world.app, tmp_path / "site")
        for facts in probe_facts(world.app.store):
            members = evidence_of(world, facts.probe, tmp_path / f"{facts.probe}.zip")
            seen += [data.decode("utf-8", "replace") for data in members.values()]
    assert any("MessageStatus=" in text for text in seen), "reports are in the evidence"
    secrets = (TOKEN, base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode())
    for secret in secrets:
        assert secret not in caplog.text
        assert not [text for text in seen if secret in text]
        for path in tmp_path.rglob("*"):
            if path.is_file() and path.name != "token":
                assert secret.encode() not in path.read_bytes(), path
    assert "something of the library broke" in caplog.text
    assert len(caplog.text) > 1000


# --------------------------------------------------------------------------- forgetting
def test_a_number_that_asks_to_be_forgotten_is_in_no_file_of_the_store_and_every_fact_stays(tmp_path: Path) -> None:
    quotes = Says(after=HOUR, text=f"Ask Jo at {shop(0)[:2]} {shop(0)[2:5]} {shop(0)[5:8]}-{shop(0)[8:]} please")
    with telephony(tmp_path, {shop(0): Manner(says=(ANSWER,)), shop(1): Manner(says=(quotes,))}) as world:
        world.imports("sms", 3).send()
        world.passes(hours=2)
        before = sorted(outcome(world).values(), key=lambda row: str(row["probe"]))
        assert in_store(world, shop(0)[1:])
        done = forget(world.app, f"{shop(0)[:2]} {shop(0)[2:5]} {shop(0)[5:8]} {shop(0)[8:]}", "asked to be forgotten")
        assert len(done.businesses) == 1
        assert done.erased["reports"] == 4
        assert done.erased["mails"] == 3, "a delivery, an answer, and the message of another who names the number"
        assert not in_store(world, shop(0)[1:], shop(0)[2:], "555-0100")
        assert in_store(world, shop(1)[1:])
        assert in_store(world, SMS[1:]), "our own number, which differs in its area code alone"
        after = sorted(outcome(world).values(), key=lambda row: str(row["probe"]))
        same = [{**row, "business": None} for row in before]
        assert [{**row, "business": None} for row in after] == same
        assert [one.rule for one in integrity(world.app.store) if not one.ok] == []
        for facts in probe_facts(world.app.store):
            lines = list(check(evidence_of(world, facts.probe, tmp_path / "e.zip")))
            assert [line for line in lines if not line.ok] == []
        # Listed once more, and another message: the number is not stored anew.
        world.exchange.text(shop(0), SMS, "It is me again")
        world.passes(hours=1).listen()
        assert not in_store(world, shop(0)[1:])


def test_our_own_number_is_nobody_to_be_forgotten(tmp_path: Path) -> None:
    with telephony(tmp_path) as world:
        world.imports("sms").send()
        with pytest.raises(UsageError, match="our own"):
            forget(world.app, SMS, "a mistake")


def test_a_report_that_comes_after_its_business_was_forgotten_keeps_its_status_and_no_number(tmp_path: Path) -> None:
    with telephony(tmp_path) as world:
        world.imports("sms").send()
        forget(world.app, shop(0), "asked to be forgotten")
        world.passes(hours=1)
        (receipt,) = world.rows("receipts")
        told = reported(world.app.store, "texts", [receipt["provider_id"]])[receipt["provider_id"]]
        assert (told[-1].status, told[-1].raw) == ("delivered", b"")
        assert not in_store(world, shop(0)[1:])


def in_store(world: Telephony, *texts: str) -> list[str]:
    """Which of these stand in the files of the store, or in what is packed in them."""
    files = sorted(world.app.config.base.glob("unanswered.db*"))
    # By another process: closing a file of an open store in this one would end SQLite's locks on it.
    found = [subprocess.run(["cat", *files], capture_output=True, check=True).stdout]
    found += [zlib.decompress(row["data"]) for row in world.rows("raw") if row["data"]]
    found += [zlib.decompress(row["raw"]) for row in world.rows("reports")]
    return [text for text in texts if text.encode() in b"\n".join(found)]
