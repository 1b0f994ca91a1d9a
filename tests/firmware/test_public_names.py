"""What a person's program names stays as documented in the .mpy files: constructors and methods with their keywords."""

from collections.abc import Callable

PROGRAM = """
from comatrix_node.node import Node
from comatrix_node.config import parse
from comatrix_node.sensors.simulated import Simulated
from comatrix_node.sensors.battery import Battery
from comatrix_node.sensors.bme280 import Bme280

values = {"v": 1, "node": 7, "name": "garden", "secret": "00" * 16, "enrolment": 1, "gateway": "127.0.0.1:5683"}
node = Node(config=parse(values))


@node.sensor(word="temperature", every_s=60)
def temperature():
    return 21.5


interval = node.setting(name="interval", unit="s", low=5, high=60, digits=1, default=7.5, on_change=print)


@node.method("pulse", ("seconds", "s", 1, 60), "valve")
def pulse(seconds, valve):
    return None


@node.on_text
def show(text):
    print(text)


node.sensor("level", every_s=interval)(lambda: None)
node.sensor("weather", every_s=60)(Simulated(seed=7))
Battery(adc=None, upper_ohm=1, lower_ohm=1, samples=1)
node.post(readings={"humidity": 45})
node.say(text="hello", room=0)
node.step(wait_ms=0)
print(interval.value, node.pending(), node.now_s(), node.delivered, node.refused, node.dropped)
"""


def test_a_program_may_use_every_documented_keyword(on_device: Callable[[str], str]) -> None:
    assert on_device(PROGRAM).split() == ["7.5", "True", "None", "0", "0", "0"]
