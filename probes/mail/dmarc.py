"""What the owner of a From domain asks of receivers: DMARC (RFC 7489). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

Policy = Literal["none", "quarantine", "reject"]
POLICIES: tuple[Policy, ...] = ("none", "quarantine", "reject")


@dataclass(frozen=True, slots=True)
class Dmarc:
    """A policy. `policy`: for the domain that publishes it; `subdomains`: for those below it. `strict_*`: the domains
    must be equal to be aligned, not only belong to one owner."""

    policy: Policy
    subdomains: Policy
    strict_dkim: bool = False
    strict_spf: bool = False


def records(texts: Iterable[str]) -> tuple[str, ...]:
    """Those of the TXT records at _dmarc.domain that are DMARC records (section 6.6.3)."""
    return tuple(text for text in texts if text.partition(";")[0].replace(" ", "") == "v=DMARC1")


def read(record: str) -> Dmarc:
    """The policy of a DMARC record (section 6.3). Raises ValueError saying what is wrong with it."""
    tags: dict[str, str] = {}
    for part in record.split(";"):
        name, equals, value = part.partition("=")
        if part.strip() and not equals:
            raise ValueError(f"{part.strip()!r} is no tag; write it as name=value")
        tags.setdefault(name.strip().lower(), value.strip())
    policy = _policy(tags, "p")
    if policy is None and tags.get("rua"):
        policy = "none"  # section 6.6.3: a record that asks for reports is kept
    if policy is None:
        raise ValueError(f"p={tags.get('p', '')} is not a policy; write p=none, p=quarantine or p=reject")
    return Dmarc(
        policy=policy,
        subdomains=_policy(tags, "sp") or policy,
        strict_dkim=tags.get("adkim", "r").lower() == "s",
        strict_spf=tags.get("aspf", "r").lower() == "s",
    )


def aligned(domain: str, of: str, *, strict: bool) -> bool:
    """Whether `of`, a domain that SPF or a signature speaks for, may speak for the From domain (section 3.1)."""
    domain, of = domain.lower().rstrip("."), of.lower().rstrip(".")
    return domain == of or (not strict and organisation(domain) == organisation(of))


def organisation(domain: str) -> str:
    """The domain that was registered ("mail.shop.co.uk" -> "shop.co.uk"), by the public suffix list (section 3.2)."""
    domain = domain.lower().rstrip(".")
    return str(_extract()(domain).top_domain_under_public_suffix) or ".".join(domain.split(".")[-2:])


def _policy(tags: dict[str, str], name: str) -> Policy | None:
    return next((one for one in POLICIES if one == tags.get(name, "").lower()), None)


@cache
def _extract() -> Any:
    import tldextract

    # The snapshot inside the package, never the network.
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)
