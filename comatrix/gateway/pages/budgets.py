"""What each message costs on the air, measured from the real encoders, beside what others spend (`make bytes`).

The figures of CoMatrix 2021 and of MSC3079 (as matrix-org/lb speaks it) are CoAP datagrams of the same purpose.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from comatrix.codec import coap
from comatrix.codec.option_numbers import MAX_AGE, OBSERVE, URI_PATH, uint_bytes
from comatrix.codec.records import Answer, Command, Readings, Text, encode
from comatrix.gateway.aead import aead
from comatrix.session import oscore
from comatrix.session.keys import Keys, node_id

TOKEN = b"\x01"
MID = 0x1234
SEQ = 65_535  # the dearest seq of the budgets
NODE = 7
SECRET = bytes(range(16))


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of message. `budget`: the most it may take; None for what others do not have."""

    message: str
    size: int
    budget: int
    comatrix_2021: int | None
    msc3079: int | None


def rows() -> list[Row]:
    """CoAP datagrams before security, as docs/reference/wire.md section 3 lists them."""
    reading = Readings({0: 2137, 1: 452})
    here, elsewhere = Text("0123456789"), Text("0123456789", 2)
    item = Command(SEQ, 3, [1 << 31])
    return [
        Row("reading of two sensors", _request(b"r", encode(reading)), 17, 181, 101),
        Row("the same with its seq", _request(b"r", encode(reading, SEQ)), 20, 181, 101),
        Row("text of 10 characters, default room", _request(b"m", encode(here)), 20, 181, 101),
        Row("the same with its seq", _request(b"m", encode(here, SEQ)), 23, 181, 101),
        Row("text of 10 characters, other room", _request(b"m", encode(elsewhere)), 21, 181, 101),
        Row("the same with its seq", _request(b"m", encode(elsewhere, SEQ)), 24, 181, 101),
        Row("answer", _answer(Answer()), 5, 63, 65),
        Row("answer with the time", _answer(Answer(time_s=1_760_000_000)), 11, 63, 65),
        Row("command in an answer", _answer(Answer(item=item)), 16, None, 337),
        Row("command as a notification", _notification(Answer(item=item), None), 19, None, 337),
        Row("the same with a Max-Age of its own", _notification(Answer(item=item), 900), 22, None, 337),
    ]


@dataclass(frozen=True, slots=True)
class Overhead:
    """What OSCORE adds to one datagram."""

    message: str
    added: int
    budget: int


def overheads() -> list[Overhead]:
    """By the length of the counter, for a node number below 256."""
    found = []
    for size, counter in enumerate((1 << 8, 1 << 16, 1 << 24), start=1):
        request, bare, under_own = _sealed(counter - 1)
        found.append(Overhead(f"request, counter of {size} B", request, 13 + size))
        if size == 1:
            found.append(Overhead("answer under the request's nonce", bare, 11))
        found.append(Overhead(f"answer under its own counter of {size} B", under_own, 12 + size))
    return found


def _request(path: bytes, payload: bytes) -> int:
    return len(coap.encode(coap.Message(coap.CON, coap.POST, MID, TOKEN, [(URI_PATH, path)], payload)))


def _answer(answer: Answer) -> int:
    return len(coap.encode(coap.Message(coap.ACK, coap.CHANGED, MID, TOKEN, (), answer.encode())))


def _notification(answer: Answer, max_age_s: int | None) -> int:
    options = [(OBSERVE, uint_bytes(SEQ))] + ([] if max_age_s is None else [(MAX_AGE, uint_bytes(max_age_s))])
    return len(coap.encode(coap.Message(coap.CON, coap.CONTENT, MID, TOKEN, options, answer.encode())))


def _sealed(counter: int) -> tuple[int, int, int]:
    """Bytes OSCORE adds under `counter`: to a reading, to its answer, to its answer under the gateway's counter."""
    node = Keys(SECRET, node_id(NODE), b"", aead).context()
    gateway = Keys(SECRET, b"", node_id(NODE), aead).context()
    payload = encode(Readings({0: 2137, 1: 452}))
    code, options, sealed, binding = oscore.protect_request(node, counter, coap.POST, [(URI_PATH, b"r")], payload)
    request = len(coap.encode(coap.Message(coap.CON, code, MID, TOKEN, options, sealed))) - _request(b"r", payload)
    answers = []
    for own in (None, counter):
        code, options, sealed = oscore.protect_response(gateway, binding, own, coap.CHANGED, (), b"")
        answers.append(len(coap.encode(coap.Message(coap.ACK, code, MID, TOKEN, options, sealed))) - _answer(Answer()))
    return request, answers[0], answers[1]


def table() -> str:
    """The tables as text."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield f"{'CoAP datagram before security':<38}{'bytes':>6}{'budget':>8}{'CoMatrix 2021':>15}{'MSC3079':>9}"
    for row in rows():
        yield f"{row.message:<38}{row.size:>6}{row.budget:>8}{_figure(row.comatrix_2021):>15}{_figure(row.msc3079):>9}"
    yield ""
    yield f"{'OSCORE adds to':<38}{'bytes':>6}{'budget':>8}"
    for overhead in overheads():
        yield f"{overhead.message:<38}{overhead.added:>6}{overhead.budget:>8}"


def _figure(value: int | None) -> str:
    return "-" if value is None else str(value)


if __name__ == "__main__":
    sys.stdout.write(table())
