"""Bytes to a `Message` tree, exactly as the standard library's compat32 parser builds it, in a fraction of its time.

The standard parser looks at every line of a mail, and again at each level of nesting. Here a line is looked at only
where it can mean something: header lines once, and lines that begin with two dashes. What is not plainly shaped (line
ends of old Macs, a "From " line below the headers) is left to the standard parser; a test compares the two.
"""

from __future__ import annotations

import email
import re
from collections.abc import Set as AbstractSet
from email.message import Message
from email.policy import compat32

# The header lines that compat32 takes, less those that it treats specially (`_NOT_PLAIN`). "From " is no header but may
# stand among them.
_HEADER = re.compile(r"^([!-9;-~]+):[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)", re.M)
_HEADERS = re.compile(r"(?:(?:From |[!-9;-~]+:)[^\n]*(?:\n[ \t][^\n]*)*(?:\n|\Z))*")
_NOT_PLAIN = re.compile(r":|[ \t]")
_BLANK = re.compile(r"^\r?\n", re.M)
_LINE_END = re.compile(r"\r?\n\Z")


class _NotPlainError(Exception):
    """Something stands there that the standard parser treats specially."""


def read(raw: bytes) -> Message:
    """The mail as `email.message_from_bytes` with compat32 would give it; raises what that raises."""
    text = raw.decode("ascii", "surrogateescape")
    if text.count("\r") == text.count("\r\n"):
        try:
            return _Reader(text).root
        except _NotPlainError:
            pass
    return email.message_from_bytes(raw, policy=compat32)


class _Reader:
    """Goes through a text once, from its beginning to its end; `at` is where it stands, always at a line's beginning.

    Preamble, epilogue and defects are not kept: nothing reads them.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.root = Message(policy=compat32)
        self._entity(self.root, frozenset())

    def _entity(self, message: Message, stops: AbstractSet[str]) -> None:
        """Read headers and body up to a line that is one of `stops` (boundaries), or to the end."""
        kind = self._headers(message, len(self.text))
        blank = _BLANK.match(self.text, self.at)
        if blank:
            self.at = blank.end()
        if kind == "message/delivery-status":
            self._blocks(message, stops)
        elif kind.startswith("message/"):
            self._entity(_child(message), stops)
        elif kind.startswith("multipart/"):
            self._multipart(message, kind, stops)
        else:
            self._leaf(message, stops)

    def _headers(self, message: Message, limit: int) -> str:
        """Read the header lines; gives the content type."""
        text, begin = self.text, self.at
        end = _HEADERS.match(text, begin, limit).end()  # type: ignore[union-attr]  # can match the empty string
        if _NOT_PLAIN.match(text, end, limit) or "\n--" in text[max(begin - 1, 0) : end]:
            raise _NotPlainError
        last = text.rfind("\n", begin, max(end - 1, begin)) + 1
        if last and text.startswith("From ", last):  # taken for the first line of the body, by no simple rule
            raise _NotPlainError
        kind = None
        for name, value in _HEADER.findall(text, begin, end):
            message.set_raw(name, value.rstrip("\r\n"))
            if kind is None and name.lower() == "content-type":
                kind = message.get_content_type()
        self.at = end
        return kind or message.get_default_type()

    def _leaf(self, message: Message, stops: AbstractSet[str]) -> None:
        end, _ = self._stop(stops)
        payload = self.text[self.at : end]
        message.set_payload(_LINE_END.sub("", payload) if stops else payload)  # the last one is the boundary's
        self.at = end

    def _blocks(self, message: Message, stops: AbstractSet[str]) -> None:
        """Read the blocks of a delivery report: each is a message of its own, seldom with more than headers."""
        text = self.text
        end, _ = self._stop(stops)
        if "content-type" in text[self.at : end].lower():
            raise _NotPlainError
        more = True
        while more:
            blank = _BLANK.search(text, self.at, end)
            close = blank.start() if blank else end
            block = _child(message)
            self._headers(block, close)
            rest = text[self.at : close]
            self.at = blank.end() if blank else end
            more = self.at < end
            block.set_payload(rest if more or not stops else _LINE_END.sub("", rest))

    def _multipart(self, message: Message, kind: str, stops: AbstractSet[str]) -> None:
        boundary = message.get_boundary()
        begin = self.at
        if boundary is None:
            self.at, _ = self._stop(stops)
            message.set_payload(self.text[begin : self.at])
            return
        part, close = f"--{boundary}", f"--{boundary}--"
        inner = stops | {part, close}
        self.at, line = self._stop(inner)
        if line != part or line in stops:  # it never begins: what stands there is its text
            message.set_payload(self.text[begin : self.at])
        while line == part and line not in stops:
            while line in (part, close) and line not in stops:  # nothing stands between two boundaries
                self.at = self._next_line(self.at)
                line = self._dashed(self.at)
            self._entity(_child(message, kind), inner)
            line = self._dashed(self.at)
        self.at, _ = self._stop(stops)

    def _stop(self, stops: AbstractSet[str]) -> tuple[int, str]:
        """The next line that is one of `stops`: where, and which; the end of the text and "" when none comes."""
        text, at = self.text, self.at
        if stops:
            at = at if text.startswith("--", at) else text.find("\n--", at) + 1
            while at:  # never 0: above a boundary stand the headers that name it
                line = self._dashed(at)
                if line in stops:
                    return at, line
                at = text.find("\n--", at) + 1
        return len(text), ""

    def _dashed(self, at: int) -> str:
        """The line that begins here, as boundaries are compared; "" where it does not begin with two dashes."""
        text = self.text
        return text[at : self._next_line(at)].rstrip(" \t\r\n") if text.startswith("--", at) else ""

    def _next_line(self, at: int) -> int:
        return self.text.find("\n", at) + 1 or len(self.text)


def _child(message: Message, kind: str = "") -> Message:
    child = Message(policy=compat32)
    if kind == "multipart/digest":
        child.set_default_type("message/rfc822")
    message.attach(child)
    return child
