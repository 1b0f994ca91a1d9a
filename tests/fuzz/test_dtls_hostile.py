"""The node's DTLS client under fire: a part of what `make soak` does, and every bit of an honest server's flights."""

import pytest

from tests.fuzz.dtls_hostile import attack, main
from tests.support.dtls_bench import PSK, DtlsBench
from tests.support.dtls_scripted import ScriptedServer


def test_hostile_datagrams_change_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert min(attack(3000, 1).values()) > 500
    assert main(["--datagrams", "300", "--seed", "2"]) == 0
    assert "none believed" in capsys.readouterr().out


class Flipping(ScriptedServer):
    """One bit of its `place`-th record is flipped, once."""

    def __init__(self, place: int, bit: int) -> None:
        super().__init__(PSK, bytes(32))
        self.place = place
        self.bit = bit
        self.count = 0

    def receive(self, datagram: bytes) -> list[bytes]:
        out = []
        for record in super().receive(datagram):
            spoiled = bytearray(record)
            if self.count == self.place:
                spoiled[self.bit // 8] ^= 1 << self.bit % 8
            self.count += 1
            out.append(bytes(spoiled))
        return out


def agrees(place: int, bit: int) -> bool:
    """Whether the handshake succeeded; then both sides speak with the same keys."""
    server = Flipping(place, bit)
    bench = DtlsBench(server)
    if not bench.connect(200_000):
        return False
    bench.say(b"said")
    bench.answer([server.record(23, b"heard", 1)])
    bench.run(10)
    assert (server.received, bench.received, server.established) == ([b"said"], [b"heard"], True)
    return True


@pytest.mark.parametrize("place, size", list(enumerate([31, 74, 25, 14, 53])))
def test_no_flipped_bit_of_a_flight_opens_what_both_sides_do_not_agree_on(place: int, size: int) -> None:
    outcomes = [agrees(place, bit) for bit in range(place, 8 * size, 7)]
    assert len(outcomes) > 10
    if place != 1:
        assert any(outcomes), "what is lost comes again"
