"""`comatrix status`: how the gateway is."""

import time
from collections.abc import Iterator, Mapping
from datetime import tzinfo
from typing import Any

import click

from comatrix.gateway.admin.doctor.lines import bytes_text, span
from comatrix.gateway.cli.connection import Place, call
from comatrix.gateway.cli.context import clock, json_option, place_of, printable, show_json, zone
from comatrix.gateway.cli.steps import here

MOST_EVENTS = 10
WATCH_S = 2.0
WIDTH = 15


@click.command()
@click.option("--watch", "-w", is_flag=True, help="Show it again every 2 seconds until Ctrl-C.")
@json_option
@click.pass_context
def status(ctx: click.Context, watch: bool, as_json: bool) -> None:
    """Show how the gateway and its rooms are: what waits, why, and when it is expected; who knocked.

    What is wrong, and what to do about it, is told by `comatrix doctor`.
    """
    place = place_of(ctx)
    while True:
        found = call(place, "status", {})
        if watch:
            click.clear()
        if as_json:
            show_json(found)
        else:
            _show(found, place)
        if not watch:
            return
        time.sleep(WATCH_S)


# What [limits] kept out or slowed down since the start, as the running gateway counts it.
LIMITED = {
    "dropped": "datagrams of strangers dropped unread",
    "slowed": "messages of nodes put off (4.29)",
    "unanswered": "strangers left without an answer",
}


DTLS_COUNTS = {
    "unfinished": "under way",
    "put_off": "put off",
    "evicted": "ended to make room",
    "strays": "datagrams of no association",
}


def _show(found: Mapping[str, Any], place: Place) -> None:
    timezone = zone(place)
    for name, value in [
        *_parts(found, timezone),
        *_live(found["live"], timezone),
        *_rooms(found, timezone),
        *_security(found),
    ]:
        click.echo(f"{name:<{WIDTH}} {printable(value)}")
    if next_step := _next(found):
        click.echo(f"Next: {here(next_step)}")


def _parts(found: Mapping[str, Any], timezone: tzinfo) -> Iterator[tuple[str, object]]:
    yield "gateway", f"{'running' if found['running'] else 'not running'} (CoMatrix {found['version']})"
    yield "homeserver", found["homeserver"] + _silence(found, timezone)
    blocked = found.get("blocked", [])
    yield "nodes", f"{found['nodes']}{', blocked: ' + ', '.join(blocked) if blocked else ''}"
    yield "records", f"{found['records']} stored, {found['late']} of them late"
    yield "events", f"{found['posted']} posted, {found['sealed']} on their way, {found['parked']} parked"
    yield "waiting", f"{found['waiting']} records"
    if database := found.get("database"):
        share = round(100 * database["used"] / database["max_size"])
        yield "database", f"{bytes_text(database['used'])} of at most {bytes_text(database['max_size'])} ({share} %)"


def _silence(found: Mapping[str, Any], timezone: tzinfo) -> str:
    silence = (found["live"] or {}).get("silence")
    if not silence:
        return ""
    what = "it refuses the gateway" if silence["refused"] else "no answer"
    return f", {what} since {clock(silence['since_ms'], timezone)} ({silence['why']})"


def _live(live: Mapping[str, Any] | None, timezone: tzinfo) -> Iterator[tuple[str, object]]:
    """What only a running gateway knows; a newer or older one may say other things."""
    if live is None:
        return
    yield "since", clock(live.get("started_ms"), timezone)
    yield "listening", ", ".join(live.get("listening", [])) or None
    for name in ("datagrams_in", "datagrams_out", "received", "acknowledged", "duplicates", "knocks"):
        if name in live:
            yield name.replace("_", " "), live[name]
    if dtls := live.get("dtls"):
        yield "DTLS", _dtls(dtls)
    for name, radio in live.get("radios", {}).items():
        yield "radio", f"{name}: {_radio(radio)}"
    limited = [f"{live[name]} {words}" for name, words in LIMITED.items() if live.get(name)]
    if limited:
        yield "limits", ", ".join(limited)
    limit = next((lag for lag in live.get("lags", []) if lag.get("interval_ms")), None)
    if limit is not None:
        yield "limit", f"the homeserver takes {limit['rate']} of this account"
    for trouble in live.get("troubles", []):
        yield "trouble", trouble


def _dtls(dtls: Mapping[str, Any]) -> str:
    counts = f"{dtls['associations']} associations, {dtls['handshakes']} handshakes"
    extra = [f"{dtls[name]} {words}" for name, words in DTLS_COUNTS.items() if dtls[name]]
    return ", ".join([f"{dtls['listening']}: {counts}", *extra])


def _radio(radio: Mapping[str, Any]) -> str:
    how = radio["module"] if radio["ready"] else f"cannot be used: {radio['lost'] or 'not there yet'}"
    counts = f"{radio['heard']} frames heard, {radio['sent']} sent"
    if not radio["airtime_allowed_us"]:
        return f"{how}; {counts}"
    share = 100 * radio["airtime_us"] / radio["airtime_allowed_us"]
    return f"{how}; {counts}; {share:.1f} % of this hour's airtime used"


def _rooms(found: Mapping[str, Any], timezone: tzinfo) -> Iterator[tuple[str, object]]:
    for room in found.get("rooms", []):
        yield "room", f"{room['room']}: {'; '.join(_room(room, timezone))}"


def _room(room: Mapping[str, Any], timezone: tzinfo) -> Iterator[str]:
    count = room["waiting"]
    if count:
        lag_ms = room.get("lag_ms")
        since = f" for {span(lag_ms / 1000)}" if lag_ms else f" since {clock(room['oldest_ms'], timezone)}"
        yield f"1 record waits{since}" if count == 1 else f"{count} records wait, the oldest{since}"
    else:
        yield "nothing waits"
    if room.get("next_ms") is not None:
        yield f"next event expected {clock(room['next_ms'], timezone)}"
    trouble = "encrypted: nothing is ever posted" if room["encrypted"] else room.get("trouble") or room["paused"]
    if trouble:
        yield trouble


def _security(found: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    events = (found["live"] or {}).get("security", [])
    for event in events[:MOST_EVENTS]:
        yield "security", event["text"]
    if len(events) > MOST_EVENTS:
        yield "security", f"and {len(events) - MOST_EVENTS} more, see: comatrix status --json"


def _next(found: Mapping[str, Any]) -> str:
    if found["parked"]:
        return "comatrix queue --parked"
    if not found["running"]:
        return "comatrix gateway run"
    live = found["live"]
    lost = next((radio for radio in live.get("radios", {}).values() if not radio["ready"]), None)
    if lost is not None:
        return f"comatrix radio probe {lost['port']}"
    ill = live.get("silence") or live.get("troubles")
    ill = ill or any(room["paused"] or room["encrypted"] for room in found.get("rooms", []))
    return "comatrix doctor" if ill else ""
