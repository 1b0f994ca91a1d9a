"""Whether a row in doubt must be looked for in its room before it is sent again, and what the room's pages say.

A homeserver that remembers a transaction id answers its second PUT with the first one's event id: then sending again is
safe, and is how a doubt ends. For how long, and through what, differs (docs/reference/matrix.md, section Doubt).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from comatrix.gateway.model import HomeserverAnswer, SealedRow
from comatrix.gateway.uplink.json_values import objects
from comatrix.gateway.uplink.outcome import Later, NoAnswer, PauseAccount, judge, words
from comatrix.gateway.uplink.typed import ID_KEY

MINUTE_MS = 60_000
MARGIN_MS = 60 * MINUTE_MS  # an event this much older than the seal is not ours
MAX_PAGES = 100
PAGE_EVENTS = 100


@dataclass(frozen=True, slots=True)
class Dedupe:
    """How a homeserver remembers transaction ids.

    `remembers_ms`: from the seal on; None: for ever. `survives`: also a restart of its own, which a lost connection may
    mean. `settles_ms`: a PUT without an answer may still be at work this long; nothing is asked or sent before.
    """

    remembers_ms: int | None
    survives: bool
    settles_ms: int


SYNAPSE = Dedupe(20 * 60 * MINUTE_MS, survives=True, settles_ms=0)  # keeps them 24 h
MEMORY = Dedupe(25 * MINUTE_MS, survives=False, settles_ms=MINUTE_MS)  # 30 to 60 min, gone at its restart
CONDUIT = Dedupe(None, survives=True, settles_ms=MINUTE_MS)  # kept for ever, but written after the event
NOTHING = Dedupe(0, survives=False, settles_ms=MINUTE_MS)

BY_SETTING = {"synapse": SYNAPSE, "memory": MEMORY, "none": NOTHING}
BY_SERVER = {
    "synapse": SYNAPSE,
    "dendrite": MEMORY,
    **dict.fromkeys(("conduit", "conduwuit", "continuwuity", "tuwunel", "grapevine"), CONDUIT),
}


def dedupe_of(setting: str, server_name: str | None, *, device: str) -> Dedupe:
    """`[homeserver] dedupe` and what the server calls itself (None: unknown) -> how it remembers."""
    found = BY_SETTING.get(setting) or BY_SERVER.get((server_name or "").lower(), NOTHING)
    return MEMORY if found is SYNAPSE and not device else found


def must_read_back(row: SealedRow, dedupe: Dedupe, now_ms: int, *, lost: bool) -> bool:
    """`lost`: a connection was lost, or the gateway restarted, since the row's doubt began."""
    if not row.in_doubt:
        return False
    if lost and not dedupe.survives:
        return True
    if dedupe.remembers_ms is None:
        return False
    return not row.sealed_ms <= now_ms <= row.sealed_ms + dedupe.remembers_ms  # a clock set back knows nothing


@dataclass(frozen=True, slots=True)
class Found:
    """It is in the room."""

    event_id: str


@dataclass(frozen=True, slots=True)
class Absent:
    """It is not: the pages reached what is older than it."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The room does not tell."""

    reason: str


Verdict = Found | Absent | Unreadable | NoAnswer | Later | PauseAccount


class Search:
    """One row looked for, page by page, newest first. Ask for the page of `token`; `read` its answer."""

    def __init__(self, row: SealedRow) -> None:
        self.target, self.rel_type = relation(row.content)  # "", "": a message; else ask for the target's relations
        self.filter = {"senders": [row.sender], "types": [row.event_type]}
        self.token = ""
        self._row = row
        self._pages = 0
        self._redacted = False

    def read(self, answer: HomeserverAnswer) -> Verdict | None:
        """-> what is known now; None: ask for the next page."""
        if not answer.ok or answer.body is None:
            return _no_page(answer)
        self._pages += 1
        for event in objects(answer.body.get("chunk")):
            verdict = self._look(event)
            if verdict is not None:
                return verdict
        token = answer.body.get("next_batch" if self.target else "end")
        if not isinstance(token, str) or not token or token == self.token:
            return self._absent()
        if self._pages >= MAX_PAGES:
            return Unreadable(f"not among the {MAX_PAGES * PAGE_EVENTS} newest events there")
        self.token = token
        return None

    def _look(self, event: Mapping[str, Any]) -> Verdict | None:
        row, event_id, content = self._row, event.get("event_id"), event.get("content")
        if event.get("sender") != row.sender or not isinstance(event_id, str):
            return None
        if isinstance(content, dict) and content.get(ID_KEY) == row.txn_id:
            return Found(event_id)
        if event_id == row.after_event:
            return self._absent()
        if row.after_event is None and not self.target and self._is_older(event):
            return self._absent()
        self._redacted = self._redacted or (event.get("type") == row.event_type and not content)
        return None

    def _is_older(self, event: Mapping[str, Any]) -> bool:
        """By the homeserver's clock, which may differ from ours: only where no older event of ours is known."""
        written_ms = event.get("origin_server_ts")
        return isinstance(written_ms, int) and written_ms < self._row.sealed_ms - MARGIN_MS

    def _absent(self) -> Verdict:
        return Unreadable("an event of ours was redacted there: it may be this one") if self._redacted else Absent()


def _no_page(answer: HomeserverAnswer) -> Verdict:
    outcome = judge(answer, in_doubt=True)
    if isinstance(outcome, NoAnswer | Later | PauseAccount):
        return outcome
    return Unreadable(f"the room cannot be read ({words(answer)})")


def relation(content: bytes) -> tuple[str, str]:
    """(event id, relation) an edit or a reaction is about; ("", "") for a message, also one that replies."""
    try:
        relates = json.loads(content or b"{}").get("m.relates_to")
    except ValueError:
        return "", ""
    if not isinstance(relates, dict) or relates.get("rel_type") not in ("m.replace", "m.annotation"):
        return "", ""
    return str(relates.get("event_id", "")), str(relates["rel_type"])
