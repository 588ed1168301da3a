"""Businesses and endpoints as they are imported, and those who are never to be contacted again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.policy import Suppressed
from monitor.store.engine import Store
from monitor.store.records import (
    CODE_LETTERS,
    ImportResult,
    import_businesses,
    stop,
    suppressed,
    suppressions,
    targets,
)
from tests.monitor.factories import CHANNEL, World, business, endpoint, fresh_store, rows
from tests.monitor.making import TUESDAY


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with fresh_store(tmp_path) as opened:
        yield opened


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, firms=0)


def addresses(store: Store) -> list[str]:
    return [target.address for target in targets(store, [CHANNEL])]


# --------------------------------------------------------------------------- import
def test_an_import_adds_businesses_with_their_endpoints(store: Store) -> None:
    done = import_businesses(store, [business(1), business(2)], TUESDAY)
    assert done == ImportResult(added=2, endpoints_added=2)
    assert addresses(store) == ["info@firm1.example", "info@firm2.example"]


def test_a_target_holds_what_was_imported(store: Store) -> None:
    row = business(
        1, sector="bikes", country="FR", group="chain", basis="consented", basis_proof="letter", fields={"a": "b"}
    )
    import_businesses(store, [row], TUESDAY)
    (target,) = targets(store, [CHANNEL])
    for name in ("name", "sector", "country", "language", "timezone", "group", "basis", "basis_proof", "fields"):
        assert getattr(target, name) == getattr(row, name), name
    assert (target.business, target.channel, target.scope) == ("firm-1", CHANNEL, "firm1.example")
    assert not target.control


def test_importing_the_same_again_changes_nothing(store: Store) -> None:
    import_businesses(store, [business(1)], TUESDAY)
    before = rows(store, "businesses"), rows(store, "endpoints")
    assert import_businesses(store, [business(1)], TUESDAY) == ImportResult(unchanged=1)
    assert (rows(store, "businesses"), rows(store, "endpoints")) == before


def test_a_changed_row_changes_the_business_and_not_its_published_code(store: Store) -> None:
    import_businesses(store, [business(1)], TUESDAY)
    code = rows(store, "businesses")[0]["code"]
    assert import_businesses(store, [business(1, name="New name")], TUESDAY) == ImportResult(changed=1)
    assert (rows(store, "businesses")[0]["name"], rows(store, "businesses")[0]["code"]) == ("New name", code)


def test_published_codes_differ_and_say_nothing_of_the_business(store: Store) -> None:
    import_businesses(store, [business(n) for n in range(1, 200)], TUESDAY)
    codes = [row["code"] for row in rows(store, "businesses")]
    assert len(set(codes)) == len(codes)
    assert all(len(code) == 6 and set(code) <= set(CODE_LETTERS) for code in codes)


def test_an_import_that_breaks_imports_nothing(store: Store) -> None:
    def breaking() -> Iterator[object]:
        yield business(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        import_businesses(store, breaking(), TUESDAY)  # type: ignore[arg-type]
    assert rows(store, "businesses") == []


def test_a_new_address_takes_the_place_of_the_old_one_on_its_channel(store: Store) -> None:
    both = (endpoint("old@firm1.example"), endpoint("+331", "bell"))
    import_businesses(store, [business(1, endpoints=both)], TUESDAY)
    done = import_businesses(store, [business(1, endpoints=(endpoint("new@firm1.example"),))], TUESDAY)
    assert done == ImportResult(changed=1, endpoints_added=1, endpoints_retired=1)
    assert addresses(store) == ["new@firm1.example"]
    assert [target.address for target in targets(store, ["bell"])] == ["+331"]


def test_an_address_that_is_named_again_comes_back(store: Store) -> None:
    for address in ("old@firm1.example", "new@firm1.example", "old@firm1.example"):
        import_businesses(store, [business(1, endpoints=(endpoint(address),))], TUESDAY)
    assert addresses(store) == ["old@firm1.example"]
    assert len(rows(store, "endpoints")) == 2


def test_what_was_still_to_be_sent_to_a_replaced_address_is_not_sent(world: World) -> None:
    world.imports(business(1))
    world.fake.defers()
    world.send()
    world.imports(business(1, endpoints=(endpoint("new@firm1.example"),)))
    assert world.states() == {"firm-1": "suppressed"}
    assert world.contacts()["firm-1"]["reason"] == "an import put another address in its place"


def test_targets_come_in_one_order_whatever_the_order_of_the_import(store: Store) -> None:
    import_businesses(store, [business(3), business(1), business(2)], TUESDAY)
    assert [target.business for target in targets(store, [CHANNEL])] == ["firm-1", "firm-2", "firm-3"]


def test_a_business_is_found_by_the_domains_that_are_its_own(store: Store) -> None:
    rows_in = [
        business(1, own_domains=("shop.co.uk", "mail.shop.co.uk"), endpoints=(endpoint("info@other.example"),)),
        business(2, own_domains=(), endpoints=(endpoint("firm2@gmail.com"),)),
    ]
    import_businesses(store, rows_in, TUESDAY)
    assert {row["domain"] for row in rows(store, "business_domains")} == {"shop.co.uk", "other.example"}
    import_businesses(store, [business(1, own_domains=(), endpoints=(endpoint("info@other.example"),))], TUESDAY)
    assert {row["domain"] for row in rows(store, "business_domains")} == {"other.example"}


# --------------------------------------------------------------------------- never again
def test_a_stopped_address_stops_its_business_on_every_channel(store: Store) -> None:
    import_businesses(store, [business(1), business(2)], TUESDAY)
    done = stop(store, ["info@firm1.example"], "they asked", TUESDAY)
    assert (done.new, done.businesses, done.contacts) == (True, ("firm-1",), 0)
    assert suppressed(store) == Suppressed(
        addresses=frozenset({"info@firm1.example"}), businesses=frozenset({"firm-1"})
    )


def test_a_shared_address_stops_every_business_that_has_it(store: Store) -> None:
    import_businesses(store, [business(n, endpoints=(endpoint("desk@group.example"),)) for n in (1, 2)], TUESDAY)
    assert stop(store, ["desk@group.example"], "they asked", TUESDAY).businesses == ("firm-1", "firm-2")


def test_an_address_that_nobody_has_is_stopped_all_the_same(store: Store) -> None:
    done = stop(store, [" Someone@Else.example "], "they asked", TUESDAY)
    assert done.new
    assert "someone@else.example" in suppressed(store).addresses


def test_a_mail_domain_is_stopped_as_a_whole(store: Store) -> None:
    import_businesses(store, [business(1)], TUESDAY)
    stop(store, ["firm1.example"], "they asked", TUESDAY)
    assert suppressed(store) == Suppressed(scopes=frozenset({"firm1.example"}))


@pytest.mark.parametrize(
    ("asked", "address"),
    [
        ("firm1.example", "info@firm1.example"),
        ("@Firm1.example.", "info@firm1.example"),
        ("firm1.example", "info@mail.firm1.example"),
        ("Müller.example", "info@xn--mller-kva.example"),
        ("info@müller.example", "info@xn--mller-kva.example"),
    ],
    ids=["domain", "as people write it", "domain above", "letters beyond ASCII", "address beyond ASCII"],
)
@pytest.mark.parametrize("first", ["stopped", "imported"])
def test_a_stop_holds_whether_or_not_anybody_is_known_there_yet(
    world: World, asked: str, address: str, first: str
) -> None:
    if first == "stopped":
        stop(world.store, [asked], "they asked", world.now())
    world.imports(business(1, endpoints=(endpoint(address),)))
    if first == "imported":
        stop(world.store, [asked], "they asked", world.now())
    world.send()
    assert world.fake.sent == []
    assert world.states() == {"firm-1": "suppressed"}


def test_stopping_twice_is_one_entry_with_the_first_reason(store: Store) -> None:
    assert stop(store, ["a@b.example"], "first", TUESDAY).new
    assert not stop(store, ["a@b.example"], "second", TUESDAY).new
    assert [(entry.what, entry.value, entry.why) for entry in suppressions(store)] == [
        ("address", "a@b.example", "first")
    ]


@pytest.mark.parametrize(
    "asked", ["info@firm1.example", "firm1.example", "example"], ids=["address", "domain", "domain above"]
)
def test_what_waits_to_be_sent_is_held_back_by_a_stop(world: World, asked: str) -> None:
    subdomain = endpoint("info@firm1.example")
    world.imports(business(1, endpoints=(subdomain,)), business(2, endpoints=(endpoint("a@else.test"),)))
    if asked == "example":  # a scope that somebody has, so that it is taken for one
        world.imports(business(3, endpoints=(endpoint("x@example"),)))
    world.fake.defers("*", times=9)
    world.send()
    stop(world.store, [asked], "they asked", world.now())
    assert world.states() | {"firm-3": ""} == {"firm-1": "suppressed", "firm-2": "deferred", "firm-3": ""}
    assert world.contacts()["firm-1"]["reason"] == "they asked"


def test_what_was_sent_stays_sent_after_a_stop(world: World) -> None:
    world.imports(business(1)).send()
    assert stop(world.store, ["info@firm1.example"], "they asked", world.now()).contacts == 0
    assert world.states() == {"firm-1": "sent"}
