"""A DTLS client on a real UDP socket of the running loop, for tests."""

import asyncio
import contextlib
import itertools
import socket

from comatrix.codec import coap
from comatrix.codec.option_numbers import URI_PATH
from tests.support.dtls_client import MemoryClient
from tests.support.dtls_gateway import IDENTITY, KEY, eventually

_MIDS = itertools.count(1)
Options = list[tuple[int, bytes]]


class Talker:
    """`heard`: the CoAP messages that came. Close it."""

    def __init__(self, port: int, identity: bytes = IDENTITY, key: bytes = KEY, host: str = "127.0.0.1") -> None:
        self._loop = asyncio.get_running_loop()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.heard: list[coap.Message] = []
        self._loop.add_reader(self.socket.fileno(), self._readable)
        self.restart(identity, key)

    def restart(self, identity: bytes = IDENTITY, key: bytes = KEY) -> None:
        """As after a reboot: nothing is known of what was before."""
        self.client = MemoryClient(identity, key)
        self.client.step()
        self._flush()
        self._timer()

    def _timer(self) -> None:
        self._tick = self._loop.call_later(0.1, self._timer)
        self.client.timer()
        self._flush()

    async def open(self, within_s: float = 10.0) -> "Talker":
        """The handshake is done, one way or the other."""
        await eventually(lambda: self.client.open or self.client.error is not None, within_s)
        return self

    async def ask(self, code: int, path: str, payload: bytes = b"", options: Options | None = None) -> coap.Message:
        """A confirmable request -> its answer."""
        mid = next(_MIDS) & 0xFFFF
        token = mid.to_bytes(2, "big")
        all_options = sorted([*(options or []), (URI_PATH, path.encode())])
        self.say(coap.Message(coap.CON, code, mid, token, all_options, payload))
        await eventually(lambda: any(one.token == token for one in self.heard))
        return next(one for one in self.heard if one.token == token)

    def say(self, message: coap.Message) -> None:
        self.client.send(coap.encode(message))
        self._flush()

    def close(self) -> None:
        self._tick.cancel()
        self._loop.remove_reader(self.socket.fileno())
        self.socket.close()

    def _flush(self) -> None:
        for datagram in self.client.take():
            with contextlib.suppress(OSError):
                self.socket.send(datagram)

    def _readable(self) -> None:
        while True:
            try:
                data = self.socket.recv(2048)
            except OSError:
                break
            self.heard += map(coap.decode_untrusted, self.client.give(data))
        self._flush()
