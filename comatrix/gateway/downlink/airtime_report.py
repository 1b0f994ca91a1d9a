"""How much airtime the links of the gateway have used and may use, in words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from comatrix.gateway.downlink.costs import left_words, used_words
from comatrix.gateway.downlink.replies import span_words
from comatrix.gateway.model import Node
from comatrix.gateway.uplink.sanitise import clean_name


@dataclass(frozen=True, slots=True)
class LinkReport:
    """A link. `used_us` of the last hour and `allowed_us` an hour, None: there is no duty cycle; `next_free_ms`: when
    it may send again, Unix ms, None: now. `nodes`: those of the room that are on it. Datagrams since `since_ms`, None:
    nobody counts."""

    name: str
    used_us: int | None = None
    allowed_us: int | None = None
    next_free_ms: int | None = None
    nodes: int = 0
    received: int | None = None
    sent: int | None = None
    since_ms: int = 0


Air = Callable[[Sequence[Node]], Sequence[LinkReport]]  # nodes of a room -> the links


def report_text(links: Sequence[LinkReport], now_ms: int) -> str:
    """A line a link."""
    return "\n".join(_line(link, now_ms) for link in links) or "This gateway has no link."


def _line(link: LinkReport, now_ms: int) -> str:
    parts = [_duty(link, now_ms), "1 node here" if link.nodes == 1 else f"{link.nodes} nodes here"]
    if link.received is not None and link.sent is not None:
        lasted = span_words(max(0, now_ms - link.since_ms))
        parts.append(f"{link.received} datagrams received and {link.sent} sent in {lasted}")
    return f"{clean_name(link.name)}: {', '.join(parts)}"


def _duty(link: LinkReport, now_ms: int) -> str:
    if link.used_us is None or link.allowed_us is None:
        return "no duty cycle"
    used = f"{used_words(link.used_us)} of {left_words(link.allowed_us)} airtime used this hour"
    waits_s = 0 if link.next_free_ms is None else -((now_ms - link.next_free_ms) // 1000)  # rounded up
    return f"{used}, may send {f'again in {span_words(waits_s * 1000)}' if waits_s > 0 else 'now'}"
