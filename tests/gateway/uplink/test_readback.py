"""When a row in doubt is looked for, and what its room's pages say of it."""

import json
from typing import Any

import pytest

from comatrix.gateway.model import HomeserverAnswer, SealedRow
from comatrix.gateway.uplink.outcome import Later, NoAnswer, PauseAccount
from comatrix.gateway.uplink.readback import (
    CONDUIT,
    MAX_PAGES,
    MEMORY,
    NOTHING,
    SYNAPSE,
    Absent,
    Found,
    Search,
    Unreadable,
    dedupe_of,
    must_read_back,
)

HOUR_MS = 3_600_000
SEALED_MS = 1_700_000_000_000


def _row(in_doubt: bool = True, after_event: str | None = None, relates: dict[str, Any] | None = None) -> SealedRow:
    content = json.dumps({} if relates is None else {"m.relates_to": relates}).encode()
    return SealedRow(
        9, 1, "!a:b", "m.room.message", "ab.9.msg", content, SEALED_MS, (1,), in_doubt, 1, "sealed",
        sender="@cx:b", device="CX", after_event=after_event,
    )  # fmt: skip


def _event(id: str, cx: str = "", sender: str = "@cx:b", age_ms: int = 0, redacted: bool = False) -> dict[str, Any]:
    content = {} if redacted else {"body": "x", "eu.comatrix.id": cx}
    told = {"event_id": id, "sender": sender, "type": "m.room.message", "content": content}
    return {**told, "origin_server_ts": SEALED_MS - age_ms}


def _page(*events: Any, end: str | None = None, key: str = "end") -> HomeserverAnswer:
    return HomeserverAnswer(200, {"chunk": list(events), **({} if end is None else {key: end})})


@pytest.mark.parametrize(
    ("setting", "name", "device", "dedupe"),
    [
        ("auto", "Synapse", "CX", SYNAPSE),
        ("auto", "Synapse", "", MEMORY),
        ("auto", "Dendrite", "CX", MEMORY),
        ("auto", "conduit", "CX", CONDUIT),
        ("auto", "continuwuity", "CX", CONDUIT),
        ("auto", "something new", "CX", NOTHING),
        ("auto", None, "CX", NOTHING),
        ("memory", "Synapse", "CX", MEMORY),
        ("none", "Synapse", "CX", NOTHING),
        ("synapse", None, "CX", SYNAPSE),
    ],
)
def test_how_a_homeserver_remembers(setting: str, name: str | None, device: str, dedupe: object) -> None:
    assert dedupe_of(setting, name, device=device) is dedupe


@pytest.mark.parametrize(
    ("dedupe", "lost", "after_ms", "looked_for"),
    [
        (SYNAPSE, True, 20 * HOUR_MS, False),
        (SYNAPSE, True, 20 * HOUR_MS + 1, True),
        (SYNAPSE, False, -1, True),  # the clock was set back: how long ago it was is not known
        (MEMORY, False, 25 * 60_000, False),
        (MEMORY, False, 25 * 60_000 + 1, True),
        (MEMORY, True, 0, True),
        (CONDUIT, True, 10_000 * HOUR_MS, False),
        (NOTHING, False, 1, True),
    ],
)
def test_a_row_in_doubt_is_looked_for(dedupe: Any, lost: bool, after_ms: int, looked_for: bool) -> None:
    assert must_read_back(_row(), dedupe, SEALED_MS + after_ms, lost=lost) is looked_for
    assert not must_read_back(_row(in_doubt=False), dedupe, SEALED_MS + after_ms, lost=lost)


def test_it_is_found_on_a_later_page() -> None:
    search = Search(_row())
    assert search.filter == {"senders": ["@cx:b"], "types": ["m.room.message"]}
    assert search.read(_page(_event("$3", "ab.11.msg"), _event("$x", "ab.9.msg", sender="@liar:b"), end="t1")) is None
    assert search.token == "t1"
    assert search.read(_page(_event("$2", "ab.9.msg"))) == Found("$2")


def test_it_is_absent_where_the_room_begins() -> None:
    assert Search(_row()).read(_page(_event("$3", "ab.11.msg"))) == Absent()


def test_it_is_absent_where_the_pages_are_an_hour_older_than_the_seal() -> None:
    assert Search(_row()).read(_page(_event("$3", age_ms=HOUR_MS), end="t1")) is None
    assert Search(_row()).read(_page(_event("$3", age_ms=HOUR_MS + 1), end="t1")) == Absent()


def test_an_event_known_to_be_older_counts_more_than_any_clock() -> None:
    row = _row(after_event="$before")
    search = Search(row)  # the homeserver's clock is a day behind ours
    assert search.read(_page(_event("$3", age_ms=24 * HOUR_MS), end="t1")) is None
    assert search.read(_page(_event("$2", "ab.9.msg", age_ms=24 * HOUR_MS), end="t2")) == Found("$2")
    assert Search(row).read(_page(_event("$before"), _event("$2", "ab.9.msg"), end="t1")) == Absent()


def test_an_event_that_was_redacted_may_be_the_one() -> None:
    assert isinstance(Search(_row()).read(_page(_event("$3", redacted=True))), Unreadable)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (HomeserverAnswer(403, {"errcode": "M_FORBIDDEN"}, "M_FORBIDDEN", "not there"), Unreadable),
        (HomeserverAnswer(404, {"errcode": "M_NOT_FOUND"}, "M_NOT_FOUND"), Unreadable),
        (HomeserverAnswer(None, error="timed out"), NoAnswer),
        (HomeserverAnswer(502, error="HTML"), NoAnswer),
        (HomeserverAnswer(429, {"errcode": "M_LIMIT_EXCEEDED"}, "M_LIMIT_EXCEEDED", retry_after_ms=5), Later),
        (HomeserverAnswer(401, {"errcode": "M_UNKNOWN_TOKEN"}, "M_UNKNOWN_TOKEN"), PauseAccount),
    ],
)
def test_what_is_no_page(answer: HomeserverAnswer, verdict: type) -> None:
    assert isinstance(Search(_row()).read(answer), verdict)


def test_pages_are_capped() -> None:
    search = Search(_row())
    verdicts = [search.read(_page(_event(f"${n}"), end=f"t{n}")) for n in range(MAX_PAGES)]
    assert verdicts[:-1] == [None] * (MAX_PAGES - 1)
    assert isinstance(verdicts[-1], Unreadable)


@pytest.mark.parametrize("rel_type", ["m.replace", "m.annotation"])
def test_an_edit_or_a_reaction_is_looked_for_beside_its_target(rel_type: str) -> None:
    search = Search(_row(relates={"rel_type": rel_type, "event_id": "$t"}))
    assert (search.target, search.rel_type) == ("$t", rel_type)
    assert search.read(_page(_event("$old", age_ms=2 * HOUR_MS), end="t1", key="next_batch")) is None
    assert search.read(_page(_event("$2", "ab.9.msg"), key="next_batch")) == Found("$2")


def test_a_reply_is_a_message() -> None:
    assert Search(_row(relates={"m.in_reply_to": {"event_id": "$t"}})).target == ""


@pytest.mark.parametrize("chunk", [None, {}, [1, "x", {"event_id": 5}, {"sender": "@cx:b"}]])
def test_nonsense_in_a_page_is_passed_over(chunk: Any) -> None:
    assert Search(_row()).read(HomeserverAnswer(200, {"chunk": chunk, "end": 7})) == Absent()
