"""A gateway put back from a backup in the middle of a run: its nodes make new keys, and no nonce seals two messages."""

import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from comatrix.codec import coap
from comatrix.codec.option_numbers import OSCORE
from comatrix.gateway.edges.store import snapshot
from comatrix.gateway.sim.books import Books
from comatrix.gateway.sim.reading import parse
from comatrix.gateway.sim.report import figures
from comatrix.gateway.sim.simulation import Outcome, _Simulation
from comatrix.gateway.sim.virtual_time import SimLoop, run
from comatrix.session.oscore import read_option_untrusted

BACKED_UP_MS = 30 * 60_000
SCENARIO = """
[scenario]
duration = "100min"
drain = "20min"
[link.good]
loss = 0.1
delay_ms = 30
[[node]]
name = "awake"
link = "good"
count = 2
interval = "1min"
[[fault]]
at = "70min"
kind = "gateway-restart"
for = "10s"
"""


@dataclass(slots=True)
class KeyedNonces:
    """What was sealed under each key and nonce of a node that runs Appendix B.2 again and again (RFC 8613 B.2).

    A key is named by the kid context that made it; a request without one is under the last that was made."""

    sealed: dict[tuple[bytes, str, int], set[bytes]] = field(default_factory=lambda: defaultdict(set))
    keys: set[bytes] = field(default_factory=set)
    _key: bytes = b""
    _asked: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)  # token -> key, counter of the request

    def __call__(self, data: bytes, up: bool) -> None:
        message = coap.decode_untrusted(data)
        for number, value in message.options:
            if number != OSCORE:
                continue
            counter, _, context = read_option_untrusted(value)
            if up:
                assert counter is not None
                if context is not None and len(context) > 9:  # request #2: R2 || R3
                    self._key = context
                key = context or self._key
                self.keys.add(key)
                self._asked[message.token] = key, counter
                self.sealed[key, "node", counter].add(message.payload)
            else:
                key, asked = self._asked[message.token]
                name = ("answer", asked) if counter is None else ("gateway", counter)
                self.sealed[key, *name].add(message.payload)

    def twice(self) -> list[tuple[bytes, str, int]]:
        return sorted(name for name, ciphertexts in self.sealed.items() if len(ciphertexts) > 1)


class Restored(_Simulation):
    """Backs up after half an hour, beside the running gateway; the restart at 70 min is a restore."""

    trusted = False  # planted: the copy is taken for the original

    def watch(self, copy: Path) -> None:
        self.copy = copy
        self.watches: dict[int, KeyedNonces] = defaultdict(KeyedNonces)
        self.restored: list[bool] = []
        self.keys_before: dict[int, int] = {}
        self._fleet.on_datagram = lambda number, up, data: self.watches[number](data, up)
        self._progress = self._back_up

    def _back_up(self, now_ms: int, _books: Books) -> None:
        if now_ms >= BACKED_UP_MS and not self.copy.exists():
            snapshot.take(self._database, self.copy)

    async def _start_gateway(self) -> None:
        if self.restored:
            self.keys_before = {number: len(one.keys) for number, one in self.watches.items()}
            beside = self._database.with_name(self._database.name + ".instance")
            snapshot.put_back(self.copy, self._database)
            if self.trusted:
                beside.write_text(snapshot.COPY + "\n")
        await super()._start_gateway()
        assert self._gateway is not None
        self.restored.append(self._gateway.store.restored)


def play(kind: type[Restored]) -> tuple[Outcome, Restored]:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        made: list[Restored] = []

        async def whole(loop: SimLoop) -> Outcome:
            simulation = kind(
                parse(SCENARIO, "restored.toml"), 1, Path(folder), loop, lambda *_: None, None, None, None
            )
            simulation.watch(Path(folder) / "backup.db")
            made.append(simulation)
            return await simulation.play()

        return run(whole), made[0]


def test_a_restored_gateway_makes_new_keys_and_no_nonce_repeats() -> None:
    outcome, played = play(Restored)
    assert played.restored == [False, True]
    told = figures(outcome)
    assert (told["missing"], told["doubled"]) == (0, 0)
    assert len(played.watches) == 2
    for number, watch in played.watches.items():
        assert len(watch.keys) > played.keys_before[number], "it made no new key"
        assert watch.twice() == []


def test_a_copy_taken_for_the_original_would_be_seen_to_keep_its_old_keys() -> None:
    class Trusting(Restored):
        trusted = True

    _, played = play(Trusting)
    assert played.restored == [False, False]
    assert {number: len(one.keys) for number, one in played.watches.items()} == played.keys_before
