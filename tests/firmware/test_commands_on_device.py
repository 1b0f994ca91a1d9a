"""A real MicroPython process is told things by a gateway on a real socket, from source and compiled."""

import select
import socket
import threading
from collections.abc import Callable, Iterator
from random import Random

import pytest

from tests.support.commanding import Commanding

SECRET = bytes(range(16))
PROGRAM = """
from comatrix_node.node import Node
from comatrix_node.config import parse

node = Node(config=parse({"v": 1, "node": 7, "name": "garden", "secret": "%s", "enrolment": 1,
                          "gateway": "127.0.0.1:%d", "ack_timeout_ms": 200}))
interval = node.setting("interval", unit="s", low=5, high=86400, digits=0, default=600, on_change=print)
level = node.setting(name="level", unit="m", low=0, high=2.5, digits=2, default=1.25)
label = node.setting("label", default="plot")
node.sensor("temperature", every_s=interval)(lambda: 20)


@node.method("pulse", ("seconds", "s", 1, 60), "valve")
def pulse(seconds, valve):
    return "%%s for %%d s" %% (valve, seconds)


@node.method("sulk")
def sulk():
    raise OSError(5)


@node.on_text
def show(text):
    print("shown:", text)
    node.store.keep(b"", "over")


for turn in range(600):
    node.step(20)
    if turn %% 10 == 0 and not node.pending():
        node.post({"humidity": 40})
        if node.store.kept("over") is not None:
            break
print(interval.value, level.value, label.value, node.sensors.next_due() - node.clock.now() > 1000)
"""


class Socket:
    """The gateway's, served by a thread until the test is over."""

    def __init__(self) -> None:
        self.gateway = Commanding(7, SECRET, Random(1))
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        while not self.over.is_set():
            if select.select([self.socket], [], [], 0.05)[0]:
                data, address = self.socket.recvfrom(2048)
                self.gateway.receive(data, 0)
                for answer in self.gateway.take(0):
                    self.socket.sendto(answer, address)


@pytest.fixture
def served() -> Iterator[Socket]:
    found = Socket()
    yield found
    found.over.set()
    found.thread.join()
    found.socket.close()


def test_a_node_obeys_and_its_settings_outlive_the_process(on_device: Callable[[str], str], served: Socket) -> None:
    gateway = served.gateway
    for order in ((0, 60), (1, 205), (2, "north"), (3, 5, "left"), (4,), (9,), (0, 1), ("soup is ready",)):
        gateway.told(*order)
    program = PROGRAM % (SECRET.hex(), served.port)
    said = on_device(program).splitlines()
    assert said[0] == "60"
    assert said[-2:] == ["shown: soup is ready", "60 2.05 north True"]
    values = [result.value for result in gateway.results]
    assert (
        values
        == [60, 205, "north", "left for 5 s", "[Errno 5] EIO", None, "interval is from 5 to 86400", None][: len(values)]
    )
    assert [result.status for result in gateway.results] == [0, 0, 0, 0, 1, 2, 1, 0][: len(values)]
    assert len(values) >= 7
    assert len(gateway.described) == 1
    assert on_device(program).splitlines()[-1] == "60 2.05 north True"


OBSERVER = """
from comatrix_node.node import Node
from comatrix_node.config import parse

node = Node(config=parse({"v": 1, "node": 7, "name": "garden", "secret": "%s", "enrolment": 1, "observe": True,
                          "gateway": "127.0.0.1:%d", "ack_timeout_ms": 200}))
heard = []
node.on_text(heard.append)
for turn in range(600):
    node.step(20)
    if len(heard) == 3 and not node.pending():
        break
print(heard)
"""


def test_a_node_that_observes_is_told_one_after_the_other(on_device: Callable[[str], str], served: Socket) -> None:
    served.gateway.later = [("one",), ("two",), ("three",)]
    assert on_device(OBSERVER % (SECRET.hex(), served.port)) == "['one', 'two', 'three']\n"
    assert served.gateway.requests.count("GET c") <= 2  # an Echo may be asked for once
