"""The forms of the sandbox, in a real browser: each ends as it must, and what is handed in is handed in once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from probes.sandbox.websites import Site, Submission, WebSites
from probes.testing import SAMPLE
from tests.wire.forming import channel, sent

pytestmark = [pytest.mark.wire, pytest.mark.usefixtures("chromium")]

ENDS = {
    ("plain", "en"): "sent", ("plain", "fr"): "sent", ("plain", "vi"): "sent", ("plain", "zh"): "sent",
    ("linked", "en"): "sent", ("ajax", "en"): "sent", ("ajax", "vi"): "sent", ("two_step", "en"): "sent",
    ("two_step", "zh"): "sent", ("iframe", "en"): "sent", ("honeypot", "fr"): "sent", ("redirect", "en"): "sent",
    ("marketplace", "en"): "sent", ("drops", "en"): "sent", ("captcha", "en"): "blocked", ("robots", "en"): "blocked",
    ("refuses", "en"): "not_sent", ("refuses", "fr"): "not_sent", ("refuses", "vi"): "not_sent",
    ("refuses", "zh"): "not_sent",
}  # fmt: skip
SITES = {
    key: Site(key="-".join(key), host=f"{key[0].replace('_', '-')}.{key[1]}.shop.example", name="Shop", form=key[0],
              language=key[1])
    for key in ENDS
}  # fmt: skip


class World:
    def __init__(self) -> None:
        self.taken: list[Submission] = []
        self.sites = WebSites(SITES.values(), self.taken.append)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World()
    with made.sites:
        yield made


@pytest.fixture(scope="module")
def forms(world: World) -> Iterator[Any]:
    with channel(world.sites.port) as wire:
        yield wire


@pytest.mark.parametrize("key", ENDS, ids="-".join)
def test_a_form_of_the_sandbox_ends_as_it_must_and_is_handed_in_once(
    key: tuple[str, str], world: World, forms: Any
) -> None:
    world.taken.clear()
    dropped = world.sites.dropped
    receipt = sent(forms, SITES[key].url)
    assert receipt.state == ENDS[key], (receipt.reason, receipt.transcript, dict(receipt.details))
    takes = receipt.state == "sent" and key[0] != "drops"
    assert [one.typed["message"].split() for one in world.taken] == [SAMPLE.body.split()] * takes
    assert world.sites.dropped - dropped == (key[0] == "drops")
    if takes:
        assert world.taken[0].typed["mail"] == SAMPLE.reply_to
        assert receipt.accepted_by == "form"
        assert len(receipt.signs) >= 2
        assert [one.name for one in receipt.exhibits] == ["before.jpg", "after.jpg"]
        assert all(one.data.startswith(b"\xff\xd8") for one in receipt.exhibits)
    else:
        assert receipt.reason


def test_what_was_ticked_and_chosen_is_in_the_receipt_and_the_newsletter_never(world: World, forms: Any) -> None:
    receipt = sent(forms, SITES["marketplace", "en"].url)
    assert receipt.details["topic: topic"] == "chosen: Repair and service"
    assert receipt.details["consent: consent"].startswith("ticked: I agree that my data")
    assert not any("news" in key for key in receipt.details)
    assert receipt.details["final url"].endswith("/contact")
    assert "Thank you" in receipt.details["said afterwards"]


def test_a_home_page_leads_to_the_contact_page_and_the_receipt_says_so(forms: Any) -> None:
    receipt = sent(forms, SITES["linked", "en"].url)
    assert receipt.details["found at"] == "http://linked.en.shop.example/contact"
