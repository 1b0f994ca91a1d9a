"""Listens on the air that no OSCORE nonce seals two messages (RFC 8613 section 7.2), through any resets."""

from collections import defaultdict
from dataclasses import dataclass, field

from comatrix.codec import coap
from comatrix.codec.option_numbers import OSCORE
from comatrix.gateway.demo.lossy_link import Address
from comatrix.session.oscore import read_option_untrusted

Sealed = dict[tuple[str, int], set[bytes]]  # (whose nonce, counter) -> what was sealed with it


@dataclass(slots=True)
class NonceWatch:
    """The `tap` of a link. For one node that keeps its counter and runs Appendix B.2 at most once."""

    sealed: Sealed = field(default_factory=lambda: defaultdict(set))
    _asked: dict[bytes, int] = field(default_factory=dict)  # token -> counter of the request

    def __call__(self, data: bytes, node: Address, up: bool) -> None:
        """One datagram."""
        message = coap.decode_untrusted(data)
        for number, value in message.options:
            if number == OSCORE:
                counter, _, _ = read_option_untrusted(value)
                if up:
                    assert counter is not None
                    self._asked[message.token] = counter
                    self.sealed["node", counter].add(message.payload)
                elif counter is None:
                    # Under the request's nonce, but under the other key: it is counted apart from the request.
                    self.sealed["answer", self._asked[message.token]].add(message.payload)
                else:
                    self.sealed["gateway", counter].add(message.payload)

    def assert_no_nonce_was_used_twice(self) -> None:
        """Repeats of the very same bytes are fine."""
        assert self.sealed
        twice = sorted(name for name, ciphertexts in self.sealed.items() if len(ciphertexts) > 1)
        assert not twice, f"(key, nonce) used for different messages: {twice}"
