"""The dialogs of tests/vectors/serial_modems.json, verbatim, against the node's own parsers; also on MicroPython."""

import json
from pathlib import Path
from typing import Any

from tests.support.micropython import run_script

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "serial_modems.json").read_text())

# Runs on both: `RYLR` and `RAK` are the vectors, what it prints is what it found.
DIALOG = """
from comatrix_node.modem_at import AtModem
from comatrix_node.modem_rak import Rak
from comatrix_node.modem_rylr import Rylr


class Radio:
    frequency_hz = 868000000
    sf = 7
    bandwidth_hz = 125000
    coding_rate = 5
    preamble = 10
    power_dbm = 14
    least_dbm = 0
    network_id = 18
    binary_safe = True


def airtime_ms(size, sf):
    return 50


def set_up(dialect, answers):
    modem = AtModem(dialect, airtime_ms, 115200)
    modem.opened(0)
    written = []
    now = 0
    while True:
        line = modem.bytes_to_write().decode()
        if not line:
            return modem, written
        written.append(line)
        now += 5
        for part in answers(line).encode().split(b"\\n"):
            if part:
                modem.receive(part + b"\\n", now)


def in_pieces(modem, said, size, now):
    data = said.encode()
    for at in range(0, len(data), size):
        modem.receive(data[at : at + size], now)


def rylr_says(line):
    return "+%s=9\\r\\n" % line[3:-3] if line.endswith("?\\r\\n") else "+OK\\r\\n"


def rak_says(line):
    values = {"AT+VER=?": "AT+VER=RUI_4.0.6_RAK3172-E\\r\\n", "AT+NWM=?": "AT+NWM=1\\r\\n"}
    return values.get(line.strip(), "") + "OK\\r\\n"


for size in (1, 3, 1000):
    modem, written = set_up(Rylr(Radio()), rylr_says)
    assert modem.ready(), written
    modem.transmit(b"HELLO", 1000)
    told = modem.bytes_to_write().decode()
    # A node speaks to every module of the network, the dialog to number 120.
    assert told.split(",", 1)[0] == "AT+SEND=0", told
    assert told.split(",", 1)[1] == RYLR["tx"].split(",", 1)[1], told
    in_pieces(modem, RYLR["tx_ok"], size, 1010)
    assert modem.ended is None, "accepted is not yet sent"
    assert not modem.ready()
    modem.handle_timer(modem.next_deadline())
    assert modem.ended is not None and modem.ready()
    in_pieces(modem, RYLR["rx"], size, 2000)
    assert modem.heard == [b"HELLO"], modem.heard
    dialect = modem.dialect
    assert dialect.limit == RYLR["max"]
    assert dialect.on_air(5) == 5 + RYLR["air_overhead_bytes"]
    # By length, not by comma or line end, as the vectors note.
    modem.heard = []
    in_pieces(modem, "+RCV=50,7,+OK\\r\\n,,,-99,40\\r\\n", size, 3000)
    assert modem.heard == [b"+OK\\r\\n,,"], modem.heard

    modem, written = set_up(Rak(Radio()), rak_says)
    assert modem.ready(), written
    assert RAK["p2p"] in written, written
    assert RAK["cfg"] in written, written
    assert written[-1] == RAK["rxmode"], written
    modem.transmit(bytes([0x11, 0x22, 0x33, 0x44]), 1000)
    assert modem.bytes_to_write().decode() == RAK["tx"]
    in_pieces(modem, "OK\\r\\n", size, 1010)
    assert modem.ended is None
    in_pieces(modem, RAK["tx_event"], size, 1100)
    assert modem.ended == 1100 and modem.ready()
    in_pieces(modem, RAK["rx"], size, 2000)
    in_pieces(modem, RAK["older_fw_rx"], size, 2100)
    assert modem.heard == [b"Hello Rak3172", b"Hello"], modem.heard
    low, high = RAK["hex_chars"]
    assert low <= 2 * 1 and 2 * modem.dialect.limit <= high
print("dialogs agree")
"""


def script() -> str:
    head = f"RYLR = {VECTORS['rylr']!r}\nRAK = {VECTORS['rak3172']!r}\n"
    return head + DIALOG


def test_the_nodes_parsers_speak_the_dialogs(capsys: Any) -> None:
    exec(compile(script(), "dialog", "exec"), {"__name__": "dialog"})
    assert capsys.readouterr().out == "dialogs agree\n"


def test_they_do_so_on_micropython(tmp_path: Path) -> None:
    assert run_script(script(), tmp_path) == "dialogs agree\n"
