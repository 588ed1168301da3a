"""A server that is not there skips a test, and fails it where servers are required."""

from __future__ import annotations

import pytest
from _pytest.outcomes import Failed, Skipped

from tests.wire.servers import need


def test_a_missing_server_skips_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNANSWERED_REQUIRE_SERVERS", raising=False)
    with pytest.raises(Skipped, match=r"no-such-server is not installed \(Debian package none\)"):
        need("no-such-server", "none")


def test_a_missing_server_fails_where_servers_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNANSWERED_REQUIRE_SERVERS", "1")
    with pytest.raises(Failed, match="required here: no-such-server"):
        need("no-such-server", "none")
