"""What is fuzzed of block-wise and Observe: scripts of steps, and what must hold after each."""

from random import Random

from comatrix.codec import coap, codes
from comatrix.codec.option_numbers import BLOCK1, BLOCK2, ECHO, ETAG, OBSERVE, REQUEST_TAG, URI_PATH
from comatrix.codec.records import Command
from comatrix.gateway.aead import aead
from comatrix.gateway.downlink import states
from comatrix.gateway.downlink.items import Item, NewItem, Order
from comatrix.gateway.model import Node
from comatrix.gateway.uplink.associations import Address
from comatrix.session import oscore
from comatrix.session.blockwise import read_block_untrusted
from comatrix.session.duplicates import Seen
from comatrix.session.fetching import Fetching
from comatrix.session.keys import Keys, node_id
from comatrix.session.server import Peer, Request
from comatrix.session.serving import Incoming
from comatrix.session.shaping import block_value
from comatrix.session.transfers import Transfers
from tests.support.gateway_world import NODE_ADDRESS, GatewayWorld, MemoryDisk
from tests.support.written_mail import WrittenMail

MOST_STEPS = 60
MOST_BYTES = 2000
SECRET = bytes(range(16))
ELSEWHERE: Address = (0, ("203.0.113.66", 4000))


def fetched(data: bytes) -> None:
    """Four bytes a step: a block option of two, what kind of answer, how much of a block."""
    fetching = Fetching(data[0] % 7 if data else 6, MOST_BYTES)
    for at in range(1, len(data) - 3, 4):
        ((_, value),) = fetching.options()
        number, _, size = read_block_untrusted(value)
        next_one = block_value(number, not data[at + 2] & 16, size.bit_length() - 5)
        said = next_one if data[at + 2] & 1 else data[at : at + 2].lstrip(b"\x00")
        options = [(ETAG, b"A" if data[at + 2] & 2 else b"B"), (BLOCK2, said)]
        if data[at + 2] & 4:
            options.pop()
        size = (16 << (said[-1] & 7 if said else 0)) if data[at + 3] & 1 else data[at + 3]
        whole = fetching.take_untrusted(coap.CONTENT if data[at + 2] & 8 else data[at + 2], options, bytes(size))
        assert whole == fetching.whole
        if whole:
            return
        assert len(fetching.body) <= MOST_BYTES


