"""Key derivation beside independent implementations; counters and replay windows beside the simplest model of them."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from comatrix.errors import BAD_OPTION, CounterError, OscoreError
from comatrix.session import keys
from comatrix.session.counter import LAST, Counter
from comatrix.session.hkdf import hkdf, hmac_sha256, sha256
from comatrix.session.replay import SIZE, Window


@given(st.binary(max_size=200), st.lists(st.binary(max_size=100), max_size=4))
def test_hmac_is_the_standard_librarys(key: bytes, parts: list[bytes]) -> None:
    assert hmac_sha256(key, *parts) == hmac.digest(key, b"".join(parts), "sha256")
    assert sha256(*parts) == hashlib.sha256(b"".join(parts)).digest()


@given(st.binary(max_size=80), st.binary(max_size=80), st.binary(max_size=80), st.integers(1, 100))
def test_hkdf_is_the_cryptography_packages(salt: bytes, secret: bytes, info: bytes, length: int) -> None:
    theirs = HKDF(hashes.SHA256(), length, salt, info).derive(secret)
    assert hkdf(salt, secret, info, length) == theirs


def test_hkdf_gives_rfc_5869_test_case_1() -> None:
    salt, info = bytes(range(13)), bytes(range(0xF0, 0xFA))
    assert hkdf(salt, b"\x0b" * 22, info, 42).hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )


def test_a_nodes_id_is_as_short_as_its_number() -> None:
    assert [keys.node_id(number) for number in (1, 255, 256, 65535)] == [b"\x01", b"\xff", b"\x01\x00", b"\xff\xff"]


@pytest.mark.parametrize(
    "wrapped", [b"", b"\x48", b"\x48" + bytes(7), b"\x47" + bytes(8), b"\x48" + bytes(9), bytes(9)]
)
def test_only_the_cbor_byte_string_of_the_right_size_is_unwrapped(wrapped: bytes) -> None:
    assert keys.unwrap_untrusted(keys.wrap(bytes(8)), 8) == bytes(8)
    with pytest.raises(OscoreError) as caught:
        keys.unwrap_untrusted(wrapped, 8)
    assert caught.value.code == BAD_OPTION


@given(
    st.integers(0, 1000), st.integers(1, 20), st.lists(st.sampled_from(["take", "grant", "crash", "skip"]), max_size=80)
)
def test_no_value_is_given_twice_through_any_crash(start: int, step: int, events: list[str]) -> None:
    stored = start
    counter = Counter(stored, step)
    given_out: list[int] = []
    for event in events:
        if event == "grant":
            stored = counter.wanted()  # synced first
            counter.granted(stored)
        elif event == "crash":
            counter = Counter(stored, step)
        elif event == "skip":
            counter.skip_below(counter.next + 3)
        elif counter.ready():
            given_out.append(counter.take())
            assert given_out[-1] < stored
        else:
            with pytest.raises(CounterError):
                counter.take()
    assert given_out == sorted(set(given_out))


def test_an_old_grant_takes_nothing_back_and_skipping_never_goes_down() -> None:
    counter = Counter(10, 8)
    counter.granted(18)
    counter.granted(12)
    counter.skip_below(5)
    assert [counter.take() for _ in range(8)] == list(range(10, 18))


def test_a_counter_ends_at_five_bytes() -> None:
    counter = Counter(LAST - 1, 8)
    counter.granted(counter.wanted())
    assert counter.take() == LAST - 1
    with pytest.raises(CounterError):
        counter.take()


@given(st.lists(st.integers(0, 200), max_size=150))
def test_a_window_accepts_each_counter_once_and_none_that_is_too_old_to_tell(counters: list[int]) -> None:
    window = Window()
    accepted: set[int] = set()
    for counter in counters:
        highest = max(accepted, default=-1)
        assert window.fresh(counter) is (counter not in accepted and counter > highest - SIZE)
        if window.fresh(counter):
            window.accept(counter)
            accepted.add(counter)
        assert (window.highest, window.mask >> SIZE) == (max(accepted, default=-1), 0)
        assert Window(window.highest, window.mask).fresh(counter) is False


def test_a_jump_ahead_of_any_size_costs_nothing() -> None:
    window = Window()
    window.accept(0)
    window.accept((1 << 40) - 1)
    assert window.mask == 1
    assert not window.fresh((1 << 40) - 1 - SIZE)
    assert window.fresh((1 << 40) - SIZE)
