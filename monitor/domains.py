"""Who a mail domain belongs to: the registrable domain, and whether anybody can have an address there. Pure."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

from monitor.helpdesks import desk_of


@cache
def _extract() -> Any:
    import tldextract  # takes a quarter of a second: only when a mail is matched

    # The snapshot inside the package, never the network; `blogspot.com` and the like count as suffixes, because the
    # names below them belong to different people.
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)


@cache
def _freemail() -> tuple[frozenset[str], frozenset[str]]:
    lines = resources.files("monitor").joinpath("freemail.txt").read_text("utf-8").splitlines()
    entries = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    return (
        frozenset(entry for entry in entries if not entry.endswith(".*")),
        frozenset(entry[:-2] for entry in entries if entry.endswith(".*")),
    )


def domain_of(address: str) -> str:
    """The domain that a mail address or a web address is at; "" where it is at none, as a number."""
    if "://" in address:
        try:
            return urlsplit(address).hostname or ""
        except ValueError:
            return ""
    return address.rpartition("@")[2] if "@" in address else ""


@lru_cache(maxsize=4096)
def registrable(domain: str) -> str:
    """The domain somebody registered ("mail.shop.co.uk" -> "shop.co.uk"), lower case and in ASCII; "" for nonsense."""
    domain = domain.strip().strip(".").lower()
    if not domain or "@" in domain or len(domain) > 255:
        return ""
    try:
        domain = domain.encode("idna").decode("ascii") if not domain.isascii() else domain
    except UnicodeError:
        return domain
    if desk_of(domain):
        return domain  # below a help desk's domain, as below a public suffix, live different people
    # A top-level domain outside the list counts as a suffix of one label (the list's own default rule, "*").
    return str(_extract()(domain).top_domain_under_public_suffix) or ".".join(domain.split(".")[-2:])


@lru_cache(maxsize=4096)
def is_freemail(domain: str) -> bool:
    """Whether anybody can have an address at this domain."""
    exact, stems = _freemail()
    domain = domain.strip().strip(".").lower()
    if (desk := desk_of(domain)) and "subdomain" not in desk.provider.shows:
        return True  # its customers share it
    owner = registrable(domain)
    return domain in exact or owner in exact or (bool(owner) and str(_extract()(owner).domain) in stems)
