"""Servers that tests share, one of each a session; tests that stop or break one start their own."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator

import pytest

from probes.web.browser import find
from tests.wire.servers import Authority, Dovecot, authority, dovecot, server_folder


@pytest.fixture(scope="session")
def certificates() -> Iterator[Authority]:
    """A certificate authority whose certificates nobody else trusts."""
    with server_folder("ca") as folder:
        yield authority(folder)


@pytest.fixture(scope="session")
def mailboxes(certificates: Authority) -> Iterator[Dovecot]:
    """A Dovecot with TLS for "localhost" and a folder Junk; each test takes a user of its own by `fresh_user`."""
    with dovecot(tls=certificates.issue("localhost"), junk_folder=True) as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the system's Chromium."""
    found = find()
    if found is None:
        if os.environ.get("UNANSWERED_REQUIRE_SERVERS") == "1":
            pytest.fail("no Chromium is installed (Debian: apt-get install chromium)")
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    return found


_numbers = itertools.count(1)


@pytest.fixture
def fresh_user() -> Callable[[], str]:
    """Gives names of users that nobody has used yet."""
    return lambda: f"user{next(_numbers)}"
