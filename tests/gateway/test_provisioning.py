"""What a new node is given."""

import json

import pytest

from comatrix.gateway import provisioning
from comatrix.gateway.errors import UsageError
from comatrix.gateway.model import Node

NODE = Node(7, "garden", 1, 1)


@pytest.mark.parametrize("name", ["garden", "A", "x" * 32, "node-7_b"])
def test_names_are_letters_digits_dash_underscore(name: str) -> None:
    provisioning.check_name(name, ["other"])


@pytest.mark.parametrize("name", ["", "x" * 33, "a b", "a/b", "gärten", "a\n", "12", "../x", "a:b"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        provisioning.check_name(name)
    assert caught.value.next_step == "comatrix --help"  # of the command typed, add or rename


def test_names_differ_by_more_than_case() -> None:
    with pytest.raises(UsageError):
        provisioning.check_name("GARDEN", ["garden"])


def test_the_secret_is_16_bytes_of_the_given_randomness() -> None:
    assert provisioning.new_secret(lambda size: bytes(range(size))) == bytes(range(16))
    with pytest.raises(ValueError):
        provisioning.new_secret(lambda size: b"short")


def test_the_configuration_is_what_the_firmware_reads() -> None:
    values = provisioning.configuration(NODE, bytes(16), "pi.local:5683", 60)
    assert values == {
        "v": 1,
        "node": 7,
        "name": "garden",
        "secret": "00" * 16,
        "enrolment": 1,
        "gateway": "pi.local:5683",
        "interval_s": 60,
    }
    assert provisioning.configuration(NODE, bytes(16), "pi.local:5683", 60, observe=True) == values | {"observe": True}
    assert json.loads(provisioning.configuration_text(values)) == values
    assert json.loads(provisioning.qr_text(values)) == values
    assert len(provisioning.qr_text(values)) < 160


def test_a_plain_node_has_no_secret() -> None:
    assert "secret" not in provisioning.configuration(NODE, None, "pi.local:5683", 60)
