"""Records kept in flash through deep sleep and resets. Loaded by nodes that sleep, or find some when they start."""

from comatrix.codec import cbor
from comatrix_node.node import Node
from comatrix_node.waiting import Waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MOST = 1100  # the largest buffer, and what does not count there


def stash(node: Node, wake: int) -> bool:
    """Keep what is unsent, until the clock after a deep sleep would say `wake`; whether all is safe."""
    named = _named(node)
    kept = [[item.values, wake - item.at_ms, item.seq, item.path] for item in node.waiting]
    if not node.written(node.store.keep, cbor.encode([node.config.enrolment, kept])):
        return False
    node.kept = len(kept)
    return named


def _named(node: Node) -> bool:
    """Give all that wait their seq: sent again after a reset, they are the same records. Whether they have one."""
    if not node.greeted:
        return False  # it may have to go on above what the gateway knows of it
    if node.client.open is not None and node.client.open.seq is not None:
        node.waiting[0].seq = node.client.open.seq
    counter = node.client.counter
    bare = [item for item in node.waiting if item.seq is None]
    if counter.next + len(bare) > counter.limit:
        limit = max(counter.next, counter.limit) + len(bare)
        if not node.save("counter", limit):
            return False
        counter.granted(limit)
    for item in bare:
        node.count_dropped(item)
        item.seq = counter.take()
    return True


def take_up(node: Node, data: bytes) -> None:
    """Take up what was kept; it stays in flash until all of it is delivered."""
    whole: "Any" = cbor.decode_untrusted(data, max_items=_MOST)
    now = node.clock.now()
    for values, age_ms, seq, *path in whole[1]:  # earlier firmware kept no path
        if whole[0] != node.config.enrolment:
            if path == ["c"]:
                continue  # it would answer another item that has this one's id
            seq = None
        if seq is not None:
            node.client.counter.skip_below(seq + 1)  # the state may be lost, and with it who has this one
        if path == ["c"]:
            node.state["command"] = max(node.state["command"], values[0])
        node.waiting.append(Waiting(values, now - age_ms, seq, *path))
    node.kept = len(node.waiting)
