"""What a running gateway counts, in the text form Prometheus reads (text exposition format 0.0.4)."""

from collections.abc import Iterable, Mapping
from typing import Any

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Sample = tuple[Mapping[str, str], float]

# name -> (type, what it is, key of status or of its "live")
WHOLE = {
    "comatrix_nodes": ("gauge", "Nodes that are provisioned.", "nodes"),
    "comatrix_records_total": ("counter", "Records ever stored.", "records"),
    "comatrix_records_late_total": ("counter", "Records that came after newer ones were posted.", "late"),
    "comatrix_records_waiting": ("gauge", "Records that no event holds yet.", "waiting"),
    "comatrix_outbox_sealed": ("gauge", "Events on their way to the homeserver.", "sealed"),
    "comatrix_outbox_parked": ("gauge", "Events that wait for a person.", "parked"),
    "comatrix_outbox_posted": ("gauge", "Posted events still in the database.", "posted"),
}
LIVE = {
    "comatrix_datagrams_in_total": ("counter", "UDP datagrams received.", "datagrams_in"),
    "comatrix_datagrams_out_total": ("counter", "UDP datagrams sent.", "datagrams_out"),
    "comatrix_acknowledged_total": ("counter", "Records acknowledged since the start.", "acknowledged"),
    "comatrix_duplicates_total": ("counter", "Records that were there already.", "duplicates"),
    "comatrix_knocks_total": ("counter", "Requests that were turned away.", "knocks"),
    "comatrix_dropped_total": ("counter", "Datagrams dropped unread.", "dropped"),
}


def metrics_text(status: Mapping[str, Any], rss_bytes: int, cpu_s: float, reachable: bool) -> str:
    """`status`: what the operation of that name answers in a running gateway."""
    live = status["live"] or {}
    lines: list[str] = []
    for table, values in ((WHOLE, status), (LIVE, live)):
        for name, (kind, text, key) in table.items():
            if key in values:
                lines += _family(name, kind, text, [({}, values[key])])
    database = status["database"]
    lines += _family("comatrix_database_bytes", "gauge", "Bytes in use in the database.", [({}, database["used"])])
    lines += _family("comatrix_database_max_bytes", "gauge", "[store] max_size.", [({}, database["max_size"])])
    lines += _family("comatrix_homeserver_reachable", "gauge", "0 while it is not.", [({}, int(reachable))])
    lines += _family("process_resident_memory_bytes", "gauge", "Resident memory.", [({}, rss_bytes)])
    lines += _family("process_cpu_seconds_total", "counter", "CPU time, user and system.", [({}, cpu_s)])
    lines += _radios(live.get("radios", {}))
    return "\n".join(lines) + "\n"


def _radios(radios: Mapping[str, Mapping[str, Any]]) -> list[str]:
    def of(key: str, scale: float = 1) -> list[Sample]:
        told = ((name, one.get(key)) for name, one in radios.items())
        return [({"radio": name}, value * scale) for name, value in told if value is not None]

    return [
        *_family("comatrix_radio_ready", "gauge", "1 while it listens.", of("ready")),
        *_family("comatrix_radio_sent_total", "counter", "Frames sent.", of("sent")),
        *_family("comatrix_radio_airtime_seconds", "gauge", "Airtime used in the last hour.", of("airtime_us", 1e-6)),
        *_family(
            "comatrix_radio_airtime_allowed_seconds",
            "gauge",
            "What the law allows an hour.",
            of("airtime_allowed_us", 1e-6),
        ),
    ]


def _family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> list[str]:
    told = [f"{name}{_labels(labels)} {float(value):.15g}" for labels, value in samples]
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}", *told] if told else []


def _labels(labels: Mapping[str, str]) -> str:
    """A label's value escapes backslash, quote and line end."""
    if not labels:
        return ""
    safe = {key: value.translate({92: "\\\\", 34: '\\"', 10: "\\n"}) for key, value in labels.items()}
    return "{" + ",".join(f'{key}="{value}"' for key, value in safe.items()) + "}"
