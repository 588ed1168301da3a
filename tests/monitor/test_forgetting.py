"""Forgetting somebody: nothing of the person stays in the store or a site, and every fact does."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.app import App
from monitor.config import Configured
from monitor.errors import Erased, StoreBusy, UsageError
from monitor.evidence_check import check_file
from monitor.forgetting import Forgotten, forget
from monitor.forgotten import digest, normal
from monitor.importing import bring_in
from monitor.listen import todays_rules
from monitor.proof import write
from monitor.report import publish, read, refresh
from monitor.rescore import rescore
from monitor.reviewing import decide, show
from monitor.store.hearing import take_in
from monitor.store.integrity import integrity
from monitor.store.locks import pass_lock
from monitor.store.records import stop, suppressed
from monitor.store.tables import ARRIVALS, ATTESTATIONS
from monitor.store.understanding import raw
from monitor.tracing import Sought, stands_in_told
from probes.contract import Exhibit
from probes.testing import FakeSettings
from reports.data import verify
from tests.monitor.factories import CHANNEL, World, arrival, batch, endpoint, mail, only, rows

PERSON = "anna.schmidt@firm1.example"
NAME = "Anna Schmidt"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Three firms, all asked; Anna of the first and somebody of the second have answered."""
    made = World(tmp_path, firms=3)
    made.send()
    made.passes(hours=1)
    made.answer(1, sender=f"{NAME} <{PERSON}>", text=f"Yes, it costs 12 EUR.\r\n\r\nRegards,\r\n{NAME}\r\n030 1234567")
    made.answer(2, sender="Bob Miller <bob@firm2.example>", text="No.\r\n\r\nRegards,\r\nBob Miller")
    made.listen(todays_rules())
    yield made
    made.store.close()


def app_of(world: World, **change: Any) -> App:
    channels = {CHANNEL: Configured(name=CHANNEL, kind_name="fake", kind=world.fake, settings=FakeSettings())}
    report = world.config.report.model_copy(update=change)
    return App(replace(world.config, channels=channels, report=report), world.now)


def asks(world: World, address: str = PERSON, why: str = "asked to be forgotten", **more: Any) -> Forgotten:
    with app_of(world) as app:
        return forget(app, address, why, **more)


def on_disk(world: World) -> str:
    """All bytes of the store's files, and what is packed in them."""
    found = [path.read_bytes() for path in world.folder.glob("unanswered.db*")]
    packed = [zlib.decompress(row["data"]) for row in rows(world.store, "raw") if row["data"]]
    packed += [zlib.decompress(row["data"]) for row in rows(world.store, "exhibit_data")]
    packed += [zlib.decompress(row["raw"]) for row in rows(world.store, "reports")]
    return b"\n".join([*found, *packed]).decode("utf-8", "replace")


def names_in(text: str, *names: str) -> list[str]:
    return [name for name in names if name.lower() in text.lower()]


def facts(world: World) -> list[dict[str, Any]]:
    with app_of(world) as app:
        refresh(app)
        return read(app.store).to_dicts()


def faults(world: World) -> list[str]:
    return [f"{one.rule}: {one.named}" for one in integrity(world.store) if not one.ok]


# --------------------------------------------------------------------------- nothing of the person stays
def test_nothing_of_the_person_stays_in_the_files_of_the_store_and_every_fact_does(world: World) -> None:
    before, kinds = facts(world), [row["kind"] for row in rows(world.store, "verdicts")]
    assert names_in(on_disk(world), PERSON, NAME)
    done = asks(world, why=f"{NAME} <{PERSON}> wrote to us")
    assert done.scrubbed
    world.store.close()
    assert names_in(on_disk(world), PERSON, NAME, "anna.schmidt", "Schmidt", "1234567") == []
    assert facts(world) == before
    assert [row["kind"] for row in rows(world.store, "verdicts")] == kinds
    assert done.erased["mails"] == 1
    assert faults(world) == []


def test_what_was_deleted_before_is_gone_from_the_free_pages_too(world: World) -> None:
    with world.store.write() as connection:
        connection.exec_driver_sql("PRAGMA secure_delete=OFF")
        connection.exec_driver_sql("CREATE TABLE scratch (said TEXT)")
        connection.exec_driver_sql("INSERT INTO scratch VALUES (?)", (f"{PERSON} " * 5_000,))
    with world.store.write() as connection:
        connection.exec_driver_sql("DROP TABLE scratch")
    assert on_disk(world).count(PERSON) > 1_000
    asks(world)
    world.store.close()
    assert names_in(on_disk(world), PERSON) == []


