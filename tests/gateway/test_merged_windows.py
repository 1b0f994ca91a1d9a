"""A gateway starts on any window its database merged: the table keeps 64 bits, the session looks at fewer."""

from pathlib import Path

from comatrix.gateway.edges.store import contexts, nodes, rooms
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.model import WindowMove
from comatrix.gateway.uplink.resting import Resting, pack_stored
from comatrix.session.replay import SIZE


def test_a_window_merged_wider_than_the_sessions_rests_and_wakes(tmp_path: Path) -> None:
    full = (1 << SIZE) - 1
    with Store.open(tmp_path / "gateway.db", 0) as store:
        node = store.write(lambda c: nodes.add(c, "garden", rooms.add(c, "!a:b").id, now_ms=0))
        made = store.write(lambda c: contexts.add(c, node.number, "u", bytes(16)))
        store.write(lambda c: contexts.move_windows(c, [WindowMove(made.id, 40, full)]))
        store.write(lambda c: contexts.move_windows(c, [WindowMove(made.id, 60, 1)]))
        (stored,) = store.read(lambda c: contexts.living(c, node.number))
    assert stored.mask > full
    window = Resting(pack_stored(stored, 256), 256).window
    assert [counter for counter in range(29, 70) if window.fresh(counter)] == [*range(41, 60), *range(61, 70)]
