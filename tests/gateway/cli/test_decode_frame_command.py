"""`comatrix decode frame` explains a frame without keys, and with a node's keys what it says; it changes nothing."""

import hashlib
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from comatrix_lora.header import parse_untrusted
from comatrix_lora.rules import Ack, Aged, Command, Data, Feedback, Fragment, History, Record, Rekey, Rule
from comatrix_lora.schema import MISSING, Field, Schema, climate, encode_older

from comatrix.codec import cbor
from comatrix.codec.description import Description
from comatrix.gateway.edges.store import descriptions
from comatrix.gateway.edges.store.database import connect_writer
from comatrix.gateway.edges.store.store import Store
from tests.lora.frame_sides import Sides

Comatrix = Callable[..., Result]
NOW = {0: 2137, 1: 452}
VALUES = climate().pack(NOW)
ADD = ("node", "add", "--room", "#garden:localhost", "--gateway-address", "pi.local:5683")


class Garden:
    """A gateway's folder with the nodes garden and shed, and frames sealed with garden's keys."""

    def __init__(self, comatrix: Comatrix, folder: Path) -> None:
        self.run = comatrix
        self.home = folder / "home"
        assert comatrix("room", "create", "garden").exit_code == 0
        for name in ("garden", "shed"):
            out = str(folder / f"{name}.json")
            assert comatrix(*ADD, name, "--out", out).exit_code == 0
        said = json.loads((folder / "garden.json").read_text())
        self.secret = said["secret"]
        self.sides = Sides(said["node"], bytes.fromhex(self.secret))

    def explained(self, frame: bytes, node: str = "garden") -> Any:
        result = self.run("decode", "frame", frame.hex(), "--node", node, "--json")
        assert self.secret not in result.output
        return json.loads(result.stdout)["value"]

    def words(self, frame: bytes, *options: str) -> str:
        result = self.run("decode", "frame", frame.hex(), *options)
        assert result.exit_code == 0
        assert self.secret not in result.output
        return result.stdout

    def database(self) -> str:
        """What stands in the database's file."""
        return hashlib.sha256((self.home / "comatrix.db").read_bytes()).hexdigest()


@pytest.fixture
def garden(ready: Comatrix, tmp_path: Path) -> Garden:
    return Garden(ready, tmp_path)


def test_without_keys_the_header_is_told(comatrix: Comatrix) -> None:
    frame = Sides().node.seal_request(20, Data(0, VALUES).encode())
    result = comatrix("decode", "frame", frame.hex())
    assert result.exit_code == 0
    assert "19 bytes: a header of 7, 4 of content and a tag of 8" in result.stdout
    assert "from node 7, to its gateway" in result.stdout
    assert "counter  20\n" in result.stdout
    assert "--node NAME" in result.stdout


@pytest.mark.parametrize(
    ("hex", "why"),
    [
        ("", "shorter than a header"),
        ("6007", "shorter than a header"),
        ("xyz", "not hexadecimal"),
        ("2007" + "00" * 13, "version"),
        ("6100" + "00" * 13, "version"),
        ("6000" + "00" * 13, "number 0"),
        ("6807" + "00" * 13, "version"),
        ("600714" + "00" * 8, "no length of a frame"),
        ("600714" + "00" * 253, "no length of a frame"),
    ],
)
def test_what_is_no_frame_is_told(comatrix: Comatrix, hex: str, why: str) -> None:
    result = comatrix("decode", "frame", hex)
    assert result.exit_code == 1
    assert why in result.stderr
    assert "next: comatrix decode frame --help" in result.stderr
    answer = json.loads(comatrix("decode", "frame", hex, "--json").stdout)
    assert not answer["ok"] and why in answer["error"]


def test_a_reading_is_told_by_its_words(garden: Garden) -> None:
    told = garden.explained(garden.sides.node.seal_request(20, Data(0, VALUES, ack=True).encode()))
    assert (told["size"], told["direction"], told["message"], told["form"], told["counter"]) == (
        *(19, "up", "request", "long"),
        20,
    )
    content = told["content"]
    assert (content["kind"], content["ack_wanted"], content["schema"]) == ("data", True, 0)
    assert [(part["name"], part["value"]) for part in content["readings"][0]] == [
        ("temperature", "21.37"),
        ("humidity", "45.2"),
    ]


