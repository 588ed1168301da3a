"""What was said on the wire, as evidence."""

from __future__ import annotations

_MOST = 65536


class Transcript:
    """What was said on the wire, bounded, without secrets and without the content of the mail."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._size = 0
        self._secrets: list[str] = []

    def hide(self, *secrets: str) -> None:
        """Never writes one of `secrets`, not even when the server repeats it."""
        self._secrets += sorted((secret for secret in secrets if secret), key=len, reverse=True)

    def note(self, mark: str, text: str) -> None:
        """Adds a line: mark `C` is us, `S` the server, `*` a remark."""
        line = f"{mark}: {self.clean(text)}"
        self._size += len(line) + 1
        if self._size <= _MOST:
            self._lines.append(line)

    def clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)

    def __str__(self) -> str:
        return "\n".join(self._lines)