def test_those_beside_the_person_stay_as_they_are(world: World) -> None:
    asks(world)
    assert names_in(on_disk(world), "Bob Miller", "bob@firm2.example", "info@firm1.example", "Firm 1") == [
        "Bob Miller", "bob@firm2.example", "info@firm1.example", "Firm 1"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "packed",
    [
        {"text": f"Ask my colleague {PERSON}."},
        {"text": "Ask anna.schmidt=40firm1.example.", "Content_Transfer_Encoding": "quoted-printable"},
        {"text": base64.b64encode(f"Ask {PERSON}".encode()).decode(), "Content_Transfer_Encoding": "base64"},
        {"text": "<p>Ask anna.schmidt&commat;firm1.example</p>", "Content_Type": "text/html"},
        {"Cc": f"=?utf-8?b?{base64.b64encode(NAME.encode()).decode()}?= <{PERSON}>"},
        {"Reply_To": PERSON.upper()},
        {"X_Sender": f"=?utf-8?q?{PERSON.replace('@', '=40')}?="},
        {"Return_Path": "<bounces+anna.schmidt=firm1.example@relay.example>"},
        {"text": f"--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: {PERSON}\r\n\r\nHi\r\n--b--",
         "Content_Type": "multipart/mixed; boundary=b"},
    ],
)  # fmt: skip
def test_a_mail_is_found_however_the_address_is_packed_in_it(world: World, packed: dict[str, Any]) -> None:
    world.answer(3, **packed).listen(todays_rules())
    asks(world)
    assert [bool(row["data"]) for row in rows(world.store, "raw")].count(False) == 2


@pytest.mark.parametrize(
    "other", ["joanna.schmidt@firm1.example", "anna.schmidt@firm1.example.org", "x-anna.schmidt@firm1.example"]
)
def test_an_address_that_only_holds_it_is_somebody_elses(world: World, other: str) -> None:
    world.answer(3, text=f"Ask {other}.").listen(todays_rules())
    assert asks(world).erased["mails"] == 1
    assert other in on_disk(world)


def test_a_mail_of_the_same_business_that_only_names_the_person_goes_too(world: World) -> None:
    world.answer(1, sender="info@firm1.example", text=f"{NAME} is on holiday.").listen(todays_rules())
    world.answer(2, sender="info@firm2.example", text="Our Anna Schmidtke is not here.").listen(todays_rules())
    assert asks(world).erased["mails"] == 2
    assert "Schmidtke" in on_disk(world)


def test_what_a_person_wrote_of_the_arrival_is_blanked_and_still_counts(world: World) -> None:
    with app_of(world) as app:
        decide(app, 1, kind="bot", probe=None, who="judge", why=f"{NAME} ({PERSON}) is a machine")
    asks(world)
    review = only(rows(world.store, "reviews"))
    assert (review["kind"], review["who"]) == ("bot", "judge")
    assert review["why"] == "[name] ([address]) is a machine"


def test_a_promise_keeps_its_deadline_and_loses_the_name(world: World) -> None:
    text = f"We will reply within 24 hours. Regards,\r\n{NAME}"
    world.answer(3, sender=f"{NAME} <{PERSON}>", text=text, Auto_Submitted="auto-replied").listen(todays_rules())
    before = rows(world.store, "verdicts")[-1]["promise"]
    asks(world)
    assert before is not None
    assert rows(world.store, "verdicts")[-1]["promise"]["due"] == before["due"]


# --------------------------------------------------------------------------- afterwards
def test_the_same_mail_seen_again_is_known_and_not_stored_anew(world: World) -> None:
    asks(world)
    before = rows(world.store, "raw"), rows(world.store, "arrivals")
    world.fake.answers(world.fake._places["INBOX"][0].raw, world.at)
    world.listen(todays_rules())
    assert (rows(world.store, "raw"), rows(world.store, "arrivals")) == before