def test_readings_are_told_by_the_schema_the_node_announced(garden: Garden) -> None:
    schema = Schema([Field(3, 3000, 11000)])
    said = Description(schemas={20: schema.as_list(), 21: [3, 9, 0, 1]}).body()
    with closing(connect_writer(garden.home / "comatrix.db")) as connection:
        descriptions.put(connection, 1, bytes(8), cbor.encode(said), 1_700_000_000_000)
    frame = garden.sides.node.seal_request(20, Data(20, schema.pack({3: 10_132})).encode())
    [[reading]] = garden.explained(frame)["content"]["readings"]
    assert (reading["word"], reading["raw"]) == (3, 10_132)
    unknown = garden.sides.node.seal_request(21, Data(21, b"\x01").encode())
    assert garden.explained(unknown)["content"]["problem"] == "schema 21 is in no description that this node has sent"


def test_everything_a_frame_says_is_told_in_words(garden: Garden) -> None:
    node, gateway = garden.sides.node, garden.sides.gateway
    older = encode_older(climate(), NOW, {0: 2140, 1: MISSING})
    command = Command(3, 1, b"\x18\x1e")
    up: list[tuple[Rule, list[str]]] = [
        (
            History(0, 250, 1, VALUES + older),
            ["temperature 21.37 °C", "1 before: temperature 21.40", "missing"],
        ),
        (History(0, 254, 3, VALUES), ["oldest open ends in 254, also 255, 0"]),
        (Aged(0, 9, [77], VALUES), ["the newest is 9 counters behind the frame; 77 s old"]),
        (
            Aged(0, 0, [0, 700, 900], VALUES + 2 * older, 250, 1),
            ["oldest open ends in 250, also 251", "0 counters behind the frame; 0, 700, 900 s old", "2 before:"],
        ),
        (Data(20, VALUES), ["schema 20 is in no description", VALUES.hex()]),
        (Data(0, b"\xff"), ["not the size of this schema"]),
        (Record("m", b"\x81\x63hey"), ['to the default room: "hey"']),
        (Record("m", b"\xff"), ["resource m: ff"]),
        (Record("m", b"\x81\x63hey", behind=3), ['to the default room: "hey"', "again: first sent 3 counters before"]),
        (Fragment("d", 1, 0, 10, 4, bytes(5)), ["transfer 1, block 0, seed 4 over 10 symbols, 5 bytes"]),
    ]
    for counter, (rule, expected) in enumerate(up, 1):
        frame = node.seal_request(counter, rule.encode())
        garden.sides.up(frame)
        said = garden.words(frame, "--node", "GARDEN")
        assert all(text in said for text in expected), said
    down: list[tuple[Rule, list[str]]] = [
        (Ack(5, 0b101, time_s=1_800_000_000, command=command, describe=True, advice=7), ["stored below 5, also 6, 8"]),
        (Ack(5, 0, command=command), ["item 3: setting or method 1 with [30]"]),
        (command, ["item 3: setting or method 1 with [30]"]),
        (Command(3, 1, b"\xff"), ["arguments that are no CBOR: ff"]),
        (Record("t", b"\x1a\x6b\x49\xd2\x00"), ["answer"]),
        (Feedback(b"\x07\x20\x03"), ["of transfer 7: 2003"]),
        (Rekey(), ["of new keys"]),
        (Rekey(301), ["new keys are in use, and the node goes on at counter 301"]),
    ]
    for own, (rule, expected) in enumerate(down):
        for frame in (gateway.seal_response(own + 1, rule.encode()), gateway.seal_response(8, rule.encode(), own)):
            said = garden.words(frame, "--node", "garden")
            assert "to node 1, from its gateway" in said
            assert all(text in said for text in expected), said
    strange = garden.words(node.seal_request(100, b"\x72abc"), "--node", "1")
    assert "cannot be read: a feedback has no such low part" in strange


def test_every_form_of_a_frame_is_opened(garden: Garden) -> None:
    node, gateway = garden.sides.node, garden.sides.gateway
    plain = Data(0, VALUES).encode()
    garden.sides.up(node.seal_request(299, plain))
    found = [
        garden.explained(frame)
        for frame in (
            node.seal_request(300, plain),
            gateway.seal_response(299, plain),
            gateway.seal_response(299, plain, 500),
            gateway.seal_response(299, plain, 501),
            gateway.seal_request(502, plain),
        )
    ]
    assert [(one["counter"], one["request_counter"], one["form"]) for one in found] == [
        (300, None, "short"),
        (None, 299, "short"),
        (500, 299, "long"),
        (501, 299, "short"),
        (502, None, "short"),
    ]
    assert all(one["content"]["raw"] == plain.hex() for one in found)


def test_keys_that_do_not_fit_are_told(garden: Garden) -> None:
    frame = garden.sides.node.seal_request(20, Data(0, VALUES).encode())
    assert garden.explained(frame[:-1] + bytes((frame[-1] ^ 1,)))["unread"].startswith("the keys of garden do not fit")
    assert garden.explained(frame, "shed")["unread"] == "shed is node 2"


