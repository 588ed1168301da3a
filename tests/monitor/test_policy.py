"""What policy refuses, in which order, and until when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.facts import Allowed, Contacted, Due, Refused
from monitor.policy import Suppressed, decide
from monitor.studies import PolicySettings
from tests.monitor.making import ALL_BASES, TUESDAY, due, policy

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def ask(
    *dues: Due,
    rules: PolicySettings | None = None,
    contacted: Sequence[Contacted] = (),
    suppressed: Suppressed | None = None,
    now: datetime = TUESDAY,
    **more: Any,
) -> list[Allowed | Refused]:
    given: dict[str, Any] = {"bases": ALL_BASES} | more
    return decide(
        dues,
        settings=rules or policy(),
        contacted=contacted,
        suppressed=suppressed or Suppressed(),
        now=now,
        **given,
    )


def refused(decision: Allowed | Refused) -> Refused:
    assert isinstance(decision, Refused), decision
    return decision


def told(decisions: Sequence[Allowed | Refused]) -> list[str]:
    return [d.rule if isinstance(d, Refused) else "allowed" for d in decisions]


def contact(at: datetime, address: str = "info@firm1.example", **change: Any) -> Contacted:
    given: dict[str, Any] = {"scope": address.rpartition("@")[2], "group": None, "study": "other"}
    return Contacted(address=address, at=at, **(given | change))


def test_what_nothing_speaks_against_is_allowed() -> None:
    (decision,) = ask(due())
    assert decision == Allowed(due=due())


# --------------------------------------------------------------------------- for good
def test_a_basis_that_the_channel_does_not_take_is_refused_for_good() -> None:
    no = refused(ask(due(), bases={"post": frozenset({"own", "consented"})})[0])
    assert (no.rule, no.until) == ("basis", None)
    assert no.reason == "the basis public_enquiry is not enough for post (bases it takes: consented, own)"


def test_a_channel_that_says_nothing_of_bases_takes_none() -> None:
    assert told(ask(due(), bases={})) == ["basis"]


@pytest.mark.parametrize("basis", ["consented", "authority"])
@pytest.mark.parametrize("proof", [None, "", "  "])
def test_consent_and_mandate_need_their_proof_on_record(basis: str, proof: str | None) -> None:
    no = refused(ask(due(where={"basis": basis, "basis_proof": proof}))[0])
    assert (no.rule, no.until) == ("basis_proof", None)


@pytest.mark.parametrize("basis", ["consented", "authority"])
def test_with_its_proof_it_is_allowed(basis: str) -> None:
    assert told(ask(due(where={"basis": basis, "basis_proof": "letter of 3 May, J. Roe"}))) == ["allowed"]


@pytest.mark.parametrize(
    ("stop", "word"),
    [
        (Suppressed(addresses=frozenset({"info@firm1.example"})), "info@firm1.example"),
        (Suppressed(scopes=frozenset({"firm1.example"})), "firm1.example"),
        (Suppressed(businesses=frozenset({"firm-1"})), "firm-1"),
    ],
)
def test_a_stop_request_counts_by_address_destination_and_business(stop: Suppressed, word: str) -> None:
    first, second = ask(due(1), due(2), suppressed=stop)
    assert (refused(first).rule, refused(first).until) == ("suppressed", None)
    assert refused(first).reason == f"{word} asked never to be contacted again"
    assert isinstance(second, Allowed)


def test_a_stop_for_a_domain_covers_those_below_it_and_not_its_namesakes() -> None:
    stop = Suppressed(scopes=frozenset({"firm.example"}))
    below = due(where={"scope": "mail.firm.example"})
    namesake = due(2, where={"scope": "otherfirm.example"})
    assert told(ask(below, namesake, suppressed=stop)) == ["suppressed", "allowed"]


@pytest.mark.parametrize("entry", ["info@firm1.example", "firm1.example", "@firm1.example", "FIRM1.example", "example"])
def test_the_refuse_list_takes_addresses_and_domains(entry: str) -> None:
    no = refused(ask(due(), rules=policy(refuse=[entry]))[0])
    assert (no.rule, no.until) == ("refuse_list", None)


@pytest.mark.parametrize(
    "entry", ["Info@Müller.example", "müller.example", "@MÜLLER.example.", "xn--mller-kva.example"]
)
def test_the_refuse_list_knows_a_domain_beyond_ascii_however_it_is_written(entry: str) -> None:
    where = {"address": "info@xn--mller-kva.example", "scope": "xn--mller-kva.example"}
    assert told(ask(due(where=where), rules=policy(refuse=[entry]))) == ["refuse_list"]


def test_the_refuse_list_refuses_nobody_else() -> None:
    assert told(ask(due(), rules=policy(refuse=["sales@firm1.example", "irm1.example"]))) == ["allowed"]


# --------------------------------------------------------------------------- cool-down and yearly cap
@pytest.mark.parametrize("basis", ["public_enquiry", "authority"])
def test_an_address_rests_between_contacts_of_any_study(basis: str) -> None:
    dues = due(where={"basis": basis, "basis_proof": "law 7"})
    rules = policy(cooldown="90d")
    last = contact(TUESDAY - 30 * DAY, study="another study")
    no = refused(ask(dues, rules=rules, contacted=[last])[0])
    assert (no.rule, no.until) == ("cooldown", TUESDAY + 60 * DAY)
    assert no.reason == "info@firm1.example is contacted once in 90 days at most"
    assert told(ask(dues, rules=rules, contacted=[contact(TUESDAY - 90 * DAY)])) == ["allowed"]
    assert told(ask(dues, rules=rules, contacted=[contact(TUESDAY, "info@firm2.example")])) == ["allowed"]


@pytest.mark.parametrize("basis", ["own", "consented"])
def test_own_and_consented_businesses_follow_the_study_s_own_cadence(basis: str) -> None:
    dues = due(where={"basis": basis, "basis_proof": "contract"})
    earlier = [contact(TUESDAY - n * HOUR) for n in range(1, 9)]
    assert told(ask(dues, rules=policy(cooldown="90d", yearly_cap=1), contacted=earlier)) == ["allowed"]


def test_two_businesses_that_share_an_address_share_its_cool_down() -> None:
    shared = {"address": "desk@group.example", "scope": "group.example"}
    first, second = due(1, where=shared), due(2, TUESDAY + HOUR, where=shared)
    assert told(ask(first, second, rules=policy(cooldown="90d"))) == ["allowed", "cooldown"]


def test_a_contact_planned_for_later_counts_towards_the_cool_down() -> None:
    coming = contact(TUESDAY + 10 * DAY)
    no = refused(ask(due(), rules=policy(cooldown="90d"), contacted=[coming])[0])
    assert (no.rule, no.until) == ("cooldown", TUESDAY + 100 * DAY)


def test_an_address_has_a_yearly_cap_over_all_studies() -> None:
    earlier = [contact(TUESDAY - n * DAY, study=f"s{n}") for n in (300, 200, 100)]
    no = refused(ask(due(), rules=policy(yearly_cap=3), contacted=earlier)[0])
    assert (no.rule, no.until) == ("yearly_cap", TUESDAY + 65 * DAY)
    assert told(ask(due(), rules=policy(yearly_cap=4), contacted=earlier)) == ["allowed"]
    assert told(ask(due(), rules=policy(yearly_cap=3), contacted=[contact(TUESDAY - 365 * DAY), *earlier[1:]])) == [
        "allowed"
    ]


def test_contacts_planned_for_later_count_towards_the_yearly_cap() -> None:
    around = [contact(TUESDAY + n * DAY) for n in (-100, 100, 200)]
    no = refused(ask(due(), rules=policy(yearly_cap=3), contacted=around)[0])
    assert (no.rule, no.until) == ("yearly_cap", TUESDAY + 265 * DAY)


# --------------------------------------------------------------------------- quiet times
NIGHT = policy(quiet_start="20:00", quiet_end="08:00")


@pytest.mark.parametrize(
    ("zone", "at", "until"),
    [
        # 20:00 counts, 19:59 does not; the night crosses midnight
        ("Europe/Paris", "2026-12-01T19:00", "2026-12-02T07:00"),
        ("Europe/Paris", "2026-12-01T18:59", None),
        ("Europe/Paris", "2026-12-02T06:59", "2026-12-02T07:00"),
        ("Europe/Paris", "2026-12-02T07:00", None),
        # the same moment, elsewhere
        ("America/New_York", "2026-12-01T19:00", None),
        ("Asia/Kathmandu", "2026-12-01T19:00", "2026-12-02T02:15"),
        # across both changes of the clock
        ("Europe/Paris", "2026-03-28T22:00", "2026-03-29T06:00"),
        ("Europe/Paris", "2026-10-24T22:00", "2026-10-25T07:00"),
        ("Australia/Lord_Howe", "2026-10-03T15:00", "2026-10-03T21:00"),
    ],
)
def test_quiet_hours_are_those_of_the_business_and_cross_midnight(zone: str, at: str, until: str | None) -> None:
    now = datetime.fromisoformat(at).replace(tzinfo=UTC)
    (decision,) = ask(due(at=now, where={"timezone": zone}), rules=NIGHT, now=now)
    if until is None:
        assert isinstance(decision, Allowed)
    else:
        no = refused(decision)
        assert (no.rule, no.until) == ("quiet_hours", datetime.fromisoformat(until).replace(tzinfo=UTC))


def test_quiet_hours_that_end_in_a_skipped_hour_end_at_the_change() -> None:
    now = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)  # 01:30 in Paris; 02:00 to 03:00 does not come
    rules = policy(quiet_start="22:00", quiet_end="02:30")
    no = refused(ask(due(at=now, where={"timezone": "Europe/Paris"}), rules=rules, now=now)[0])
    assert no.until == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_quiet_hours_in_an_hour_that_comes_twice_end_at_its_second_end() -> None:
    now = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10 in Paris, for the second time
    rules = policy(quiet_start="22:00", quiet_end="02:30")
    no = refused(ask(due(at=now, where={"timezone": "Europe/Paris"}), rules=rules, now=now)[0])
    assert no.until == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_a_quiet_day_ends_at_midnight_whatever_the_quiet_hours() -> None:
    saturday = datetime(2026, 12, 5, 9, tzinfo=UTC)
    rules = policy(quiet_days=["sat"], quiet_start="12:00", quiet_end="14:00")
    no = refused(ask(due(at=saturday), rules=rules, now=saturday)[0])
    assert no.until == datetime(2026, 12, 6, tzinfo=UTC)


def test_quiet_hours_within_a_day_are_quiet_within_it_alone() -> None:
    rules = policy(quiet_start="12:00", quiet_end="14:00")
    found = told(ask(*(due(n, TUESDAY.replace(hour=hour)) for n, hour in enumerate([11, 12, 13, 14])), rules=rules))
    assert found == ["allowed", "quiet_hours", "quiet_hours", "allowed"]


def test_quiet_days_begin_and_end_at_the_business_s_midnight() -> None:
    rules = policy(quiet_days=["sat", "sun"])
    friday_night = datetime(2026, 12, 4, 23, 30, tzinfo=UTC)  # Saturday in Paris
    paris, london = (
        due(n, friday_night, where={"timezone": z}) for n, z in enumerate(["Europe/Paris", "Europe/London"])
    )
    first, second = ask(paris, london, rules=rules, now=friday_night)
    assert (refused(first).rule, refused(first).until) == ("quiet_day", datetime(2026, 12, 6, 23, tzinfo=UTC))
    assert isinstance(second, Allowed)


# --------------------------------------------------------------------------- caps
def test_the_daily_cap_counts_all_studies_and_the_utc_day() -> None:
    rules = policy(daily_cap=3)
    earlier = [contact(TUESDAY.replace(hour=0), "a@b.example"), contact(TUESDAY - DAY, "c@d.example")]
    decisions = ask(due(1), due(2), due(3), rules=rules, contacted=earlier)
    assert told(decisions) == ["allowed", "allowed", "daily_cap"]
    assert refused(decisions[2]).until == datetime(2026, 12, 2, tzinfo=UTC)


def test_a_destination_has_a_cap_of_its_own() -> None:
    dues = [due(n, where={"address": f"shop{n}@mall.example", "scope": "mall.example"}) for n in range(3)]
    assert told(ask(*dues, due(9), rules=policy(per_scope_daily_cap=2))) == [
        "allowed", "allowed", "scope_cap", "allowed",
    ]  # fmt: skip


def test_a_group_has_a_cap_of_its_own_and_no_group_has_none() -> None:
    dues = [due(n, where={"group": group}) for n, group in enumerate(["acme", None, "acme", None, None])]
    assert told(ask(*dues, rules=policy(per_group_daily_cap=1))) == [
        "allowed", "allowed", "group_cap", "allowed", "allowed",
    ]  # fmt: skip


def test_probes_that_fall_due_later_are_judged_on_their_own_day() -> None:
    dues = [due(n, TUESDAY + n // 2 * DAY) for n in range(6)]
    assert told(ask(*dues, rules=policy(daily_cap=1))) == ["allowed", "daily_cap"] * 3


# --------------------------------------------------------------------------- order, until, ends
def test_the_rules_are_asked_in_the_order_that_is_written_down() -> None:
    night = datetime(2026, 12, 5, 23, tzinfo=UTC)
    full = [contact(night - n * HOUR, scope="firm1.example", group="acme") for n in range(1, 5)]
    strict: dict[str, Any] = {
        "refuse": ["firm1.example"], "yearly_cap": 1, "cooldown": "90d", "quiet_days": ["sat"], "quiet_start": "20:00",
        "quiet_end": "08:00", "daily_cap": 1, "per_scope_daily_cap": 1, "per_group_daily_cap": 1,
    }  # fmt: skip
    where: dict[str, Any] = {"basis": "authority", "group": "acme"}
    stop = Suppressed(businesses=frozenset({"firm-1"}))
    bases: dict[str, frozenset[str]] = {}
    seen = []
    # Each refusal is told, its cause removed, and the next one asked for.
    for _ in range(13):
        probe = due(at=night, where=where, reply_address="")
        (decision,) = ask(probe, rules=policy(**strict), contacted=full, suppressed=stop, now=night, bases=bases)
        rule = told([decision])[0]
        seen.append(rule)
        match rule:
            case "basis":
                bases = ALL_BASES
            case "basis_proof":
                where |= {"basis_proof": "law 7"}
            case "suppressed":
                stop = Suppressed()
            case "refuse_list":
                del strict["refuse"]
            case "yearly_cap" | "cooldown":
                del strict[rule]
            case "quiet_day":
                del strict["quiet_days"]
            case "quiet_hours":
                del strict["quiet_start"], strict["quiet_end"]
            case "daily_cap":
                del strict["daily_cap"]
            case "scope_cap" | "group_cap":
                del strict[f"per_{rule.split('_')[0]}_daily_cap"]
            case _:
                break
    assert seen == [
        "basis", "basis_proof", "suppressed", "refuse_list", "yearly_cap", "cooldown", "quiet_day", "quiet_hours",
        "daily_cap", "scope_cap", "group_cap", "no_address",
    ]  # fmt: skip


def test_until_is_when_every_rule_is_content_not_only_the_first() -> None:
    # The cap frees the next UTC day, a Saturday; then comes Sunday, then the night before Monday.
    friday = datetime(2026, 12, 4, 15, tzinfo=UTC)
    rules = policy(daily_cap=1, quiet_days=["sat", "sun"], quiet_start="20:00", quiet_end="08:00")
    no = refused(ask(due(at=friday), rules=rules, contacted=[contact(friday, "x@y.example")], now=friday)[0])
    assert (no.rule, no.until) == ("daily_cap", datetime(2026, 12, 7, 8, tzinfo=UTC))


def test_where_the_study_ends_before_it_may_be_sent_waiting_is_no_use() -> None:
    earlier = [contact(TUESDAY, "x@y.example")]
    rules = policy(daily_cap=1)
    midnight = datetime(2026, 12, 2, tzinfo=UTC)
    no = refused(ask(due(), rules=rules, contacted=earlier, ends={"sector": midnight})[0])
    assert no.until is None
    assert no.reason == "1 contacts on 2026-12-01 (UTC) are the most in a day; the study ends before that"
    for ends in ({"sector": midnight + HOUR}, {"sector": None}, {"other": midnight}):
        assert refused(ask(due(), rules=rules, contacted=earlier, ends=ends)[0]).until == midnight


def test_nothing_is_sent_once_the_study_has_ended_however_early_it_was_due() -> None:
    for end in (TUESDAY, TUESDAY - 3 * DAY):
        no = refused(ask(due(at=TUESDAY - 9 * DAY), now=TUESDAY, ends={"sector": end})[0])
        assert (no.rule, no.until) == ("ended", None)
    for ends in ({"sector": TUESDAY + HOUR}, {"sector": None}, {"other": TUESDAY}):
        assert told(ask(due(at=TUESDAY - 9 * DAY), now=TUESDAY, ends=ends)) == ["allowed"]


def test_without_a_free_mailbox_a_probe_waits() -> None:
    no = refused(ask(due(reply_address=""))[0])
    assert no.rule == "no_address"
    assert no.until == TUESDAY + HOUR
    assert no.reason == "every ready mailbox of main has served a probe; add mailboxes to its file"


def test_the_mailbox_of_a_refused_probe_goes_to_the_next_that_has_none() -> None:
    stopped = due(1, reply_address="ready@box.example", message_id="<a1@box.example>")
    waiting, last = (due(n, reply_address="", message_id=f"<a{n}@other.example>") for n in (2, 3))
    decisions = ask(stopped, waiting, last, suppressed=Suppressed(businesses=frozenset({"firm-1"})))
    assert told(decisions) == ["suppressed", "allowed", "no_address"]
    assert decisions[1].due.reply_address == "ready@box.example"
    assert decisions[1].due.message_id == "<a2@box.example>"


# --------------------------------------------------------------------------- what holds whatever comes
ZONES = ["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]
MOMENTS = st.integers(0, 500 * 24 * 4).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + n * timedelta(minutes=15))
PLACES = st.fixed_dictionaries(
    {
        "address": st.sampled_from(["a@one.example", "b@one.example", "c@two.example"]),
        "group": st.sampled_from([None, "g", "h"]),
        "timezone": st.sampled_from(ZONES),
        "basis": st.sampled_from(["own", "public_enquiry", "authority"]),
        "basis_proof": st.just("proof"),
    }
).map(lambda p: p | {"scope": str(p["address"]).rpartition("@")[2]})
RULES = st.fixed_dictionaries(
    {
        "daily_cap": st.integers(1, 4),
        "per_scope_daily_cap": st.integers(1, 3),
        "per_group_daily_cap": st.integers(1, 3),
        "yearly_cap": st.integers(1, 3),
        "cooldown": st.sampled_from(["0d", "1d", "90d"]),
        "quiet_start": st.sampled_from(["20:00", "00:00", "12:15"]),
        "quiet_end": st.sampled_from(["08:00", "00:00", "14:30", "02:30"]),
        "quiet_days": st.sampled_from([[], ["sat", "sun"], ["mon", "tue", "wed", "thu", "fri", "sat"]]),
    }
)


@given(
    places=st.lists(st.tuples(MOMENTS, PLACES), max_size=25),
    before=st.lists(st.tuples(MOMENTS, st.sampled_from(["a@one.example", "c@two.example"])), max_size=6),
    rules=RULES,
    now=MOMENTS,
    ordered=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_no_cap_is_ever_exceeded_and_nothing_goes_out_in_quiet_hours(
    places: list[tuple[datetime, dict[str, Any]]],
    before: list[tuple[datetime, str]],
    rules: dict[str, Any],
    now: datetime,
    ordered: bool,
) -> None:
    limits = policy(**rules)
    earlier = [contact(at, address) for at, address in before]
    dues = [
        due(n, at, where=place)
        for n, (at, place) in enumerate(sorted(places, key=lambda p: p[0]) if ordered else places)
    ]
    decisions = ask(*dues, rules=limits, contacted=earlier, now=now)
    assert [d.due for d in decisions] == dues

    # An audit of its own: what is sent, when, and each limit counted afresh.
    sent = [(max(now, d.due.due), d.due.target) for d in decisions if isinstance(d, Allowed)]
    days = Counter(c.at.date() for c in earlier)
    scopes = Counter((c.scope, c.at.date()) for c in earlier)
    new_days = days + Counter(at.date() for at, _ in sent)
    new_scopes = scopes + Counter((t.scope, at.date()) for at, t in sent)
    groups = Counter((t.group, at.date()) for at, t in sent if t.group)
    assert all(new_days[at.date()] <= max(limits.daily_cap, days[at.date()]) for at, _ in sent)
    assert all(days[at.date()] < limits.daily_cap for at, _ in sent)
    assert all(new_scopes[t.scope, at.date()] <= limits.per_scope_daily_cap for at, t in sent)
    assert all(count <= limits.per_group_daily_cap for count in groups.values())
    for at, target in sent:
        local = at.astimezone(ZoneInfo(target.timezone))
        assert local.strftime("%a").lower() not in limits.quiet_days
        clock, start, end = local.strftime("%H:%M"), rules["quiet_start"], rules["quiet_end"]
        if start < end:
            assert not start <= clock < end
        elif start > end:
            assert end <= clock < start
    for address in {t.address for _, t in sent}:
        every = sorted(
            [(at, t.basis) for at, t in sent if t.address == address]
            + [(c.at, "") for c in earlier if c.address == address]
        )
        for at, basis in every:
            if basis in {"public_enquiry", "authority"}:
                # When it was allowed it kept its distance from all that were there; own contacts may come after.
                rationed = [other for other, kind in every if kind != "own" and other != at]
                assert all(abs(at - other) >= limits.cooldown for other in rationed)
        times = [at for at, kind in every if kind in {"public_enquiry", "authority"}]
        assert all(
            later - first >= timedelta(days=365)
            for first, later in zip(times, times[limits.yearly_cap :], strict=False)
        )


@given(
    place=PLACES,
    at=MOMENTS,
    now=MOMENTS,
    rules=RULES,
    before=st.lists(st.tuples(MOMENTS, st.sampled_from(["a@one.example", "c@two.example"])), max_size=8),
)
@settings(max_examples=300, deadline=None)
def test_what_is_refused_until_a_moment_is_allowed_at_that_moment(
    place: dict[str, Any], at: datetime, now: datetime, rules: dict[str, Any], before: list[tuple[datetime, str]]
) -> None:
    earlier = [contact(when, address, group="g") for when, address in before]
    (decision,) = ask(due(at=at, where=place), rules=policy(**rules), contacted=earlier, now=now)
    if isinstance(decision, Refused):
        assert decision.until is not None
        assert decision.until > max(at, now)
        assert told(ask(due(at=at, where=place), rules=policy(**rules), contacted=earlier, now=decision.until)) == [
            "allowed"
        ]
        # ... and at no sampled moment before
        step = max(timedelta(minutes=15), (decision.until - max(at, now)) / 60)
        moment = max(at, now)
        while moment < decision.until:
            assert told(ask(due(at=at, where=place), rules=policy(**rules), contacted=earlier, now=moment)) != [
                "allowed"
            ]
            moment += step


def test_contacts_that_are_close_together_are_told_apart_in_any_order() -> None:
    moments = [TUESDAY + n * DAY for n in (0, 200, 100)]
    decisions = ask(
        *(due(n, at, where={"address": "a@b.example"}) for n, at in enumerate(moments)), rules=policy(cooldown="90d")
    )
    assert told(decisions) == ["allowed"] * 3
    assert all(b - a >= 90 * DAY for a, b in pairwise(sorted(moments)))


def test_a_channel_has_a_cap_of_its_own_that_the_config_may_change() -> None:
    channel = due().target.channel
    earlier = [contact(TUESDAY, f"info@other{n}.example", channel=channel) for n in range(3)]
    assert told(ask(due(), contacted=earlier, caps={channel: 3})) == ["channel_cap"]
    assert told(ask(due(), contacted=earlier, caps={channel: 4})) == ["allowed"]
    assert told(ask(due(), contacted=earlier, caps={"another": 1})) == ["allowed"]
    looser = policy(channel_daily_caps={channel: 9})
    assert told(ask(due(), contacted=earlier, caps={channel: 3}, rules=looser)) == ["allowed"]
