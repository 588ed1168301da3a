"""What the error codes of the provider mean, in few classes. The code itself is always kept as it came."""

from __future__ import annotations

STOPPED = "21610"
"""The recipient has sent STOP."""

_CLASSES: dict[str, tuple[str, ...]] = {
    "the recipient has asked by STOP not to be contacted": (STOPPED,),
    "not a number that can be reached this way": (
        "21211", "21217", "21219", "21401", "21421", "21614", "21635", "13223", "13224", "13225", "13226",
    ),
    "the handset was not reachable": ("30003", "30009", "30017"),
    "the number is unknown": ("30005",),
    "a landline, or a carrier that takes no messages": ("30006",),
    "filtered by the carrier, or refused as unwanted": ("30004", "30007", "30034", "30410"),
    "the carrier gave no reason": ("30008",),
    "our own account, number or permission": (
        "20003", "20005", "20404", "21210", "21212", "21215", "21216", "21408", "21603", "21606", "21607", "21608",
        "21611", "21612", "21659", "21660", "21205", "30002", "30032", "30555", "10001",
    ),
    "too much at once": ("20429", "14107", "30001", "30022"),
}  # fmt: skip
_MEANING = {code: words for words, codes in _CLASSES.items() for code in codes}

_HARD = frozenset({*_CLASSES["not a number that can be reached this way"], "30005", "30006"})
_OURS = frozenset(_CLASSES["our own account, number or permission"])


def meaning(code: str | None) -> str:
    """The class of a code, in words; "" without one."""
    if not code:
        return ""
    return _MEANING.get(code, f"a reason of its own (code {code})")


def is_hard(code: str | None) -> bool | None:
    """Whether trying again would be pointless; None where that is not known."""
    return True if code in _HARD else False if code in ("30003", "30009", "30017") else None


def is_ours(code: str | None) -> bool:
    """Whether it says that something on our side is wrong, whoever is contacted."""
    return code in _OURS


_SMS_RANKS = {
    "accepted": 1, "scheduled": 1, "queued": 2, "sending": 3, "sent": 4, "canceled": 6, "failed": 6, "undelivered": 6,
    "delivered": 7, "read": 8,
}  # fmt: skip
_CALL_RANKS = {
    "queued": 1, "initiated": 2, "ringing": 3, "in-progress": 4, "canceled": 6, "busy": 6, "no-answer": 6, "failed": 6,
    "completed": 7,
}  # fmt: skip


def rank(status: str) -> int:
    """How far along a status is, of a message or of a call; reports come in any order, and the highest counts."""
    return _SMS_RANKS.get(status, _CALL_RANKS.get(status, 0))
