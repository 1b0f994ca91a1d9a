"""Targets that read what a homeserver says: JSON of any shape."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from comatrix.gateway.config.secrets import Secrets
from comatrix.gateway.desk.picturing import _mxc_untrusted as mxc_untrusted
from comatrix.gateway.downlink.grants import Levels, level, may, powers_untrusted
from comatrix.gateway.downlink.hearing import (
    MAX_ID_BYTES,
    MAX_TEXT_BYTES,
    Redacted,
    Said,
    events_untrusted,
    heard_untrusted,
)
from comatrix.gateway.edges.matrix.answer import MAX_ERROR_CHARS, MAX_RETRY_AFTER_MS, read_answer_untrusted
from comatrix.gateway.edges.matrix.session import successor_untrusted
from comatrix.gateway.edges.room_watch.changes import Change, changes_untrusted
from comatrix.gateway.upgrades import _predecessor_untrusted as predecessor_untrusted
from comatrix.gateway.uplink.heard import (
    fit_untrusted,
    page_since_join_untrusted,
    pushed_body,
    service_body_untrusted,
    since_join_untrusted,
)
from comatrix.gateway.uplink.json_values import mapping
from comatrix.gateway.uplink.node_state import Facts, is_news_untrusted
from comatrix.gateway.uplink.node_state import content as node_content

USER = "@bot:example.org"
NOW_MS = 1_700_000_000_000
BEFORE = Secrets(USER, "DEVICE", "token", "refresh")


def of_json(check: Callable[[dict[str, Any]], None]) -> Callable[[bytes], None]:
    """Bytes that are a JSON object go to `check`; others say nothing."""

    def call(data: bytes) -> None:
        try:
            value: Any = json.loads(data)
        except (ValueError, RecursionError):
            return
        if isinstance(value, dict):
            check(value)

    return call


def sync(body: Mapping[str, Any]) -> None:
    """changes_untrusted: every change is made of texts."""
    for first in (False, True):
        for change in changes_untrusted(body, USER, first=first):
            assert isinstance(change, Change)
            assert all(isinstance(part, str) for part in (change.room_id, change.detail, change.reason))


def pushed(body: Mapping[str, Any]) -> None:
    """fit_untrusted: what is fit makes a /sync body that is read without a word."""
    for events in (body.get("events"), body.get("rooms"), list(body.values())):
        fit = fit_untrusted(events)
        assert all(isinstance(event["room_id"], str) and isinstance(event["content"], dict) for event in fit)
        sync(pushed_body(fit, USER))


def service(body: Mapping[str, Any]) -> None:
    """service_body_untrusted: still a /sync body."""
    sync(service_body_untrusted(body, USER))


def since_join(body: Mapping[str, Any]) -> None:
    """since_join_untrusted: still a /sync body, and again the same."""
    once = since_join_untrusted(body, USER)
    sync(once)
    assert since_join_untrusted(once, USER) == once


def page(body: Mapping[str, Any]) -> None:
    """page_since_join_untrusted: still a page, and again the same."""
    once = page_since_join_untrusted(body, USER)
    assert all(isinstance(event, dict) for event in once["chunk"])
    assert page_since_join_untrusted(once, USER) == once


def typed(body: Mapping[str, Any]) -> None:
    """heard_untrusted: what a database, a log and a homeserver can hold, and bounded."""
    for one in heard_untrusted(body, lambda user: user == USER):
        texts = [one.room_id, one.event_id, one.sender]
        texts += [one.redacts] if isinstance(one, Redacted) else [one.thread or "x", one.reply_to or "x"]
        assert all(text.isprintable() and 0 < len(text.encode()) <= MAX_ID_BYTES for text in texts)
        assert one.sender != USER
        if isinstance(one, Said):
            assert len(one.text.encode()) <= MAX_TEXT_BYTES and "\0" not in one.text
            assert 0 <= one.origin_ms < 1 << 53


def events(body: Mapping[str, Any]) -> None:
    """events_untrusted: as heard_untrusted, of lists of any shape."""
    for value in (body.get("events"), body.get("chunk"), list(body.values())):
        typed({"rooms": {"join": {"!a:b": {"timeline": {"events": value}}}}})
        assert all(one.room_id == "!a:b" for one in events_untrusted("!a:b", value, lambda _user: False))


def powers(body: Mapping[str, Any]) -> None:
    """powers_untrusted: whatever a room's levels are, each user has one, and a refusal is one line."""
    create = {"type": "m.room.create", "sender": "@a:b", "content": {}}
    for event in (body, {**create, **body}, {**create, "content": body}):
        for levels in (None, body, mapping(body.get("content"))):
            found = powers_untrusted(event, levels)
            if found is not None:
                assert isinstance(level("@a:b", found), int)
                told = may("@x:y", "operate", found, True, Levels())
                assert told is None or told.isprintable()


def node_state(body: Mapping[str, Any]) -> None:
    """is_news_untrusted: whatever stands there, it is replaced once at most: what we put there is no news."""
    wanted = node_content(Facts(7, "!a:b", "garden", 1_000, 398, "comatrix 0.1", 60, ("interval",)))
    for there in (body, mapping(body.get("content")), {**wanted, **body}):
        assert is_news_untrusted(there, wanted) in (True, False)
        assert is_news_untrusted(there, {}) == bool(there)
    assert not is_news_untrusted(wanted, wanted)


def successor(body: Mapping[str, Any]) -> None:
    """successor_untrusted: tokens that a header and a file can hold, an end that a clock can reach."""
    found = successor_untrusted(BEFORE, body, NOW_MS)
    if found is not None:
        assert found.access_token and (found.access_token + found.refresh_token).isascii()
        assert (found.access_token + found.refresh_token).isprintable()
        assert found.expires_ms == 0 or NOW_MS < found.expires_ms < 1 << 53
        assert (found.user_id, found.device_id) == (USER, "DEVICE")


def mxc(body: dict[str, Any]) -> None:
    """_mxc_untrusted: an address that an event can hold, or nothing."""
    found = mxc_untrusted({**body, "content_uri": body.get("content_uri", body.get("room_id"))})
    assert found is None or (found.startswith("mxc://") and found.isascii() and found.isprintable())
    assert found is None or len(found) < 500


def predecessor(body: dict[str, Any]) -> None:
    """_predecessor_untrusted: a text or nothing."""
    found = predecessor_untrusted(body)
    assert found is None or isinstance(found, str)


def http(data: bytes) -> None:
    """read_answer_untrusted: words and times stay bounded. Bytes: status (1), Retry-After (11), body."""
    status = (200, 400, 401, 429, 502)[data[0] % 5] if data else 200
    headers: Mapping[str, str] = {"retry-after": data[1:12].decode("latin-1")}
    told = read_answer_untrusted(status, headers, data[12:])
    assert len(told.error) <= MAX_ERROR_CHARS and len(told.errcode or "") <= MAX_ERROR_CHARS
    assert told.error.isprintable()
    assert told.retry_after_ms is None or 0 <= told.retry_after_ms <= MAX_RETRY_AFTER_MS
