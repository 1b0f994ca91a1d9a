"""What a room is told of a command: true, one line, fit for a homeserver, whoever wrote parts of it."""

from dataclasses import replace
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.costs import Cost
from comatrix.gateway.downlink.items import Item, NewItem, Order
from comatrix.gateway.downlink.replies import (
    REACTIONS,
    Beside,
    Place,
    clock_words,
    edit,
    first_reply,
    notice,
    reaction,
    span_words,
    words,
)
from comatrix.gateway.uplink.sealing import MAX_CONTENT_BYTES, canonical
from tests.support.one_line import one_clean_line

T0 = 1_700_000_000_000
NEW = NewItem(7, Order("set", "interval", (60,), "interval = 60 s"), "@ann:b", T0, T0 + 60_000, 1, "$1")
ITEM = Item(12, NEW, states.QUEUED)
BESIDE = Beside("garden", UTC)
PLACE = Place("$1")


@pytest.mark.parametrize(
    ("item", "beside", "told"),
    [
        (ITEM, BESIDE, "queued as #12, waits for the node's next contact"),
        (ITEM, replace(BESIDE, expected_ms=T0), "queued as #12, next contact expected 22:13"),
        (ITEM, replace(BESIDE, cost=Cost(370_000, 32_000_000)),
         "queued as #12, waits for the node's next contact, costs 0.37 s of airtime, 32 s left this hour"),
        (replace(ITEM, state="on_air", attempts=1), replace(BESIDE, cost=Cost(1, 1)),
         "on air (attempt 1), waits for the node's word"),
        (replace(ITEM, state="on_air", attempts=2), BESIDE, "on air (attempt 2), waits for the node's word"),
        (replace(ITEM, state="confirmed", ended_ms=T0 + 252_000), replace(BESIDE, value="60 s"),
         "confirmed by the node: 60 s, 4 min 12 s after it was typed"),
        (replace(ITEM, state="confirmed", ended_ms=T0 - 5), BESIDE, "confirmed by the node, 0 s after it was typed"),
        (replace(ITEM, state="confirmed"), BESIDE, "confirmed by the node"),
        (replace(ITEM, state="refused", reason="too dry"), BESIDE, "refused by the node: too dry"),
        (replace(ITEM, state="refused"), BESIDE, "refused by the node: it gave no reason"),
        (replace(ITEM, state="withdrawn", reason="the node was revoked"), BESIDE,
         "withdrawn before it left: the node was revoked"),
        (replace(ITEM, state="withdrawn"), BESIDE, "withdrawn before it left: it may not be sent any more"),
        (replace(ITEM, state="cancelled", reason="@bob:b"), BESIDE, "cancelled by @bob:b, it never left"),
        (replace(ITEM, state="cancelled"), BESIDE, "cancelled, it never left"),
        (replace(ITEM, state="replaced", reason="#13"), BESIDE, "replaced by #13, it never left"),
        (replace(ITEM, state="expired", ended_ms=T0), BESIDE, "expired at 22:13, never reached the node"),
        (replace(ITEM, state="not_confirmed", ended_ms=T0), BESIDE,
         "not confirmed: it was on air, and no word came back by 22:13"),
    ],
    ids=lambda value: value.state if isinstance(value, Item) else "",
)  # fmt: skip
def test_each_state_in_words(item: Item, beside: Beside, told: str) -> None:
    assert words(item, beside) == f"garden: interval = 60 s - {told}"


def test_no_state_is_called_failed_and_only_the_nodes_word_confirmed() -> None:
    told = {state: words(replace(ITEM, state=state, reason="r", ended_ms=T0), BESIDE) for state in states.STATES}
    assert not any("fail" in text for text in told.values())
    confirmed = [state for state, text in told.items() if "confirmed by the node" in text]
    assert confirmed == [states.CONFIRMED]


def test_the_first_reply_answers_and_an_edit_replaces_all_of_it() -> None:
    command = {"v": 1, "number": 12, "node": 7, "state": "queued", "attempts": 0}
    text = words(ITEM, BESIDE)
    shown = {
        "msgtype": "m.notice",
        "body": text,
        "m.mentions": {},
        "eu.comatrix.id": "i.3.msg",
        "eu.comatrix.command": command,
    }
    answering = {"m.in_reply_to": {"event_id": "$1"}}
    assert first_reply(ITEM, BESIDE, PLACE, "i.3.msg") == shown | {"m.relates_to": answering}
    assert first_reply(ITEM, BESIDE, None, "i.3.msg") == shown
    threaded = first_reply(ITEM, BESIDE, Place("$1", "$root"), "i.3.msg")["m.relates_to"]
    assert threaded == answering | {"rel_type": "m.thread", "event_id": "$root", "is_falling_back": False}
    assert edit(ITEM, BESIDE, "$first", "i.3.msg") == shown | {
        "body": f"* {text}",
        "m.new_content": shown,
        "m.relates_to": {"rel_type": "m.replace", "event_id": "$first"},
    }


def test_a_reaction_stands_on_the_command() -> None:
    assert reaction("✅", "$1", "i.4.react") == {
        "m.relates_to": {"rel_type": "m.annotation", "event_id": "$1", "key": "✅"},
        "eu.comatrix.id": "i.4.react",
    }


TEXT = st.text(st.characters(), max_size=80)  # lone surrogates too
ITEMS = st.builds(
    Item,
    st.integers(1, 1 << 40),
    st.builds(
        NewItem,
        st.integers(1, 65_535),
        st.builds(Order, st.just("say"), st.just(""), st.just(("x",)), TEXT),
        TEXT,
        st.integers(0, 1 << 45),
        st.integers(0, 1 << 45),
    ),
    st.sampled_from(sorted(states.STATES)),
    st.none() | st.integers(1, 65_535),
    st.integers(0, 1 << 20),
    st.none(),
    st.none() | st.integers(-(1 << 62), 1 << 62),
    TEXT,
)
ABOUT = st.builds(
    Beside,
    TEXT,
    st.sampled_from([UTC, timezone(timedelta(hours=14))]),
    st.none() | st.integers(0, 1 << 62),
    TEXT,
)


@given(ITEMS, ABOUT)
def test_whatever_a_node_or_person_put_there_is_one_line_that_a_homeserver_takes(item: Item, beside: Beside) -> None:
    assert one_clean_line(words(item, beside))
    made: list[dict[str, Any]] = [
        first_reply(item, beside, PLACE, "i.1.msg"),
        edit(item, beside, "$first", "i.1.edit"),
        *[reaction(key, "$1", "i.1.react") for key in REACTIONS.values()],
    ]
    for content in made:
        assert len(canonical(content)) < MAX_CONTENT_BYTES


@given(TEXT)
def test_any_notice_is_fit_for_a_room_and_mentions_nobody(text: str) -> None:
    content = notice(text, PLACE, "i.1.msg")
    canonical(content)
    assert content["m.mentions"] == {}
    assert len(canonical(notice("\0" * 100_000, None, "i.1.msg"))) < MAX_CONTENT_BYTES


def test_spans_and_times_are_short() -> None:
    spans = [(0, "0 s"), (59_400, "59 s"), (60_000, "1 min 0 s"), (7_500_000, "2 h 5 min"), (180_000_000, "50 h 0 min")]
    assert [span_words(ms) for ms, _ in spans] == [told for _, told in spans]
    assert clock_words(T0, timezone(timedelta(hours=2))) == "00:13"
    assert clock_words(None, UTC) == clock_words(1 << 62, UTC) == "an unknown time"