def test_who_has_no_keys_is_told(garden: Garden, comatrix: Comatrix) -> None:
    assert "There is no node 'attic'" in garden.run("decode", "frame", "00", "--node", "attic").stderr
    lent = garden.run("--home", str(garden.home.parent / "none"), "decode", "frame", "00", "--node", "garden")
    assert "no database" in lent.stderr
    assert lent.exit_code == 2


def test_nothing_is_changed(garden: Garden) -> None:
    """Looked into twice, a frame says the same: no window has moved."""
    frame = garden.sides.node.seal_request(20, Data(0, VALUES).encode())
    before = garden.database()
    assert garden.explained(frame) == garden.explained(frame)
    assert garden.database() == before


def test_it_looks_beside_a_running_gateway(garden: Garden) -> None:
    frame = garden.sides.node.seal_request(20, Data(0, VALUES).encode())
    with Store.open(garden.home / "comatrix.db", 1_700_000_000_000):
        assert garden.explained(frame)["content"]["kind"] == "data"


def new_keys(garden: Garden) -> list[bytes]:
    """The frames of a run of Appendix B.2: two requests with their responses, and a reading under the new keys."""
    node, gateway = garden.sides.node, garden.sides.gateway
    first, second, third = (bytes((value,)) * 8 for value in (1, 2, 3))
    assert node.derive is not None and gateway.derive is not None
    asking, asked = node.derive(first), gateway.derive(first)
    request = asking.seal_request(40, Rekey(None, True).encode(), 1, first)
    asked.open_untrusted(parse_untrusted(request), request)
    answering = gateway.derive(second + first)
    answering.take_over(asked)
    response = answering.seal_response(40, Rekey().encode(), None, second)
    proving, proven = node.derive(second + third), gateway.derive(second + third)
    proof = proving.seal_request(41, Rekey(None, True).encode(), 2, third)
    proven.open_untrusted(parse_untrusted(proof), proof)
    return [request, response, proof, proven.seal_response(41, Rekey(42).encode()), proving.seal_request(42, VALUE)]


VALUE = Data(0, VALUES).encode()


def explained_in_order(garden: Garden, frames: list[bytes]) -> list[Any]:
    lines = "".join(frame.hex() + "\n" for frame in frames)
    result = garden.run("decode", "frame", "-", "--node", "garden", "--json", input=lines)
    assert garden.secret not in result.output
    return [json.loads(line)["value"] for line in result.stdout.splitlines()]


def test_a_run_for_new_keys_is_opened_in_its_order(garden: Garden) -> None:
    frames = new_keys(garden)
    told = explained_in_order(garden, frames)
    assert [one["content"]["kind"] for one in told] == ["rekey"] * 4 + ["data"]
    assert [(one["step"], one["extra"][:2], one["message"]) for one in told] == [
        (1, "01", "request"),
        (1, "02", "response"),
        (2, "03", "request"),
        (0, "", "response"),
        (0, "", "request"),
    ]
    assert [(one["counter"], one["request_counter"]) for one in told[:3]] == [(40, None), (None, 40), (41, None)]
    assert told[3]["content"]["following"] == 42


def test_a_frame_for_new_keys_says_in_words_which_it_is(garden: Garden) -> None:
    request, response, proof, *_ = new_keys(garden)
    said = garden.words(request, "--node", "garden")
    assert "request #1 for new keys (RFC 8613 Appendix B.2), R1 0101010101010101" in said
    assert "REKEY, an ack is wanted" in said
    assert "response #1 for new keys (RFC 8613 Appendix B.2), R2 0202020202020202" in garden.words(response)
    assert "request #2 for new keys (RFC 8613 Appendix B.2), R3 0303030303030303" in garden.words(proof)


def test_without_the_frames_before_it_is_told_what_is_missing(garden: Garden) -> None:
    request, response, proof, *_ = new_keys(garden)
    assert "give that first, on a line before" in garden.explained(response)["unread"]
    assert "come from response #1" in garden.explained(proof)["unread"]
    spoiled = request[:-1] + bytes((request[-1] ^ 1,))
    told = explained_in_order(garden, [spoiled, response, proof])
    assert [one["content"] for one in told] == [None] * 3, "a request that is not authentic teaches nothing"


def test_request_2_is_opened_once_its_keys_are_stored(garden: Garden) -> None:
    _, _, proof, settled, reading = new_keys(garden)
    with closing(connect_writer(garden.home / "comatrix.db")) as connection:
        connection.execute(
            "update context set link = 'l', id_context = ? where node = 1", (bytes((2,)) * 8 + bytes((3,)) * 8,)
        )
        connection.commit()
    assert [one["content"]["kind"] for one in explained_in_order(garden, [proof, settled, reading])] == [
        "rekey",
        "rekey",
        "data",
    ]
