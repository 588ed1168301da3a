"""Every request that we make is one that the provider's own OpenAPI document allows, as Prism judges it.

Prism reads a repeated field of a form as a list only where the document says how it is encoded. The document does not;
OpenAPI then means "form, exploded" (3.0, Encoding Object), which is written into the copy that Prism is given. The
example listings are of one page there: the next page that they name has a day where the document wants a time. Of what
is allowed nothing is changed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from probes.contract import Checks, Enquiry, Listens, Sends, Settles
from probes.loader import load

pytestmark = pytest.mark.wire

ROOT = Path(__file__).parent.parent.parent
PRISM = ROOT / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
NAMED = "UNANSWERED_TWILIO_OPENAPI"
"""A variable that names the document where it is not in a folder `shared` beside this one."""

ACCOUNT = "AC" + "0123456789abcdef" * 2
NOW = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
ENQUIRY = Enquiry(
    probe="p", to="+12125550100", reply_to="anna@inbox.example", sender_name="Anna", subject="Hours",
    body="Are you open on Saturday? é ¿ & =", language="en", message_id="<m@inbox.example>", number="+12025550100",
)  # fmt: skip


def document() -> Path:
    named = os.environ.get(NAMED)
    return Path(named) if named else ROOT.parent / "shared" / "twilio" / "twilio_api_v2010.json"


def with_defaults(path: Path) -> dict[str, Any]:
    """The document with the default encoding of lists in forms written out, and example listings of one page."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for item in found["paths"].values():
        content = item.get("post", {}).get("requestBody", {}).get("content", {})
        for form in content.values():
            lists = [name for name, one in form["schema"].get("properties", {}).items() if one.get("type") == "array"]
            form["encoding"] = {name: {"style": "form", "explode": True} for name in lists}
        for answer in item.get("get", {}).get("responses", {}).values():
            for content in answer.get("content", {}).values():
                for example in content.get("examples", {}).values():
                    if "next_page_uri" in example.get("value", {}):
                        example["value"]["next_page_uri"] = None
    return found


@pytest.fixture(scope="module")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    found = document()
    if not found.is_file():
        pytest.skip(f"the provider's OpenAPI document is not here; name it in {NAMED}")
    node = shutil.which("node")
    if node is None or not PRISM.is_file():
        why = "node or Prism is missing: `sh scripts/prepare servers` installs both"
        if os.environ.get("UNANSWERED_REQUIRE_SERVERS") == "1":
            pytest.fail(why)
        pytest.skip(why)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    given = tmp_path_factory.mktemp("prism") / "openapi.json"
    given.write_text(json.dumps(with_defaults(found)), encoding="utf-8")
    command = [node, str(PRISM), "mock", str(given), "--host", "127.0.0.1", "--port", str(port)]
    said = given.with_suffix(".log").open("w+")
    process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        for _ in range(1200):
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, given.with_suffix(".log").read_text()
            time.sleep(0.05)
        else:
            pytest.fail("Prism does not start")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        said.close()


def wire(kind: str, api: str) -> Any:
    channel = load(kind)
    table = {
        "account_sid": ACCOUNT, "auth_token_env": "TOKEN", "numbers": ["+12025550100"], "api": api,
        "public_url": "https://audit.example.org", "timeout": "20s",
    }  # fmt: skip
    settings = channel.settings.model_validate(table, context={"env": {"TOKEN": "secret"}, "base": "."})
    return channel.open("names", settings, live=False)


def now() -> datetime:
    return NOW


def test_prism_refuses_what_the_document_does_not_allow(prism: str) -> None:
    url = f"{prism}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    assert httpx2.post(url, data={"Body": "no To"}, auth=(ACCOUNT, "x")).status_code == 422
    assert httpx2.post(url, data={"To": "+12125550100"}).status_code == 401
    wrong = f"{prism}/2010-04-01/Accounts/AC1/Messages.json"
    assert httpx2.get(wrong, auth=(ACCOUNT, "x")).status_code == 422


@pytest.mark.parametrize("kind", ["sms", "phone"])
def test_handing_over_is_a_request_as_the_provider_defines_it(prism: str, kind: str) -> None:
    opened = wire(kind, prism)
    assert isinstance(opened, Sends)
    receipt = opened.send(ENQUIRY, now)
    assert "< 201" in receipt.transcript, receipt
    assert receipt.state in ("sent", "unknown"), "the example in the document may name nothing"


@pytest.mark.parametrize("kind", ["sms", "phone"])
def test_listing_is_a_request_as_the_provider_defines_it(prism: str, kind: str) -> None:
    opened = wire(kind, prism)
    assert isinstance(opened, Listens)
    (ear,) = opened.ears()
    for cursors in ({}, {"listing": "2026-03-02T09:00:00+00:00"}):
        assert list(ear.listen(cursors, now))[-1].heard_until == NOW


@pytest.mark.parametrize("kind", ["sms", "phone"])
def test_settling_and_checking_are_requests_as_the_provider_defines_them(prism: str, kind: str) -> None:
    opened = wire(kind, prism)
    assert isinstance(opened, Settles)
    receipt = opened.settle(ENQUIRY, datetime(2026, 3, 2, tzinfo=UTC), now)
    assert receipt is not None
    assert receipt.state in ("not_sent", "sent")
    assert isinstance(opened, Checks)
    assert all(check.ok for check in opened.check(now))
