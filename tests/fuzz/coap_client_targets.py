"""Targets of `comatrix coap`: what its requests take as their answers, and its DTLS as records."""

from contextlib import suppress

from comatrix.codec import coap
from comatrix.codec.option_numbers import OSCORE
from comatrix.errors import MessageFormatError
from comatrix.gateway.aead import aead
from comatrix.gateway.edges.coap_client.errors import NoHandshake
from comatrix.gateway.edges.coap_client.fresh_keys import ProtectedRequest
from comatrix.gateway.edges.coap_client.link import Bare, Dtls
from comatrix.gateway.edges.coap_client.security import PlainRequest
from comatrix.gateway.edges.dtls.client import Client
from comatrix.gateway.edges.dtls.engine import Association
from comatrix.session.keys import Keys
from tests.support.dtls_engines import opened

_CONTEXT = Keys(bytes(16), b"\x01", b"", aead).context()


def plain(data: bytes) -> None:
    """open_untrusted: the message as it is."""
    try:
        message = coap.decode_untrusted(data)
    except MessageFormatError:
        return  # no message, so nobody asks what it says
    opened = PlainRequest(coap.GET, [], b"").open_untrusted(message)
    assert (opened.code, opened.options, opened.payload) == (message.code, list(message.options), message.payload)


def sealed(data: bytes) -> None:
    """open_untrusted: whatever stands in the option and behind it, nothing of it is believed."""
    at = data[0] % 16 if data else 0
    message = coap.Message(coap.ACK, coap.CONTENT, 1, b"", [(OSCORE, data[1 : 1 + at])], data[1 + at :])
    ProtectedRequest(_CONTEXT, 1, coap.GET, [], b"").open_untrusted(message)
    raise AssertionError("nobody sealed that")


def bare(data: bytes) -> None:
    """open_untrusted: the datagram is the message."""
    assert Bare().open_untrusted(data) == ([data], [])


def dtls(data: bytes) -> None:
    """open_untrusted: nothing in it is a message, before a handshake and after, and what stands goes on."""
    fresh = Client(b"garden", bytes(16))
    fresh.begin()
    with suppress(NoHandshake):
        assert Dtls(fresh).open_untrusted(data)[0] == []
    client, server = _living()
    link = Dtls(client)
    assert link.open_untrusted(data) == ([], [])
    server.send(b"still here")
    (record,) = server.out
    server.out = []
    assert link.open_untrusted(record) == ([b"still here"], [])


_LIVING: list[tuple[Client, Association]] = []


def _living() -> tuple[Client, Association]:
    """One for all inputs: what one of them leaves behind may harm a later one."""
    if not _LIVING:
        _LIVING.append(opened(b"garden", bytes(16)))
    return _LIVING[0]
