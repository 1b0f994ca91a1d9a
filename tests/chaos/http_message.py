"""HTTP/1.1 messages off a stream, whole: as much of RFC 9112 as the gateway and homeservers speak to each other."""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer. `raw`: its bytes as they came. Header names are in lower case."""

    first: str
    headers: dict[str, str]
    body: bytes
    raw: bytes


async def read_message(reader: asyncio.StreamReader) -> Message | None:
    """The next message, None where the stream ended before one began. Raises IncompleteReadError, ConnectionError."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body, raw = await _read_chunks(reader)
        return Message(first, headers, body, head + raw)
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Message(first, headers, body, head + body)


async def _read_chunks(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """(the body, its bytes as they came)."""
    body = raw = b""
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line, 16)
        data = await reader.readexactly(size + 2)
        raw += line + data
        if not size:
            return body, raw
        body += data[:-2]
