"""docs/reference/lora-airtime.md: one reading of two sensors on the air, as we send it and as others would.

Every size is that of bytes made here; where a part of a foreign format is not built, it is named with its source.
`python -m comatrix.gateway.pages.airtimes` prints the tables.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from comatrix_lora.airtime import airtime_us
from comatrix_lora.frame import TAG, Peer
from comatrix_lora.regions import region
from comatrix_lora.rules import Data
from comatrix_lora.schema import climate

from comatrix.codec import cbor, coap, codes
from comatrix.codec.option_numbers import CONTENT_FORMAT, URI_PATH
from comatrix.gateway.aead import aead
from comatrix.gateway.pages.budgets import MID, NODE, SECRET, TOKEN, overheads, rows
from comatrix.session.keys import Keys, node_id
from comatrix.session.oscore import Binding
from comatrix.session.replay import Window

SFS = (7, 8, 9, 10, 11, 12)
BANDWIDTH_HZ = 125_000
EU868 = region("EU868")
VALUES = {0: 2137, 1: 452}
SAID = "21.37 °C, 45.2 %RH"
ROOM = "!OGEhHVWSdvArJzumhm:example.org"
SYNAPSE_TOKEN = "syt_" + "Z2FyZGVu" + "_" + 20 * "x" + "_" + 6 * "0"  # user in base64, 20 letters, a check of 6

# RFC 6347 section 4.1 and RFC 6655 section 4: header 13, explicit nonce 8, tag 8 (AES_128_CCM_8).
DTLS_RECORD = 13 + 8 + 8
# RFC 8446 section 5.2: header 5, content type 1, tag 16.
TLS_RECORD = 5 + 1 + 16
# MSC3079: the path of /rooms/{roomId}/send (its appendix B), the keys of the body (appendix A), CBOR's format number.
MSC3079_SEND = b"9"
MSC3079_BODY, MSC3079_MSGTYPE = 27, 28
CBOR_FORMAT = 60


@dataclass(frozen=True, slots=True)
class Way:
    """One way to say it: bytes handed to the radio, and what they are made of."""

    name: str
    size: int
    made_of: str

    def frames(self, sf: int) -> list[int]:
        """Sizes of the frames it takes where none is longer than EU868's limit: filled up, nothing for numbering."""
        most = EU868.max_payload(sf, BANDWIDTH_HZ) or 0
        whole, rest = divmod(self.size, most)
        return [most] * whole + ([rest] if rest else [])

    def airtime_us(self, sf: int) -> int:
        """Of all its frames: explicit header, CRC, preamble 8, coding rate 4/5."""
        return sum(airtime_us(size, sf, BANDWIDTH_HZ) for size in self.frames(sf))


def ways() -> list[Way]:
    """From the shortest to the longest."""
    packed = len(climate().pack(VALUES))
    datagram, sealed = rows()[0].size, overheads()[0].added
    foreign, web = len(msc3079_request()), len(https_request())
    return [
        Way("the floor", 1 + packed + TAG, f"{packed} of values, a tag of {TAG}, one byte for everything else"),
        Way("CoMatrix over LoRa", len(our_frame()), f"header 3, rule 1, values {packed}, tag {TAG}"),
        Way("CoAP over OSCORE", datagram + sealed, f"CoMatrix over UDP: datagram {datagram}, OSCORE {sealed}"),
        Way("CoAP over DTLS", datagram + DTLS_RECORD, f"the same datagram {datagram}, a DTLS record {DTLS_RECORD}"),
        Way("MSC3079 over DTLS", foreign + DTLS_RECORD, f"CoAP and CBOR {foreign}, a DTLS record {DTLS_RECORD}"),
        Way("JSON over HTTPS", web + TLS_RECORD, f"HTTP/1.1 and JSON {web}, a TLS 1.3 record {TLS_RECORD}"),
    ]


def our_frame() -> bytes:
    """A node's frame in the short form: any but the first after a boot."""
    node = Peer(
        Keys(SECRET, node_id(NODE), b"", aead, b"l").context(),
        lambda kid, counter: Binding(kid, counter, b"").aad,
        Window(),
    )
    rule = Data(0, climate().pack(VALUES)).encode()
    node.seal_request(300, rule)
    return node.seal_request(301, rule)


def msc3079_request() -> bytes:
    """PUT of an m.room.message as MSC3079 says; its access token went before, with an earlier request."""
    path = (MSC3079_SEND, ROOM.encode(), b"m.room.message", b"1")
    options = [*((URI_PATH, segment) for segment in path), (CONTENT_FORMAT, bytes((CBOR_FORMAT,)))]
    body = cbor.encode({MSC3079_BODY: SAID, MSC3079_MSGTYPE: "m.notice"})
    return coap.encode(coap.Message(coap.CON, codes.PUT, MID, TOKEN, options, body))