def test_the_same_mail_in_another_mailbox_takes_over_what_was_decided(world: World) -> None:
    again = world.fake._places["INBOX"][0].raw
    asks(world)
    here: dict[str, Any] = {"mailbox": "other@inbox.example"}
    take_in(world.store, CHANNEL, batch(arrival(again, **here), **here), world.at)
    assert [row["kind"] for row in rows(world.store, "verdicts")] == ["human", "human", "human"]
    assert names_in(on_disk(world), PERSON, NAME) == []
    assert faults(world) == []


def test_rescore_keeps_what_was_decided_of_an_erased_mail(world: World) -> None:
    asks(world)
    before = facts(world)
    assert list(rescore(world.store, world.now, rules=todays_rules())) == []
    assert facts(world) == before


def test_an_erased_mail_says_so_when_a_person_looks_at_it(world: World) -> None:
    asks(world)
    with app_of(world) as app:
        assert "erased" in show(app, 1).text
    with pytest.raises(Erased, match="erased on 2026-"):
        raw(world.store, 1)


def test_a_later_mail_of_the_person_counts_and_is_erased_once_it_is_understood(world: World) -> None:
    asks(world)
    world.answer(3, sender=f"{NAME} <{PERSON}>", text="Yes, it costs 30 EUR.\r\n\r\nRegards,\r\nAnna").listen(
        todays_rules()
    )
    world.store.close()
    assert names_in(on_disk(world), PERSON, NAME, "schmidt") == []
    last = rows(world.store, "verdicts")[-1]
    assert (last["kind"], "Anna" in last["new_text"]) == ("human", False)
    assert {row["business"] for row in facts(world) if row["first_human_at"]} == {"firm-1", "firm-2", "firm-3"}
    assert faults(world) == []


def test_a_second_time_says_when_it_was_and_does_nothing(world: World) -> None:
    first = asks(world)
    before = rows(world.store, "tombstones")
    again = asks(world.passes(days=1))
    assert (first.before, again.before) == (None, before[0]["at"])
    assert set(again.erased.values()) == {0}
    assert rows(world.store, "tombstones") == before


def test_the_tombstone_holds_a_keyed_hash_and_no_person(world: World) -> None:
    asks(world, why=f"a letter of {NAME}, {PERSON}")
    stone = only(rows(world.store, "tombstones"))
    assert stone["digest"] == digest(b"\x01" * 16, PERSON)
    assert stone["why"] == "a letter of [name], [address]"
    assert stone["erased"]["mails"] == 1


def test_a_trial_says_what_would_go_and_changes_nothing(world: World) -> None:
    tables = ("raw", "verdicts", "tombstones", "suppressions", "endpoints", "arrivals")
    before = {table: rows(world.store, table) for table in tables}
    done = asks(world, dry=True)
    assert (done.done, done.erased) == (
        False,
        {"mails": 1, "reports": 0, "exhibits": 0, "businesses": 0},
    )
    assert {table: rows(world.store, table) for table in tables} == before


def test_what_lies_in_the_mailbox_still_is_named(world: World) -> None:
    left = only(asks(world).left)
    assert (left.mailbox, left.place) == ("probe@inbox.example", "INBOX")


def test_nobody_listens_or_sends_meanwhile(world: World) -> None:
    for kind in ("listen", "send"):
        with pass_lock(world.config.store, kind), pytest.raises(StoreBusy):
            asks(world)
    assert rows(world.store, "tombstones") == []


def test_an_address_of_our_own_is_nobodys(world: World) -> None:
    with pytest.raises(UsageError, match="our own"):
        asks(world, world.sent_to(1).reply_to)
    with pytest.raises(UsageError, match="no address"):
        asks(world, "Anna Schmidt")


# --------------------------------------------------------------------------- a business
FIRM = "info@firm1.example"


def test_an_address_that_we_wrote_to_stands_for_its_business_as_a_whole(world: World) -> None:
    before = facts(world)
    done = asks(world, FIRM)
    world.store.close()
    assert done.businesses == ("firm-1",)
    assert names_in(on_disk(world), FIRM, PERSON, NAME, "firm1.example", "Firm 1", "firm-1") == []
    after = facts(world)
    code = next(row["key"] for row in rows(world.store, "businesses") if row["key"].startswith("forgotten-"))
    assert after == sorted(
        ({**row, "business": code if row["business"] == "firm-1" else row["business"]} for row in before),
        key=lambda row: row["probe"],
    )
    assert faults(world) == []


