"""What the classifier would say of a file: the object that the command line prints for it."""

from __future__ import annotations

from typing import Any

from monitor.classify.decide import classify
from probes.mail.mime import parse


def describe(path: str, raw: bytes) -> dict[str, Any]:
    """The verdict on one raw mail as plain data, named by its path; a promise's deadline is ISO 8601 or null."""
    verdict = classify(parse(raw))
    promise = verdict.promise
    return {
        "path": path,
        "kind": verdict.kind,
        "automated": verdict.automated,
        "reasons": list(verdict.reasons),
        "language": verdict.language,
        "new_text": verdict.new_text,
        "bounced_recipient": verdict.bounced_recipient,
        "original_message_id": verdict.original_message_id,
        "noreply_sender": verdict.noreply_sender,
        "promise": None
        if promise is None
        else {"text": promise.text, "due": promise.due.isoformat() if promise.due else None},
    }
