"""Businesses from a CSV as people have it. Pure: bytes in, rows and rejects out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from probes.contract import ChannelKind


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRow:
    """One way to reach a business; `channel` is its name in the config, `address` is normalised."""

    channel: str
    address: str
    scope: str
    control: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessRow:
    """A business ready to be stored. `line` is where its record begins in the file, counted from 1."""

    line: int
    key: str
    name: str
    sector: str | None
    country: str | None
    language: str | None
    timezone: str
    group: str | None
    basis: str
    basis_proof: str | None
    own_domains: tuple[str, ...]
    partner_domains: tuple[str, ...]
    fields: Mapping[str, str]
    endpoints: tuple[EndpointRow, ...]


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
    fields: tuple[str, ...] = field(default=())


def read(
    data: bytes,
    *,
    kinds: Mapping[str, ChannelKind],
    default_basis: str | None = None,
    default_timezone: str | None = None,
    default_language: str | None = None,
) -> Imported:
    """What `data`, the bytes of a CSV, holds. In the making."""
    raise NotImplementedError


def rejects_csv(imported: Imported) -> bytes:
    """The rejected rows as CSV (UTF-8 with BOM), as they stood, with the reasons in a last column. In the making."""
    raise NotImplementedError
