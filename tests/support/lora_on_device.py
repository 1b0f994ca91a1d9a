"""A LoRa node in a real MicroPython process, in virtual time: its radio's driver asks this side how the time goes on.

The device says "S now frame" when it sends, and "W now until" when it waits; it is told "time frame", or "time -".
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from comatrix_lora.mac import Channel
from comatrix_lora.medium.randomness import Stream

from tests.support.lora_gateway import NODE, SECRET, LoraGateway
from tests.support.micropython import real_micropython

DEVICE = """
import gc, sys
{prepare}
from comatrix_node.node import Node
from comatrix_node import parts
from binascii import hexlify, unhexlify


class Clock:
    at = 0
    def now(self):
        return self.at


class Driver:
    def __init__(self):
        self.packets = []
        self.until = None
        self.receives = False
    def configure(self, values):
        assert not self.receives and self.until is None
        self.sf = values["sf"]
    def standby(self):
        self.receives = False
        self.until = None
    sleep = standby
    def prepare_send(self, packet):
        self.packet = bytes(packet)
    def start_send(self):
        print("S", clock.at, hexlify(self.packet).decode())
        self.until = clock.at + airtime_ms(len(self.packet), self.sf)
    def poll_send(self):
        if self.until is None:
            return False
        if clock.at < self.until:
            return True
        self.until = None
        return 1
    def start_recv(self, timeout_ms=None, continuous=False):
        assert continuous and self.until is None
        self.receives = True
    def poll_recv(self):
        return bytearray(self.packets.pop(0)) if self.packets else self.receives


def wait(ms):
    until = clock.at + ms if driver.until is None else min(clock.at + ms, max(driver.until, clock.at + 1))
    print("W", clock.at, until)
    at, frame = sys.stdin.readline().split()
    clock.at = int(at)
    if frame != "-" and driver.receives and driver.until is None:
        driver.packets.append(unhexlify(frame))


def airtime_ms(size, sf):
    return node.channel.airtime_ms(size, sf)


class Store:
    step = 8
    state = None
    files = {{}}
    def load(self):
        return None
    def save(self, state):
        self.state = dict(state)
    def keep(self, data, name="waiting"):
        self.files[name] = data
    def kept(self, name="waiting"):
        return self.files.get(name)
    def forget(self):
        self.files.pop("waiting", None)


clock = Clock()
driver = Driver()
config = parts.config()
from comatrix_node.link_driver import DriverLink
node = Node(config, DriverLink(lambda: driver, config.link, airtime_ms, clock, wait), Store(), clock, {random})
"""
RANDOM = "lambda n: (clock.at * 7919 + 13) % n"


class Device:
    """`finish()` runs it to its end: what it printed beside the protocol."""

    def __init__(
        self,
        script: str,
        folder: Path,
        path: Path,
        heap: str | None,
        loss: float = 0.0,
        seed: int = 1,
        interval_s: int = 600,
        prepare: str = "",
        **config: Any,
    ) -> None:
        lora = {"module": "sx1262", "region": "EU868", "frequency_hz": 868_100_000, "sf": 7}
        lora |= {"sck": 1, "mosi": 2, "miso": 3, "cs": 4, "busy": 5}
        values = {"v": 1, "node": NODE, "name": "garden", "secret": SECRET.hex(), "enrolment": 1}
        values |= {"interval_s": interval_s, "lora": lora, **config}
        (folder / "config.json").write_text(json.dumps(values))
        main = folder / "main_under_test.py"
        main.write_text(DEVICE.format(random=RANDOM, prepare=prepare) + script)
        options = ["-X", f"heapsize={heap}"] if heap else []
        self.process = subprocess.Popen(
            [real_micropython().path, *options, str(main)],
            cwd=folder,
            env={**os.environ, "MICROPYPATH": f"{path}:.frozen"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.random = Stream(seed, "device")
        self.loss = loss
        self.channel = Channel(7, preamble=12)
        self.gateway = LoraGateway(self.channel, self.random.below, interval_s * 1000)
        self.up: list[tuple[int, bytes]] = []  # when a frame has arrived at the gateway
        self.down: list[tuple[int, bytes]] = []
        self.busy_until = 0
        self.sent = 0
        self.offers: dict[int, Any] = {}  # at -> what to do then

    def finish(self) -> list[str]:
        printed = []
        assert self.process.stdout is not None and self.process.stdin is not None
        for line in self.process.stdout:
            words = line.split()
            if words[:1] == ["S"]:
                self._sent(int(words[1]), bytes.fromhex(words[2]))
            elif words[:1] == ["W"]:
                at, frame = self._wait(int(words[1]), int(words[2]))
                self.process.stdin.write(f"{at} {frame.hex() or '-'}\n")
                self.process.stdin.flush()
            else:
                printed.append(line.rstrip("\n"))
        if self.process.wait():
            pytest.fail("MicroPython ended: " + "\n".join(printed))
        return printed

    def _lost(self) -> bool:
        return self.random.below(1000) < 1000 * self.loss

    def _sent(self, now: int, frame: bytes) -> None:
        self.sent += 1
        if not self._lost():
            self.up.append((now + self.channel.airtime_us(len(frame), 7) // 1000 + 1, frame))

    def _wait(self, now: int, until: int) -> tuple[int, bytes]:
        while True:
            for at in [at for at in self.offers if at <= now]:
                self.offers.pop(at)(now)
            while self.up and self.up[0][0] <= now:
                self.gateway.receive(self.up.pop(0)[1], now)
            if now >= self.busy_until:
                for frame in self.gateway.frames(now):
                    self.busy_until = now + self.channel.airtime_us(len(frame), 7) // 1000 + 1
                    if not self._lost():
                        self.down.append((self.busy_until, frame))
            if self.down and self.down[0][0] <= now:
                return now, self.down.pop(0)[1]
            if now >= until:
                return now, b""
            due = self.gateway.next_deadline(now)
            times = [until, *self.offers, *([due] if due is not None else [])]
            times += [at for at, _ in self.up[:1] + self.down[:1]]
            now = max(now + 1, min(times))
