"""What all tests share: Hypothesis without a clock, and a fixed present."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, settings

# A slow or busy machine is no failure: no example is timed.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


@pytest.fixture
def moment() -> datetime:
    """A present that stands still."""
    return datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
