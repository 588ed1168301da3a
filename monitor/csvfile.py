"""CSV files as people have them: bytes in, cells out. Knows nothing of what the cells mean.

Encodings: UTF-8 with or without a byte order mark, UTF-16 with or without one, and else Windows-1252. Separators:
comma, semicolon, tab, bar. A quote that is never closed spoils its own line, not the rest of the file.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

SEPARATORS = (",", ";", "\t", "|")

_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Western text puts its letters beyond ASCII one or two at a time; a run of them is another script in another encoding.
_FOREIGN = re.compile(rb"[\x80-\xff]{4}")


@dataclass(frozen=True, slots=True)
class Record:
    """One record: the line of the file on which it begins, its cells, or what is wrong with it."""

    line: int
    cells: tuple[str, ...]
    error: str = ""


class Unreadable(ValueError):  # noqa: N818 - named by what is the matter
    """The bytes are not text that can be read; says what to do."""


def decode(data: bytes) -> tuple[str, str]:
    """The text of `data` and the encoding it was read in. Raises Unreadable."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _strictly(data, encoding), encoding
    if guessed := _utf16_without_mark(data):
        return _strictly(data, guessed), guessed
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        broken, line = data.decode("utf-8", "replace"), data[: error.start].count(b"\n") + 1
    if broken.count("\ufffd") < sum(1 for character in broken if character > "\x7f") / 2:
        raise Unreadable(f"is UTF-8 text but for line {line}; save it as CSV UTF-8 and import it again")
    if _FOREIGN.search(data):
        raise Unreadable("is neither UTF-8 nor Windows-1252 text; save it as CSV UTF-8 and import it again")
    return _strictly(data, "cp1252"), "cp1252"


def separator(text: str, score: Callable[[Sequence[str]], int]) -> tuple[str, int]:
    """The separator of the cells, and the index of the header's first line.

    `score` says how much a list of cells looks like the header: the separator with the best wins, then the one with
    the most cells.
    """
    lines = split(text)
    start = next((n for n, line in enumerate(lines) if line.strip()), 0)
    if start < len(lines) and (found := _SEP_LINE.fullmatch(lines[start])):
        return found[1], start + 1
    best = max(SEPARATORS, key=lambda mark: _header_score(lines, start, mark, score))
    return best, start


def records(text: str, mark: str, start: int = 0) -> Iterator[Record]:
    """Every record from line index `start` on, blank ones left out. The first is the header."""
    lines = split(text)
    at, width = start, 0
    while at < len(lines):
        cells, used, error = _one(lines, at, mark)
        if not error and used > 1 and width and len(cells) != width:
            error = "a quote is opened on this line and not closed on it"
        if error:
            cells, used = tuple(lines[at].rstrip("\r\n").split(mark)), 1
        if any(cell.strip() for cell in cells):
            width = width or len(cells)
            yield Record(at + 1, cells, error)
        at += used


def split(text: str) -> list[str]:
    """Lines with their ends. Only CR, LF and CRLF end a line: the other separators of Unicode are text."""
    return _LINE.findall(text)


def write(rows: Sequence[Sequence[str]], mark: str) -> bytes:
    """Rows as CSV: UTF-8 with a byte order mark, as spreadsheets want it."""
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=mark).writerows(rows)
    return stream.getvalue().encode("utf-8-sig")


def _one(lines: list[str], at: int, mark: str) -> tuple[tuple[str, ...], int, str]:
    """The record that begins at a line: its cells, how many lines it takes, what is wrong."""
    reader = csv.reader((lines[n] for n in range(at, len(lines))), delimiter=mark, strict=True)
    try:
        cells = tuple(next(reader, []))
    except csv.Error as error:
        if "field larger" in str(error):
            return (), 1, f"a cell holds more than {csv.field_size_limit()} characters"
        if "end of data" in str(error):
            return (), 1, "a quote is opened on this line and never closed"
        return (), 1, 'a quote stands in the middle of a cell; write it twice ("") and put quotes around the cell'
    return cells, max(1, reader.line_num), ""


def _header_score(lines: list[str], start: int, mark: str, score: Callable[[Sequence[str]], int]) -> tuple[int, int]:
    cells, _, error = _one(lines, start, mark) if start < len(lines) else ((), 0, "empty")
    return (-1, 0) if error else (score(cells), len(cells))


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Unreadable(
            f"cannot be read as {encoding} (line {line}); save it as CSV UTF-8 and import it again"
        ) from None


def _utf16_without_mark(data: bytes) -> str | None:
    """Text in Latin letters as UTF-16 has a zero in every other byte."""
    head = data[:4096]
    if len(head) < 4 or len(data) % 2:
        return None
    zeros = head[1::2].count(0), head[0::2].count(0)
    half = len(head) // 2
    if zeros[0] > half * 0.6 and zeros[1] < half * 0.1:
        return "utf-16-le"
    if zeros[1] > half * 0.6 and zeros[0] < half * 0.1:
        return "utf-16-be"
    return None
