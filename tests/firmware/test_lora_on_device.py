"""A real MicroPython over LoRa: 200 readings at 30 % loss, each once and in order, commands once, in a small heap."""

from pathlib import Path

from comatrix_lora.rules import Command

from tests.support.lora_on_device import Device

PROGRAM = """
done = []


@node.method("pulse", ("seconds", "s", 1, 60))
def pulse(seconds):
    done.append(seconds)
    return 2 * seconds


most = 0
for number in range(200):
    node.post({"temperature": number / 100, "humidity": 45})
    end = clock.at + 600000
    while clock.at < end:
        node.step(end - clock.at)
    gc.collect()
    most = max(most, gc.mem_alloc())
end = clock.at + 6 * 3600000
while clock.at < end:
    node.step(600000)
# Gone is what was needed once: what reads the configuration, and what a life before left.
once = [name for name in ("lora_config", "lora_recall", "config", "parts") if "comatrix_node." + name in sys.modules]
print(once, done, most)
"""


def test_200_readings_arrive_once_and_in_order_in_a_small_heap(lora_compiled: Path, tmp_path: Path) -> None:
    device = Device(PROGRAM, tmp_path, lora_compiled, "128k", loss=0.3)
    for id in range(1, 11):
        command = Command(id, 0, bytes((id,)))
        device.offers[id * 3_600_000] = lambda now, command=command: device.gateway.tell(command, now)
    printed = device.finish()
    assert [values[0] for values in device.gateway.by_seq()] == list(range(200))
    done, _, most = printed[-1].rpartition(" ")
    assert done == "[] " + str(list(range(1, 11)))
    assert device.gateway.results == [[id, 0, 2 * id] for id in range(1, 11)]
    assert int(most) < 120_000
