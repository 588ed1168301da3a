"""What a rule gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A kind with its reasons in words, strongest first; the rest only for reports on delivery."""

    kind: str
    reasons: tuple[str, ...]
    recipient: str | None = None
    message_id: str | None = None
    status: str | None = None
    hard: bool | None = None
