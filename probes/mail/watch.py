"""Watches a mailbox: what came in since the cursor, in bounded batches, nothing missed and nothing touched.

A cursor is "uidvalidity:uid:day~imprint": the last message that was delivered, by what it is known again, and the
latest day on which nothing was left to deliver. When the server starts counting anew (UIDVALIDITY changes, or after a
restore UIDs fall back or belong to other messages) the folder is read again from two days before that day; repeats are
harmless, as an arrival is known by its bytes. A folder that comes when others have been heard is read like that too:
servers make a junk folder with the first mail in it. Folders are opened by EXAMINE and messages read by BODY.PEEK,
so no flag changes.
"""

from __future__ import annotations

import imaplib
import io
import logging
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Event
from typing import Any, TypeAlias

from imapclient.exceptions import IMAPClientError, ProtocolError

from probes.contract import Arrival, Batch, Clock, Cursor, ProbeError
from probes.mail.decode import clean
from probes.mail.imap import Place, connection, places
from probes.mail.position import PRINT_BYTES, Known, Mark, Spoilt, imprint
from probes.mail.servers import Imap

BATCH_BYTES = 8 * 1024 * 1024
"""A batch holds no more than this, unless it is one mail that is bigger."""

PIECE_BYTES = 2 * 1024 * 1024
"""A mail that is bigger than a batch is read in pieces of this: the libraries hold what they read several times."""

_SEARCH_SPAN = 50_000  # an answer to SEARCH is one line, and imaplib takes a million characters
_SLICE = 0.5  # seconds after which a stop is noticed
_WITHOUT_IDLE = 60.0
_RESCAN = timedelta(days=2)  # SINCE knows days in the server's time zone only
_SPOILT_MOST = 20

log = logging.getLogger(__name__)


