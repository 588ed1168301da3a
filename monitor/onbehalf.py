"""Whether a help desk's mail shows the business that it answers for. Pure.

A help desk's domain says nothing by itself: thousands of businesses send from it, and whoever opens an account there
may write what he likes. So it counts only at the private address, which only those know who received the enquiry, and
only where the business shows as the desk's own rule says, or where it answers our Message-ID.
"""

from __future__ import annotations

from collections.abc import Iterable

from monitor.domains import domain_of, is_freemail, registrable
from monitor.facts import SentProbe
from monitor.helpdesks import Desk, desk_of
from monitor.likeness import labels, names, stands_for
from probes.mail.mime import Mail


def answers_for(mail: Mail, sender: str, probe: SentProbe) -> str:
    """How a mail to the private address of `probe` shows that a help desk answers for its business, in words; "" when
    it comes from no help desk, or shows nothing of this business."""
    local, _, domain = sender.rpartition("@")
    desk = desk_of(domain)
    if desk is None:
        return ""
    shown = _shown(desk, local, mail, probe)
    return f"{desk.provider.name} is a help desk, and {shown}" if shown else ""


def own_domains(probe: SentProbe) -> frozenset[str]:
    """The domains that are the business's own; those at which anybody can have an address are not."""
    written = (*probe.own_domains, domain_of(probe.endpoint_address))
    return frozenset(owner for one in written if one and (owner := registrable(one)) and not is_freemail(owner))


def _shown(desk: Desk, local: str, mail: Mail, probe: SentProbe) -> str:
    own = own_domains(probe)
    known = labels(probe.business_name, own)
    shows = desk.provider.shows
    if "subdomain" in shows and desk.tenant and _is(desk.tenant, known, own):
        return f"the desk is that of {desk.tenant}"
    if "local_part" in shows and _is(local.partition("=")[2] or local, known, own):
        return f"it sends as {local}"
    if "name" in shows and _named(mail.sender.name, probe, own):
        return "its sender's name is that of the business"
    if "reply_to" in shows and _replied(mail.reply_to.address, probe, own):
        return f"its answers go to {mail.reply_to.address}"
    wanted = {one.strip().strip("<>").lower() for one in probe.message_ids}
    if wanted & {*mail.in_reply_to, *mail.references}:
        return "it answers our Message-ID"
    return ""


def _is(label: str, known: Iterable[str], own: frozenset[str]) -> bool:
    return stands_for(label, known) if "." not in label else registrable(label) in own


def _named(name: str, probe: SentProbe, own: Iterable[str]) -> bool:
    return names(name, probe.business_name) or any(names(name, domain) for domain in own)


def _replied(address: str, probe: SentProbe, own: frozenset[str]) -> bool:
    domain = address.rpartition("@")[2]
    return bool(domain) and (address.lower() == probe.endpoint_address.lower() or registrable(domain) in own)