def test_a_forgotten_business_is_never_contacted_again(world: World) -> None:
    world.studies(schedule="0 9 * * *")
    asks(world, FIRM)
    world.passes(days=60).send()
    assert {one.to for one in world.fake.sent[3:]} == {"info@firm2.example", "info@firm3.example"}


def test_an_import_of_a_forgotten_address_is_refused_and_the_row_named(world: World) -> None:
    asks(world, FIRM)
    file = world.folder / "more.csv"
    file.write_text(f"name,basis,timezone,fake\nFirm One,own,UTC,{FIRM.upper()}\n", encoding="utf-8")
    with app_of(world) as app:
        found = bring_in(app, file)
    assert found.result is None
    assert "asked to be forgotten" in only(only(found.rejects).reasons)
    world.imports(replace(only_business(), key="firm-one"))
    assert [row["address"] for row in rows(world.store, "endpoints") if "firm1" in row["address"]] == []


def only_business() -> Any:
    from tests.monitor.factories import business

    return business(1, endpoints=(endpoint(FIRM),))


def test_a_stop_request_goes_on_by_its_hash(world: World) -> None:
    stop(world.store, {PERSON}, f"{PERSON} rang us", world.at)
    asks(world)
    assert PERSON not in on_disk(world)
    assert suppressed(world.store).forgot(PERSON.upper())
    assert not suppressed(world.store).forgot("bob@firm1.example")
    stop(world.store, {PERSON}, "again", world.at)
    assert not [row for row in rows(world.store, "suppressions") if "schmidt" in row["value"]]


def test_a_bounce_of_a_forgotten_business_counts_as_before(world: World) -> None:
    sent = world.sent_to(3)
    report = (
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n"
        f"From: mailer-daemon@relay.example\r\nTo: {sent.reply_to}\r\nReturn-Path: <>\r\nSubject: Undelivered\r\n\r\n"
        "--b\r\nContent-Type: text/plain\r\n\r\nIt failed.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; relay.example\r\n\r\nFinal-Recipient: rfc822; info@firm3.example\r\nAction: failed\r\n"
        "Status: 5.1.1\r\n--b--\r\n"
    )
    world.fake.answers(report.encode(), world.at)
    world.listen(todays_rules())
    before = {row["probe"]: row["bounced_at"] for row in facts(world)}
    assert any(before.values())
    asks(world, "info@firm3.example")
    assert {row["probe"]: row["bounced_at"] for row in facts(world)} == before


# --------------------------------------------------------------------------- sites and files
def everything(site: Path) -> str:
    import polars as pl

    tables = [pl.read_parquet(path).write_csv() for path in site.rglob("*.parquet")]
    return "\n".join(
        [*tables, *(path.read_bytes().decode("utf-8", "replace") for path in site.rglob("*") if path.is_file())]
    )


def test_a_site_is_made_anew_and_follows_from_its_data(world: World, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with app_of(world, names=True, quotes=True) as app:
        publish(app, site)
        assert "Firm 1" in everything(site)
        done = forget(app, FIRM, "asked", sites=[site])
    assert names_in(everything(site), FIRM, PERSON, NAME, "Firm 1", "firm-1") == []
    assert verify(site) == []
    assert done.files == ()


def test_a_file_that_names_the_person_still_is_named_with_its_line(world: World, tmp_path: Path) -> None:
    world.config.businesses.write_text(f"name,fake\nA,b@c.example\nFirm,{PERSON}\n", encoding="utf-8")
    site = tmp_path / "site"
    site.mkdir()
    (site / "old.html").write_text(f"<p>{NAME.upper()}</p>", encoding="utf-8")
    (site / "ok.html").write_text("<p>nobody</p>", encoding="utf-8")
    done = asks(world)
    assert done.files == (f"{world.config.businesses}, line 3", str(site / "old.html"))


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("Anna@Shop.Example", "anna@shop.example"),
        ("+49 (30) 123-4567", "+49301234567"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
    ],
)
def test_an_address_is_hashed_in_one_spelling(one: str, same: str) -> None:
    assert normal(one) == normal(same)
    assert digest(b"a" * 16, one) != digest(b"b" * 16, one)
    assert re.fullmatch("[0-9a-f]{32}", digest(b"a" * 16, one))