def https_request() -> bytes:
    """The same by the client-server API, with no header that it can do without."""
    body = json.dumps({"body": SAID, "msgtype": "m.notice"}, separators=(",", ":"), ensure_ascii=False).encode()
    head = (
        f"PUT /_matrix/client/v3/rooms/{ROOM}/send/m.room.message/1 HTTP/1.1",
        "Host: example.org",
        f"Authorization: Bearer {SYNAPSE_TOKEN}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*head, "", "")).encode() + body


def milliseconds(us: int) -> str:
    """Rounded, with a decimal below 100."""
    return f"{us / 1000:.1f}" if us < 100_000 else f"{us / 1000:,.0f}"


def _row(way: Way) -> str:
    cells = []
    for sf in SFS:
        frames = len(way.frames(sf))
        cells.append(milliseconds(way.airtime_us(sf)) + (f" ({frames})" if frames > 1 else ""))
    return f"| {way.name} | {way.size} | {' | '.join(cells)} |"


def _hours(way: Way) -> str:
    """Readings in an hour of 1 % duty cycle."""
    return f"| {way.name} | {' | '.join(f'{36_000_000 // way.airtime_us(sf):,}' for sf in SFS)} |"


def _tables() -> Iterator[str]:
    heads = " | ".join(f"SF{sf}" for sf in SFS)
    lines = "|---" * len(SFS) + "|"
    yield f"| one reading of two sensors, up | bytes | {heads} |"
    yield "|---|---" + lines
    yield from map(_row, ways())
    yield ""
    yield f"| readings in an hour at 1 % duty cycle | {heads} |"
    yield "|---" + lines
    yield from map(_hours, ways())


PAGE = """# One reading on the air

What it takes to say "21.37 °C, 45.2 %RH" once, encrypted and authenticated, over a LoRa radio: milliseconds on air at
125 kHz, coding rate 4/5, preamble 8, explicit header, CRC. In brackets: into how many frames it has to be cut, by
EU868's payload limits (242 bytes at SF7 and SF8, 115 at SF9, 51 from SF10 on).

{first}

![Airtime of one reading, from the floor to JSON over HTTPS](../pictures/lora-airtime.svg)

{second}

1 % is EU868's duty cycle at 868.1 MHz. `comatrix radio airtime` tells both for any size, setting and region.

## What was counted

| | bytes | made of |
|---|---|---|
{made_of}

All others are counted in their favour:

- no answer, no ACK, no handshake. That of DTLS 1.2 with a pre-shared key takes 600 to 730 bytes (22 to 29 s at SF12),
  that of TLS brings certificates, too;
- no IP, UDP or TCP header (28 to 60 bytes, of which SCHC or 6LoWPAN leave out some);
- cut into frames without a byte to number them, and no frame is lost;
- MSC3079: sealed as cheaply as DTLS 1.2 can (AES_128_CCM_8), its access token sent once before. Counted was, before
  DTLS, {lb} bytes for a message as matrix-org/lb sends it ([wire.md](wire.md)); the request built here takes {msc3079},
  with a room id of {room} characters;
- HTTPS: a path, a host, a token of {token} characters and a length, nothing else. HTTP/2 would leave out much of that
  from the second request of a connection on; no LoRa link keeps one open.

**The floor** is what anybody needs who authenticates {values} bytes of values with a tag of {tag}: one byte for node,
counter and all else. CoMatrix spends three bytes more: the rest of a header that names version, node and counter, and
the rule that says what stands in the frame. At SF12 they cost nothing.

`python -m comatrix.gateway.pages.airtimes` prints the tables. This page is made from
`comatrix/gateway/pages/airtimes.py` by `make docs`.
"""


def markdown() -> str:
    """docs/reference/lora-airtime.md."""
    tables = list(_tables())
    gap = tables.index("")
    return PAGE.format(
        first="\n".join(tables[:gap]),
        second="\n".join(tables[gap + 1 :]),
        made_of="\n".join(f"| {way.name} | {way.size} | {way.made_of} |" for way in ways()),
        lb=rows()[0].msc3079,
        msc3079=len(msc3079_request()),
        room=len(ROOM),
        token=len(SYNAPSE_TOKEN),
        values=len(climate().pack(VALUES)),
        tag=TAG,
    )


if __name__ == "__main__":
    sys.stdout.write("\n".join(_tables()) + "\n")
