"""Businesses from a CSV as people have it. Pure: bytes in, rows and rejects out.

A row needs a name, a basis and a time zone; the zone may follow from the country where that keeps one time. Addresses
stand under the headings that the configured channels name, each normalised by its channel. A key may be given; else
it is made from the name and the row's first address, the same at each import. A row without any address is kept: that
a business cannot be reached is a finding. Columns that nobody knows fill placeholders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from monitor import csvfile
from monitor.facts import BASES
from monitor.headings import IGNORED, Columns, columns, score
from monitor.rows import BusinessRow, Defaults, EndpointRow, Row, clean
from probes.contract import ChannelKind

__all__ = ["BusinessRow", "EndpointRow", "Imported", "Reject", "messages", "read", "rejects_csv"]

FORGOTTEN = "asked to be forgotten, and is neither stored nor contacted again; take the row out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A row that cannot be imported: where, why (each reason in words), and its cells as they stood."""

    line: int
    reasons: tuple[str, ...]
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What a file holds. `problems` concern the whole file (nothing can be read); then there are no rows."""

    rows: tuple[BusinessRow, ...] = ()
    rejects: tuple[Reject, ...] = ()
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    delimiter: str = ","
    fields: tuple[str, ...] = ()


def read(
    data: bytes,
    *,
    kinds: Mapping[str, ChannelKind],
    default_basis: str | None = None,
    default_timezone: str | None = None,
    default_language: str | None = None,
    forgot: Callable[[str], bool] = frozenset().__contains__,
) -> Imported:
    """What `data`, the bytes of a CSV, holds.

    `kinds`: the configured channels, by their name in the config. The defaults stand in for blank cells. `forgot`:
    whether somebody of an address asked to be forgotten; such a row is refused. Never raises: what is wrong with the
    file is in `problems`, what is wrong with a row in `rejects`.
    """
    try:
        text, encoding = csvfile.decode(data)
    except csvfile.Unreadable as error:
        return Imported(problems=(str(error),))
    mark, start = csvfile.separator(text, lambda cells: score(cells, kinds))
    found = csvfile.records(text, mark, start)
    header = next(found, None)
    if header is None:
        return Imported(problems=("is empty; write a line of headings and a line for each business",))
    defaults = Defaults(default_basis, default_timezone, default_language)
    heads = columns(header.cells, kinds)
    problems = [f"line {header.line}: {header.error}"] if header.error else []
    problems += [*heads.problems, *_missing(heads, kinds, defaults)]
    imported = Imported(header=header.cells, delimiter=mark, fields=tuple(heads.fields))
    if problems:
        return replace(imported, problems=tuple(problems))
    notes = list(heads.warnings)
    if encoding == "cp1252":
        notes.append("read as Windows-1252, since it is not UTF-8; check a name with accents in it")
    rows, rejects = _rows(found, heads, kinds, defaults, notes, forgot)
    return replace(imported, rows=tuple(rows), rejects=tuple(rejects), warnings=(*notes, *_shared(rows)))


def messages(imported: Imported, file: str) -> list[str]:
    """What keeps the file from being imported, a line each: `FILE: line N: reason`."""
    lines = [f"{file}: {problem}" for problem in imported.problems]
    return lines + [f"{file}: line {reject.line}: {'; '.join(reject.reasons)}" for reject in imported.rejects]


def rejects_csv(imported: Imported) -> bytes:
    """The rejected rows as they stood, with their line and the reasons in two more columns that `read` passes over.

    In the file's own separator, UTF-8 with a byte order mark: to be put right and imported again.
    """
    width = len(imported.header)
    rows: list[Sequence[str]] = [(*imported.header, *IGNORED)]
    for reject in imported.rejects:
        cells = (*reject.cells, *[""] * (width - len(reject.cells)))
        rows.append((*cells[:width], str(reject.line), "; ".join(reject.reasons)))
    return csvfile.write(rows, imported.delimiter)


# --------------------------------------------------------------------------- the file
def _missing(heads: Columns, kinds: Mapping[str, ChannelKind], defaults: Defaults) -> Iterator[str]:
    if "name" not in heads.known:
        yield "has no column for the name of the business; call it name"
    if "basis" not in heads.known and defaults.basis is None:
        yield f"has no column for the basis of contact; call it basis, and write one of {', '.join(BASES)}"
    if not heads.known.keys() & {"timezone", "country"} and defaults.timezone is None:
        yield 'has no column timezone (such as "Europe/Paris") nor country (such as FR); add one of them'
    if not heads.endpoints:
        looked = ", ".join(
            f"{kind.description.columns[0]!r} for {name}" for name, kind in kinds.items() if kind.description.columns
        )
        yield f"has no column of addresses; the configured channels look for {looked or 'none'}"


def _rows(
    found: Iterator[csvfile.Record],
    heads: Columns,
    kinds: Mapping[str, ChannelKind],
    defaults: Defaults,
    notes: list[str],
    forgot: Callable[[str], bool],
) -> tuple[list[BusinessRow], list[Reject]]:
    rows: list[BusinessRow] = []
    rejects: list[Reject] = []
    seen: dict[str, tuple[int, tuple[str, ...]]] = {}
    for record in found:
        cells = tuple(clean(cell) for cell in record.cells)
        reasons: list[str] = [record.error] if record.error else []
        row = None if reasons else Row(record.line, cells, heads, kinds, defaults, reasons, notes).build()
        if row is not None:
            reasons += [f"{one.address} {FORGOTTEN}" for one in row.endpoints if forgot(one.address)]
        if row is not None and not reasons:
            if row.key not in seen:
                seen[row.key] = record.line, cells
                rows.append(row)
                continue
            line, before = seen[row.key]
            if cells == before:
                notes.append(f"line {record.line} is the same as line {line} and is left out")
                continue
            reasons.append(
                f"is the business of line {line} again (key {row.key}); keep one, or give each a key of its own"
            )
        rejects.append(Reject(line=record.line, reasons=tuple(reasons), cells=record.cells))
    return rows, rejects


def _shared(rows: Sequence[BusinessRow]) -> Iterator[str]:
    """Addresses that several businesses have: they are kept, and counted as one by every cap on an address."""
    users: dict[tuple[str, str], list[BusinessRow]] = {}
    for row in rows:
        for endpoint in row.endpoints:
            users.setdefault((endpoint.channel, endpoint.address), []).append(row)
    for (_, address), several in users.items():
        if len(several) > 1:
            named = ", ".join(f"{row.name} (line {row.line})" for row in several[:5])
            more = f" and {len(several) - 5} more" if len(several) > 5 else ""
            yield f"{address} is shared by {named}{more}: all are kept, cool-down and yearly cap count the address once"