def test_a_mail_with_another_sender_is_not_erased_when_somebody_was_forgotten(world: World) -> None:
    asks(world)
    world.fake.answers(mail(to=world.sent_to(3).reply_to, sender="info@firm3.example"), world.at)
    world.listen(todays_rules())
    assert rows(world.store, "raw")
    assert [row["erased_at"] is None for row in rows(world.store, "raw")].count(True) == 2


# --------------------------------------------------------------------------- what a form left behind
def filled(folder: Path) -> World:
    """Two firms that were asked by a form: a picture of each, and one that both show alike."""
    made = World(folder, firms=2)
    for number in (1, 2):
        made.fake.ends(
            f"info@firm{number}.example", state="unknown", reason="no sign",
            signs=(f"info@firm{number}.example thanks you",),
            details={
                "final url": f"https://firm{number}.example/contact",
                f"field of info@firm{number}.example": f"firm{number}.example",
            },
            exhibits=(
                Exhibit(name="after.jpg", media_type="image/jpeg", data=f"picture of firm{number}.example".encode()),
                Exhibit(name="before.jpg", media_type="image/jpeg", data=b"an empty page"),
            ),
        )  # fmt: skip
    made.listen()
    made.send()
    return made


def test_a_forgotten_business_loses_its_pictures_and_what_its_form_said(tmp_path: Path) -> None:
    made = filled(tmp_path)
    assert names_in(on_disk(made), "firm1.example", "picture of firm1.example") != []
    done = asks(made, "info@firm1.example")
    assert (done.erased["exhibits"], done.unsearched) == (2, 2)
    assert faults(made) == []
    shown = {row["name"]: row["sha256"] for row in rows(made.store, "exhibits")[:2]}
    assert shown == {"after.jpg": None, "before.jpg": None}
    made.store.close()
    assert names_in(on_disk(made), "firm1.example", "picture of firm1") == []
    assert names_in(on_disk(made), "picture of firm2.example", "an empty page", "https://firm2.example/contact") == [
        "picture of firm2.example", "an empty page", "https://firm2.example/contact"
    ]  # fmt: skip


def test_evidence_says_of_an_erased_picture_that_it_was_erased_and_holds(tmp_path: Path) -> None:
    made = filled(tmp_path)
    asks(made, "info@firm1.example")
    probes = {row["id"] for row in rows(made.store, "probes")}
    with app_of(made) as app:
        paths = [write(app, probe, made.folder / f"{probe}.zip").path for probe in probes]
    lines = [line for path in paths for line in check_file(path)]
    assert [line for line in lines if not line.ok] == []
    assert sorted(line.detail for line in lines if line.what == "exhibits") == [
        "0, each with the hash on record; of 2 the content is erased or was too large",
        "2, each with the hash on record",
    ]


def test_what_signatures_proved_of_an_erased_mail_goes_with_it(world: World) -> None:
    with world.store.write() as connection:
        for arrival in (1, 2):
            connection.execute(
                ATTESTATIONS.insert().values(
                    arrival_id=arrival, method="dkim", domain=f"signer{arrival}.example", selector="s", result="pass",
                    reason="", key_name=f"s._domainkey.signer{arrival}.example", key="p=", fetched_at=world.at,
                )
            )  # fmt: skip
        connection.execute(ARRIVALS.update().values(attested_at=world.at))
    asks(world)
    assert only(rows(world.store, "attestations"))["domain"] == "signer2.example"
    assert faults(world) == []
    world.store.close()
    assert "signer1.example" not in on_disk(world)


@pytest.mark.parametrize(
    ("text", "stands"),
    [
        ("From=%2B493012345678&To=1", True),
        ("Body=Call+%2B49+30+1234+5678", True),
        ('{"from": "\\u002b49 (0)30 12345678"}', True),
        ("ring 2026 030-12345678 / 0171 99999999", True),
        ("0049 30 12345678", True),
        ("+14912345678", False),
        ("SM493012345678abc", True),
        ("+493112345678", False),
        ("+49 30 1234567", False),
    ],
)
def test_a_number_is_found_in_every_spelling_and_is_not_one_that_only_ends_alike(text: str, stands: bool) -> None:
    assert stands_in_told(text.encode(), Sought.of({"+493012345678"})) is stands
