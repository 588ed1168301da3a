"""Forms of a form builder that is not ours (Wagtail): the mail that it writes proves that `sent` was true."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from probes.testing import SAMPLE
from tests.wire.forming import channel, sent

pytestmark = [pytest.mark.wire, pytest.mark.usefixtures("chromium")]
ROOT = Path(__file__).parent.parent.parent


@dataclass
class Wagtail:
    port: int
    folder: Path

    def mails(self) -> list[EmailMessage]:
        """Every mail that the site has written, oldest first."""
        files = sorted((self.folder / "mails").glob("*"), key=lambda path: path.stat().st_mtime_ns)
        found = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in files]
        return [one for one in found if isinstance(one, EmailMessage)]


@pytest.fixture(scope="module")
def wagtail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wagtail]:
    pytest.importorskip("wagtail", reason="Wagtail is not installed (extra `dev`)")
    folder = tmp_path_factory.mktemp("wagtail")
    with subprocess.Popen(
        [sys.executable, "-m", "tests.wire.wagtail_site.serve", str(folder)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.strip().isdigit(), "the Wagtail site did not start"
            yield Wagtail(int(line), folder)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def forms(wagtail: Wagtail) -> Iterator[Any]:
    with channel(wagtail.port) as wire:
        yield wire


def test_a_sent_enquiry_is_in_the_mail_that_the_site_writes(wagtail: Wagtail, forms: Any) -> None:
    before = len(wagtail.mails())
    receipt = sent(forms, "http://shop.example/contact/")
    assert receipt.state == "sent", (receipt.reason, receipt.transcript)
    (mail,) = wagtail.mails()[before:]
    text = mail.get_content()
    assert SAMPLE.reply_to in text
    assert "are you open on Monday?" in text
    assert receipt.details["consent: i_agree_that_my_data_are_processed_to_answer_this_enquiry"].startswith("ticked")


def test_a_form_that_asks_for_what_we_do_not_have_gets_nothing(wagtail: Wagtail, forms: Any) -> None:
    before = len(wagtail.mails())
    receipt = sent(forms, "http://shop.example/strict/")
    assert (receipt.state, len(wagtail.mails())) == ("blocked", before)
    assert "rder" in receipt.reason


def test_a_home_page_without_a_form_or_a_link_to_one_is_no_form(wagtail: Wagtail, forms: Any) -> None:
    assert sent(forms, "http://shop.example/").state in ("blocked", "not_sent")