class Mailbox:
    """Listens to the folders of one mailbox, by the `imap` table."""

    def __init__(self, settings: Imap, *, live: bool) -> None:
        self._settings = settings
        self._live = live
        self._spoilt = Spoilt()

    @property
    def mailbox(self) -> str:
        """The user that logs in."""
        return self._settings.user

    def listen(self, cursors: Mapping[str, str], now: Clock) -> Iterator[Batch]:
        """One pass over all folders. Raises ProbeError when it cannot hear."""
        known = Known(cursors)
        begin = self._spoilt.count
        while True:
            trouble = self._spoilt.count
            try:
                with connection(self._settings, live=self._live) as client:
                    for place in known.late_first(places(client, self._settings)):
                        yield from self._read(client, place, known, now)
                return
            except ProbeError as error:
                if error.permanent or self._spoilt.count == trouble or self._spoilt.count - begin > _SPOILT_MOST:
                    raise

    def watch(self, cursors: Callable[[], Mapping[str, str]], now: Clock, stop: Event) -> Iterator[Batch]:
        """Delivers what comes until `stop` is set.

        The first folder is watched by IDLE; all are read when IDLE is renewed. Raises ProbeError as soon as the line is
        lost or cannot be made; who watches asks again.
        """
        with connection(self._settings, live=self._live) as client:
            yield from self._follow(client, Known(cursors()), now, stop)

    # ------------------------------------------------------------------ staying on the line
    def _follow(self, client: Any, known: Known, now: Clock, stop: Event) -> Iterator[Batch]:
        renew = self._settings.idle_renew.total_seconds()
        while not stop.is_set():
            first, *others = places(client, self._settings)  # asked again: one may have come
            for place in (*known.late_first(others), first):  # the one to IDLE on is opened last
                yield from self._read_all(client, place, known, now)
            known.beginning = False
            until = time.monotonic() + renew
            early = 0
            while not stop.is_set() and time.monotonic() < until:
                before = time.monotonic()
                news = self._wait_for_news(client, until, stop)
                if news:
                    yield from self._read_all(client, first, known, now)
                early = early + 1 if not news and time.monotonic() - before < _SLICE / 2 else 0
                if early > 3:
                    raise ProbeError(f"IMAP server {self._settings.host} ends IDLE again and again without news")

    def _wait_for_news(self, client: Any, until: float, stop: Event) -> bool:
        """Waits in IDLE until something may have come, `until`, or a stop. Ends IDLE: a dead server shows by that."""
        if not client.has_capability("IDLE"):
            stop.wait(min(_WITHOUT_IDLE, max(until - time.monotonic(), 0)))
            client.noop()
            return True
        client.idle()
        said: list[Any] = []
        while not stop.is_set():
            span = min(_SLICE, until - time.monotonic())
            if span <= 0:
                break
            before = time.monotonic()
            said += client.idle_check(timeout=span)
            # Nothing, and sooner than asked: the server is gone (or TLS talked to itself). idle_done() tells.
            if said or time.monotonic() - before < span * 0.9:
                break
        self._goodbye(said)  # before the line is used again: the server has closed it behind its word
        said += client.idle_done()[1]
        self._goodbye(said)
        return any(len(line) > 1 and line[1] == b"EXISTS" for line in said)

    def _goodbye(self, said: Sequence[Any]) -> None:
        for line in said:
            if line and line[0] == b"BYE":
                words = b" ".join(word for word in line[1:] if isinstance(word, bytes)).decode("utf-8", "replace")
                raise ProbeError(f"IMAP server {self._settings.host} said goodbye ({clean(words)[:200]})")

    # ------------------------------------------------------------------ reading a folder
    def _read_all(self, client: Any, place: Place, known: Known, now: Clock) -> Iterator[Batch]:
        """Reads until nothing is new: what came while the last mails were stored need not be announced in IDLE."""
        more = True
        while more:
            more, before = False, known.get(place.name)
            for batch in self._read(client, place, known, now):
                more = more or bool(batch.arrivals)
                yield batch
            more = more and known[place.name] != before  # what stands behind a spoilt message comes again each time
            # A count above the first, which EXAMINE gave, came with the answer to a later command: it is not repeated.
            counts = [int(count) for count in client._imap.response("EXISTS")[1] if count]
            more = more or (len(counts) > 1 and counts[-1] > counts[0])

    def _read(self, client: Any, place: Place, known: Known, now: Clock) -> Iterator[Batch]:
        """All that is new in a folder; the last batch says until when everything in it is delivered."""
        heard = now()
        info = client.select_folder(place.name, readonly=True)
        validity = int(info[b"UIDVALIDITY"])
        mark, uids = self._news(client, place, known, info, heard.date())
        resting = self._spoilt.resting(place.name, validity, uids)
        asked = [uid for uid in uids if uid not in resting]
        held: float = min(resting, default=math.inf)  # the cursor stays before what was not delivered

        def batch(arrivals: tuple[Arrival, ...], *, last: bool) -> Batch:
            heard_until = heard if last and held == math.inf else None
            # Only where nothing is left: else a server that counts anew would have us begin behind what is missing.
            known[place.name] = str(mark if heard_until is None else replace(mark, day=heard.date()))
            cursor = Cursor(place=place.name, position=known[place.name])
            return Batch(mailbox=self._settings.user, arrivals=arrivals, cursor=cursor, heard_until=heard_until)

        for some, size in self._bundles(client, asked, self._spoilt.alone(place.name, validity)):
            with self._spoilt.watching(place.name, validity, some):
                got, failed = _fetch_large(client, some) if size > BATCH_BYTES else _fetch(client, some)
            held = min(held, *failed, math.inf)
            reached = int(min(some[-1], held - 1))
            if reached > mark.uid:
                mark = Mark(validity, reached, mark.day, imprint(got[reached][0]) if reached in got else "")
            arrivals = tuple(
                Arrival(
                    mailbox=self._settings.user,
                    raw=raw,
                    at=at,
                    place=place.name,
                    position=f"{validity}:{uid}",
                    junk=place.junk,
                )
                for uid, (raw, at) in got.items()
            )
            got.clear()
            found = batch(arrivals, last=some[-1] == asked[-1])
            del arrivals
            yield found
            del found  # it may be large, and the next one too
        if not asked:
            yield batch((), last=True)
        if held < math.inf:
            log.error(
                "%s, folder %s: the server does not give message UID %d; until it does, this folder does not count as "
                "heard: move or delete the message if that does not end",
                self._settings.user, place.name, held,
            )  # fmt: skip

    def _news(
        self, client: Any, place: Place, known: Known, info: Mapping[bytes, Any], today: date
    ) -> tuple[Mark, list[int]]:
        """Where the folder stands before anything is read, and the UIDs to read, ascending."""
        validity = int(info[b"UIDVALIDITY"])
        following = int(info[b"UIDNEXT"]) if b"UIDNEXT" in info else None
        position = known.get(place.name)
        if position is None and known.beginning:  # begins now
            last = following - 1 if following else max(client.search(["ALL"]), default=0)
            return Mark(validity, last, today), []
        mark = Mark(0, 0, known.since) if position is None else Mark.read(position)
        counts_on = mark.validity == validity and (following is None or following > mark.uid)
        if counts_on and self._is_still(client, place, mark):
            return mark, self._newer(client, mark.uid, following, int(info[b"EXISTS"]))
        why = "it is new to us; reading it" if position is None else "the server counts anew; reading it again"
        log.warning("%s, folder %s: %s", self._settings.user, place.name, why)
        uids = sorted(client.search(["SINCE", mark.day - _RESCAN] if mark.day else ["ALL"]))
        return Mark(validity, 0 if uids or not following else following - 1, mark.day), uids

    def _is_still(self, client: Any, place: Place, mark: Mark) -> bool:
        """Whether the last message that was delivered is the one it was, as far as can be seen: after a restore its UID
        soon belongs to another. One that was moved away tells nothing."""
        if not mark.imprint or self._spoilt.resting(place.name, mark.validity, [mark.uid]):
            return True
        with self._spoilt.watching(place.name, mark.validity, [mark.uid]):
            parts = client.fetch([mark.uid], [f"BODY.PEEK[]<0.{PRINT_BYTES}>"]).get(mark.uid, {})
        begin = parts.get(b"BODY[]<0>")
        return not begin or imprint(begin) == mark.imprint

    @staticmethod
    def _newer(client: Any, uid: int, following: int | None, exists: int) -> list[int]:
        """UIDs above `uid`. "n:*" always names the last message too, so what is not newer is left out."""
        start, found = uid + 1, set[int]()
        if following is not None and exists > _SEARCH_SPAN:
            while following - start > _SEARCH_SPAN:
                found.update(client.search(["UID", f"{start}:{start + _SEARCH_SPAN - 1}"]))
                start += _SEARCH_SPAN
        found.update(client.search(["UID", f"{start}:*"]))
        return sorted(one for one in found if one > uid)

    def _bundles(self, client: Any, uids: Sequence[int], alone: Collection[int]) -> Iterator[tuple[list[int], int]]:
        """The UIDs in groups that are small enough to hold in memory, by number and by bytes, and the bytes of each;
        `alone` by themselves."""
        for begin in range(0, len(uids), self._settings.batch):
            chunk = list(uids[begin : begin + self._settings.batch])
            sizes = client.fetch(chunk, ["RFC822.SIZE"])
            bundle: list[int] = []
            total = 0
            for uid in chunk:
                size = int(sizes.get(uid, {}).get(b"RFC822.SIZE", 0))
                if bundle and (total + size > BATCH_BYTES or uid in alone or bundle[-1] in alone):
                    yield bundle, total
                    bundle, total = [], 0
                bundle.append(uid)
                total += size
            yield bundle, total


