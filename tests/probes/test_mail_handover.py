from __future__ import annotations

import pytest

from probes.loader import load
from probes.mail.handover import DEADLINE, judge, queue_id
from probes.mail.session import Lacking, Lost, Refused, Step
from probes.mail.transcript import Transcript

BEFORE_THE_DOT = [step for step in Step if step is not Step.DOT]


@pytest.mark.parametrize("relay", [True, False])
@pytest.mark.parametrize("step", list(Step))
def test_only_what_was_lost_from_the_final_dot_on_is_unknown(step: Step, relay: bool) -> None:
    state = judge(Lost(step, "cut"), relay=relay).state
    assert state == ("unknown" if step is Step.DOT else "deferred")


@pytest.mark.parametrize("relay", [True, False])
@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize("code", [400, 421, 450, 451, 499])
def test_a_definite_4xx_is_deferred_wherever_it_comes(step: Step, code: int, relay: bool) -> None:
    assert judge(Refused(step, code, ""), relay=relay).state == "deferred"


@pytest.mark.parametrize("step", [step for step in Step if step not in {Step.TLS, Step.AUTH}])
@pytest.mark.parametrize("code", [500, 550, 554, 599])
def test_a_definite_5xx_is_not_sent(step: Step, code: int) -> None:
    for relay in (True, False):
        assert judge(Refused(step, code, ""), relay=relay).state == "not_sent"


@pytest.mark.parametrize("step", [Step.TLS, Step.AUTH])
def test_our_own_log_in_and_tls_say_nothing_of_the_recipient(step: Step) -> None:
    assert judge(Refused(step, 535, "wrong password"), relay=True).state == "deferred"
    assert judge(Lacking(step, "not offered"), relay=True).state == "deferred"


def test_what_the_server_cannot_do_for_this_mail_is_not_sent() -> None:
    assert judge(Lacking(Step.MAIL, "no SMTPUTF8"), relay=False).state == "not_sent"


@pytest.mark.parametrize(
    ("reply", "name"),
    [
        ("250 2.0.0 Ok: queued as 4F2A91B7C3", "4F2A91B7C3"),
        ("250 2.0.0 Ok: queued as 4ZxYk93Tbbz9sRV", "4ZxYk93Tbbz9sRV"),
        ("250 OK id=1qXyZa-0001Ab-2c", "1qXyZa-0001Ab-2c"),
        ("250 2.0.0 3AB1cDeF012345 Message accepted for delivery", "3AB1cDeF012345"),
        (
            "250 2.6.0 <a@b.example> [InternalId=7430821, Hostname=X.example] 9 bytes, Queued mail for delivery",
            "7430821",
        ),
        ("250 Ok 0102018cab3f1e2d-5c1f7a-000000", "0102018cab3f1e2d-5c1f7a-000000"),
        ("250 ok 1700000000 qp 12345", "1700000000 qp 12345"),
        ("250 2.0.0 OK 1700000000 a1-20020a17b906sor.12 - gsmtp", "a1-20020a17b906sor.12"),
        ("250 thank you", None),
        ("250 Message accepted for delivery", None),
        ("250 OK", None),
    ],
)
def test_the_servers_name_for_the_mail_is_read_where_there_is_one(reply: str, name: str | None) -> None:
    assert queue_id(reply) == name


def test_a_hand_over_ends_before_it_counts_as_crashed() -> None:
    assert load("email").description.time_limit.total_seconds() > DEADLINE + 60


def test_a_transcript_is_bounded_and_shows_no_secret_and_no_control_character() -> None:
    transcript = Transcript()
    transcript.hide("hunter2")
    transcript.note("S", "you said hunter2\x1b[31m")
    assert str(transcript) == r"S: you said ***\x1b[31m"
    for _ in range(10_000):
        transcript.note("S", "x" * 100)
    assert len(str(transcript)) <= 65_536
