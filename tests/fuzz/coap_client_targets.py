"""Targets of `comatrix coap`: what its requests take as their answers."""

from comatrix.codec import coap
from comatrix.codec.option_numbers import OSCORE
from comatrix.errors import MessageFormatError
from comatrix.gateway.aead import aead
from comatrix.gateway.edges.coap_client.fresh_keys import ProtectedRequest
from comatrix.gateway.edges.coap_client.security import PlainRequest
from comatrix.session.keys import Keys

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