Fetched: TypeAlias = tuple[dict[int, tuple[bytes, datetime]], list[int]]
"""Bytes and stamp of each message, and the UIDs that the server refuses to give. Expunged ones are in neither."""


def _fetch_large(client: Any, uids: list[int]) -> Fetched:
    """One large message, piece by piece until nothing follows, whatever size the server told."""
    (uid,) = uids
    whole = io.BytesIO()
    while True:
        at = whole.tell()
        try:
            parts = client.fetch(uids, ["INTERNALDATE", f"BODY.PEEK[]<{at}.{PIECE_BYTES}>"]).get(uid)
        except (imaplib.IMAP4.abort, ProtocolError):
            raise
        except IMAPClientError:
            return {}, uids
        if parts is None:
            return {}, []
        stamp, key = parts.get(b"INTERNALDATE"), b"BODY[]<%d>" % at
        if key not in parts:  # it does not know how to give a piece
            return _fetch(client, uids)
        piece = parts[key]
        if not piece and at and isinstance(stamp, datetime):
            return {uid: (whole.getvalue(), _utc(stamp))}, []
        if not isinstance(piece, bytes) or not piece or not isinstance(stamp, datetime):
            return {}, uids
        whole.write(piece)


def _utc(stamp: datetime) -> datetime:
    return (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).astimezone(UTC)


def _fetch(client: Any, uids: list[int]) -> Fetched:
    """Messages that are not too large together, by one command."""
    try:
        answer = client.fetch(uids, ["INTERNALDATE", "BODY.PEEK[]"])
    except (imaplib.IMAP4.abort, ProtocolError):
        raise
    except IMAPClientError:
        if len(uids) == 1:
            return {}, uids
        got: dict[int, tuple[bytes, datetime]] = {}
        failed: list[int] = []
        for uid in uids:  # one that cannot be read does not keep the others back
            more, bad = _fetch(client, [uid])
            got.update(more)
            failed += bad
        return got, failed
    got, failed = {}, []
    for uid in uids:
        parts = answer.get(uid)
        if parts is None or (b"BODY[]" not in parts and b"INTERNALDATE" not in parts):
            continue
        raw, at = parts.get(b"BODY[]"), parts.get(b"INTERNALDATE")
        if isinstance(raw, bytes) and isinstance(at, datetime):
            got[uid] = raw, _utc(at)
        else:
            failed.append(uid)
    return got, failed
