"""Three hundred simulated businesses and what a correct measurement must find of each: planted by hand.

Three studies of a hundred: `early` (our inbox is dead for two days inside its 30-day windows only), `hit` (inside its
7-day windows) and `relayed` (after it, sent through a relay that loses one mail in ten). The same 25 ways of behaving,
four businesses each. The truth is a table written by hand, not computed from anything that the product uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from probes.sandbox.behaviours import Business, PlannedMail, Refusal, Truth, time_of

EARLY, HIT, RELAYED = "early", "hit", "relayed"
COHORTS = (EARLY, HIT, RELAYED)
EACH = 4
CONTROLS = 10

ANS, UN, MO, ND, UD, NH, NS = (
    "answered", "unanswered", "machine_only", "not_delivered", "undetermined", "not_heard", "not_sent",
)  # fmt: skip

_HEAD = """\
Message-ID: <{{token}}@{{domain}}>
Date: {{date}}
From: Front desk <{{business}}>
To: {{to_name}} <{{to}}>
Subject: Re: {{subject}}
In-Reply-To: {{message_id}}
References: {{message_id}}
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

"""
_BOUNCE = """\
Date: {{date}}
From: MAILER-DAEMON@mx.{{domain}} (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {{sender}}
Auto-Submitted: auto-replied
Message-Id: <{{token}}@mx.{{domain}}>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="9F{{token}}"

--9F{{token}}
Content-Type: text/plain; charset=us-ascii

Your message could not be delivered: <WHO>: WHY

--9F{{token}}
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.{{domain}}

Final-Recipient: rfc822; WHO
Action: failed
Status: CODE
Diagnostic-Code: smtp; WHY

--9F{{token}}
Content-Type: text/rfc822-headers

{{original_headers}}

--9F{{token}}--
"""


def _bounce(code: str, why: str, who: str = "{{business}}") -> str:
    return _BOUNCE.replace("CODE", code).replace("WHY", why).replace("WHO", who)


TEMPLATES = {
    "person": _HEAD + "Hello {{first_name}},\n\nthat would be 35, and Tuesday is fine.\n\nRegards, Jo\n\n{{quote}}\n",
    "thanks": _HEAD.replace("MIME-Version", "Auto-Submitted: auto-replied\nMIME-Version")
    + "Thank you for your message. We have received it and will answer as soon as we can.\n",
    "unknown-user": _bounce("5.1.1", "550 5.1.1 unknown user"),
    "full": _bounce("5.2.2", "552 5.2.2 mailbox full"),
    "elsewhere": _bounce("5.1.1", "550 5.1.1 unknown user", "somebody@forwarded.example"),
    "desk": _HEAD.replace("{{business}}", "case@{{key}}.zendesk.com").replace("@{{domain}}>", "@{{key}}.zendesk.com>")
    + "Hello {{first_name}},\n\nyes, both are possible: 35 in all, Tuesday.\n\nSam, for the shop\n\n{{quote}}\n",
    "partner": _HEAD.replace("{{business}}", "care@answers.example")
    + "Hello {{first_name}},\n\nwe answer for the shop: it is 35, and Tuesday is free.\n\nSam\n",
    "both": _HEAD.replace("Subject:", "Cc: {{other_to}}\nSubject:")
    + "Hello both,\n\nfor either shop: it is 35, and Tuesday is free.\n\nJo\n\n{{quote}}\n",
    "stop": _HEAD + "Please do not contact us again and remove our address from your list.\n\nJo\n",
}
"""Mails that the sandbox has no template for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way to behave: its mails, and its planted dispositions after 24 hours, 7 and 30 days in each study."""

    what: str
    truth: Mapping[str, tuple[str, ...]]
    mails: tuple[tuple[str, str], ...] = ()  # template, after
    sender: str | None = None
    refusal: Refusal | None = None
    junk: bool = False
    partner: bool = False
    pair: bool = False  # the first of each two answers for both, in one mail
    marks: tuple[str, ...] = ()


def always(*dispositions: str) -> Mapping[str, tuple[str, ...]]:
    return dict.fromkeys(COHORTS, dispositions)


def by(early: tuple[str, ...], hit: tuple[str, ...], relayed: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    return {EARLY: early, HIT: hit, RELAYED: relayed}


WAYS: tuple[Way, ...] = (
    Way(what="a prompt person", mails=(("person", "2h13m"),), truth=always(ANS, ANS, ANS)),
    # 36 hours after the sending of `hit` our inbox is dead: the answer is lost.
    Way(what="a person after a day and a half", mails=(("person", "1d12h10m"),),
        truth=by((UN, ANS, ANS), (UN, NH, NH), (UN, ANS, ANS))),
    Way(what="a person after five days", mails=(("person", "5d"),),
        truth=by((UN, ANS, ANS), (UN, ANS, ANS), (UN, ANS, ANS))),
    Way(what="a person after twelve days", mails=(("person", "12d6h"),),
        truth=by((UN, UN, ANS), (UN, NH, ANS), (UN, UN, ANS))),
    Way(what="silence", truth=by((UN, UN, NH), (UN, NH, NH), (UN, UN, UN))),
    Way(what="an acknowledgement, no more", mails=(("thanks", "30s"),),
        truth=by((MO, MO, NH), (MO, NH, NH), (MO, MO, MO))),
    Way(what="an acknowledgement, then a person", mails=(("thanks", "30s"), ("person", "5d")),
        truth=by((MO, ANS, ANS), (MO, ANS, ANS), (MO, ANS, ANS))),
    Way(what="greylisting, then a person", mails=(("person", "3h"),), truth=always(ANS, ANS, ANS),
        refusal=Refusal(reply="451 4.7.1 come back later", lasting=timedelta(minutes=12))),
    Way(what="takes it, then bounces it itself", mails=(("unknown-user", "4m"),), truth=always(ND, ND, ND)),
    Way(what="takes it, then says that its mailbox is full", mails=(("full", "2h"),), marks=("mailbox_full",),
        truth=always(ND, ND, ND)),
    Way(what="an acknowledgement, then a bounce (disputed)", mails=(("thanks", "1m"), ("unknown-user", "10m")),
        truth=by((MO, MO, NH), (MO, NH, NH), (MO, MO, MO))),
    Way(what="a bounce after six days (disputed)", mails=(("unknown-user", "6d"),),
        truth=by((UN, UD, NH), (UN, NH, NH), (UN, UD, UD))),
    Way(what="a bounce that names another address (disputed)", mails=(("elsewhere", "9m"),),
        truth=by((UD, UD, NH), (UD, NH, NH), (UD, UD, UD))),
    Way(what="a person, then a bounce", mails=(("person", "1h"), ("unknown-user", "2h")), truth=always(ANS, ANS, ANS)),
    Way(what="a delay notice, then silence", mails=(("delayed", "4h"),),
        truth=by((UN, UN, NH), (UN, NH, NH), (UN, UN, UN))),
    # What was never delivered was no silence on the first day either.
    Way(what="a delay notice, then a bounce on the fourth day", mails=(("delayed", "4h"), ("unknown-user", "4d")),
        truth=always(ND, ND, ND)),
    Way(what="silence, and the address is sold to a stranger", mails=(("spam-personal", "4d12h"),),
        sender="kelly@rankings-fast.example", truth=by((UN, UD, NH), (UN, NH, NH), (UN, UD, UD))),
    Way(what="silence, and a newsletter", mails=(("spam-newsletter", "3d"),), sender="bounces@growth-offers.example",
        truth=by((UN, UN, NH), (UN, NH, NH), (UN, UN, UN))),
    Way(what="its partner answers", mails=(("partner", "7h"),), sender="care@answers.example", partner=True,
        truth=always(ANS, ANS, ANS)),
    Way(what="its help desk answers from the desk's domain", mails=(("desk", "8h"),), sender="bounce@desk.zendesk.com",
        truth=always(ANS, ANS, ANS)),
    # Through a relay, the refusal comes back as the relay's bounce.
    Way(what="refuses at SMTP", refusal=Refusal(reply="550 5.1.1 no such user"),
        truth=by((NS, NS, NS), (NS, NS, NS), (ND, ND, ND))),
    Way(what="asks to be left alone", mails=(("stop", "3h"),), marks=("stopped",), truth=always(ANS, ANS, ANS)),
    Way(what="a person, moved to junk after it was heard", mails=(("person", "4h30m"),), truth=always(ANS, ANS, ANS)),
    Way(what="a person, in our junk folder", mails=(("person", "6h"),), junk=True, marks=("junk",),
        truth=always(ANS, ANS, ANS)),
    Way(what="one desk answers two branches in one mail", pair=True, mails=(("both", "8h"),),
        truth=always(ANS, ANS, ANS)),
)  # fmt: skip


def three_hundred() -> tuple[Business, ...]:
    """All three hundred, in the order of their studies."""
    return tuple(business for cohort in COHORTS for business in _cohort(cohort))


def cohort_of(business: Business) -> str:
    return business.key.split("-")[0]


def _cohort(cohort: str) -> Iterator[Business]:
    for at, way in enumerate(WAYS):
        for number in range(EACH):
            key = f"{cohort}-{at:02}-{number}"
            junk = way.junk
            business = Business(
                key=key,
                name=f"Quillon {cohort} {at:02}{'abcd'[number]}",
                planted=way.what,
                domain=f"{key}.example",
                timezone="UTC",
                partners=("answers.example",) if way.partner else (),
                refusal=way.refusal,
                mails=tuple(_mail(template, after, way.sender, junk=junk) for template, after in way.mails),
                truth=Truth(dispositions=way.truth[cohort], marks=way.marks),
            )
            if way.pair:
                other = f"{cohort}-{at:02}-{number + 1}"
                mails = tuple(replace(mail, about=other) for mail in business.mails) if number % 2 == 0 else ()
                business = replace(business, mails=mails, group=f"{cohort}-desk-{number // 2}")
            yield business


def _mail(template: str, after: str, sender: str | None, *, junk: bool) -> PlannedMail:
    automatic = template in {"thanks", "unknown-user", "full", "elsewhere", "delayed"}
    return PlannedMail(
        template=template, after=time_of(after), sender="" if automatic else sender, junk=junk and not automatic
    )


def controls() -> tuple[Business, ...]:
    """Mailboxes of our own in each study. No simulated business: they stand in a mailbox that is listened to."""
    return tuple(
        Business(
            key=f"control-{number:02}",
            name=f"Control {number:02}",
            planted="a mailbox of our own",
            domain="control.example",
            mailbox=f"box{number:02}",
            timezone="UTC",
            truth=Truth(dispositions=(UN, UN, UN)),
        )
        for number in range(CONTROLS)
    )