class Sender:
    """A node that sends one body after another under each of two tags, block by block as it is answered."""

    def __init__(self, number: int) -> None:
        self.peer = Peer(number, 0)
        self.generation = [0, 0]
        self.begun = [False, False]
        self.counter = 0
        self.held_back: list[Request] = []

    def body(self, tag: int, generation: int) -> bytes:
        """All there is of a body: nearly no part of it is in any other."""
        return Random(self.peer.node << 16 | tag << 12 | generation).randbytes(MOST_BYTES + 1024)

    def block(self, tag: int, number: int, more: bool, exponent: int) -> Request:
        """A block, right in itself; block 0 is of another body than what came before."""
        self.counter += 1
        self.generation[tag] += number == 0
        size = 16 << exponent
        part = self.body(tag, self.generation[tag])[number * size :][: size if more else 1 + size // 2]
        options = [(URI_PATH, b"m"), (BLOCK1, block_value(number, more, exponent)), (REQUEST_TAG, bytes((tag,)))]
        message = coap.Message(coap.CON, coap.POST, 1, b"", options, part)
        request = Request(self.peer, Incoming("a", message, Seen(b"", 0), 0), coap.POST, options, part)
        request.counter = self.counter
        return request


def transfers(data: bytes) -> None:
    """Three bytes a step: who and what, which block, how large. No body that is whole has a part of another.

    Somebody holds blocks back and lets them through later, in any order.
    """
    taken = Transfers(MOST_BYTES, 3, 2)
    senders = [Sender(number) for number in range(1, 4)]
    now = 0
    for at in range(0, min(len(data) - 2, 3 * MOST_STEPS), 3):
        what, number, how = data[at : at + 3]
        now += how << (what >> 3 & 7)
        sender, tag = senders[what % 3], what >> 2 & 1
        if what & 0x80 and sender.held_back:
            request = sender.held_back.pop(number % len(sender.held_back))
            late = request.options[2][1][0]
            if taken.take(request, now) is None:
                bodies = [sender.body(late, one) for one in range(sender.generation[late] + 1)]
                assert any(body.startswith(request.payload) for body in bodies), "parts of different bodies"
            continue
        if not sender.begun[tag]:
            number = 0
        request = sender.block(tag, number % 32, bool(how & 8), how % 7)
        if what & 0x40:
            sender.held_back.append(request)
            sender.begun[tag] = sender.begun[tag] and number % 32 > 0  # it waits for the answer
            continue
        said = taken.take(request, now)
        sender.begun[tag] = said is not None and said.code == codes.CONTINUE
        assert len(taken.bodies) <= 3
        if said is None:
            assert sender.body(tag, sender.generation[tag]).startswith(request.payload), "parts of different bodies"
            assert len(request.payload) <= MOST_BYTES


REGISTER, CANCEL, TELL, OVER, ACK, RESET, TIME, MOVE, RESTART, ASK = range(10)


class Watched:
    """A gateway, and a node that may observe; `sent` are the notifications nobody acknowledged yet."""

    def __init__(self) -> None:
        self.disk = MemoryDisk()
        self.disk.provision(1, SECRET)
        self.mail = WrittenMail()
        self.world = GatewayWorld(self.disk, {1: Node(1, "garden", 1, 1)}, mail=self.mail)
        self.context = Keys(SECRET, node_id(1), b"", aead).context()
        self.counter = 0
        self.id = 0
        self.newest = -1  # counter of the newest notification
        self.addr: Address = NODE_ADDRESS
        self.sent: list[int] = []
        self.observes = False

    def step(self, what: int, how: int) -> None:
        """One thing happens."""
        if what in (REGISTER, CANCEL, ASK):
            self.ask([] if what == ASK else [(OBSERVE, b"" if what == REGISTER else b"\x01")])
        elif what == TELL and 1 not in self.mail.items:
            self.id += 1
            self.mail.items[1] = Command(self.id, 0, [how])
            self.changed(states.QUEUED, None)
        elif what == OVER and self.mail.items.pop(1, None) is not None:
            self.changed((states.CONFIRMED, states.NOT_CONFIRMED)[how & 1], self.id)
        elif what in (ACK, RESET) and self.sent:
            mid = self.sent[how % len(self.sent)]
            type = coap.ACK if what == ACK else coap.RST
            self.world.receive(coap.encode(coap.Message(type, coap.EMPTY, mid)), self.addr)
        elif what == TIME:
            self.world.now += how << 8
            self.world.server.handle_timer(self.world.now)
        elif what == MOVE:
            self.addr = ELSEWHERE if self.addr == NODE_ADDRESS else NODE_ADDRESS
        elif what == RESTART:
            self.world.restart()
            self.observes = False
        self.look()

    def changed(self, state: str, id: int | None) -> None:
        order = Order("set", "interval", (600,), "interval = 600 s")
        self.world.receiver.observers.changed(Item(1, NewItem(1, order, "@ann:x", 0, 9), state, id))

    def ask(self, options: list[tuple[int, bytes]]) -> None:
        """GET c, and once more with the Echo of a challenge."""
        plain, wanted = options == [], options == [(OBSERVE, b"")]
        for _ in range(2):
            self.counter += 1
            given = sorted([(URI_PATH, b"c"), *options])
            outer, outside, sealed, binding = oscore.protect_request(self.context, self.counter, coap.GET, given, b"")
            self.world.receive(
                coap.encode(coap.Message(coap.CON, outer, self.counter, b"T", outside, sealed)), self.addr
            )
            answers = [data for data, _ in self.world.sent if data[0] >> 4 & 3 == coap.ACK]
            self.look()
            assert len(answers) == 1
            code, inner = self.opened(answers[0], binding)
            if code != coap.UNAUTHORIZED:
                said = [number for number, _ in inner]
                assert (OBSERVE in said) == wanted
                self.observes = wanted or (self.observes and plain)
                return
            options = [*options, *(one for one in inner if one[0] == ECHO)]
        raise AssertionError("an Echo that was sent back at once is not taken")

    def opened(self, data: bytes, binding: oscore.Binding) -> tuple[int, list[tuple[int, bytes]]]:
        message = coap.decode_untrusted(data)
        own, _, _ = oscore.read_option_untrusted(dict(message.options)[9])
        code, inner, _ = oscore.unprotect_response_untrusted(self.context, binding, own, message.payload)
        return code, inner

    def look(self) -> None:
        """What was sent: notifications to a registered node alone, one at a time, under counters that grow."""
        assert len(self.world.receiver.observers) <= 1
        for data, _ in self.world.sent:
            message = coap.decode_untrusted(data)
            if message.type != coap.CON:
                continue
            assert self.observes, "nobody registered"
            counter, _, _ = oscore.read_option_untrusted(dict(message.options)[9])
            assert counter is not None
            if message.mid not in self.sent:
                assert counter > self.newest
                self.newest = counter
                self.sent.append(message.mid)
            assert counter == self.newest or message.mid in self.sent
        self.world.take()


def observing(data: bytes) -> None:
    """Two bytes a step: what happens, and how."""
    watched = Watched()
    for at in range(0, min(len(data) - 1, 2 * MOST_STEPS), 2):
        watched.step(data[at] % 10, data[at + 1])
