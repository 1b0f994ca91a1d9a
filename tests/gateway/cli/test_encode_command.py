"""`comatrix encode` is the inverse of `comatrix decode`."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from comatrix.codec import records
from comatrix.gateway.cli import record_json
from comatrix.gateway.cli.main import cli
from tests.support.descriptions import DESCRIPTIONS


def run(*words: str, lines: str | None = None) -> Result:
    return CliRunner().invoke(cli, list(words), input=lines)


UINT16 = st.integers(0, 65535)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.binary(max_size=9) | st.text(max_size=9)
KEYS = st.integers(-9, 9) | st.text(max_size=3) | st.binary(max_size=3)
VALUES = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)
WHOLE = st.integers(-(2**40), 2**40)
COMMANDS = st.builds(records.Command, UINT16, UINT16, st.lists(VALUES, max_size=4)) | st.builds(
    records.Command, UINT16, st.text(max_size=20)
)
RECORDS: dict[str, st.SearchStrategy[records.Record]] = {
    "r": st.builds(
        records.Readings, st.dictionaries(UINT16, WHOLE, min_size=1, max_size=31), st.integers(0, 2**32 - 1)
    ),
    "m": st.builds(records.Text, st.text(max_size=50), st.integers(-65535, 65535)),
    "c": st.builds(records.Result, UINT16, st.integers(0, 255), VALUES),
    "command": COMMANDS,
    "h": st.builds(
        records.Hello,
        st.none() | st.text(max_size=32),
        st.none() | UINT16,
        st.none() | st.binary(min_size=4, max_size=4),
        st.none() | UINT16,
        st.none() | UINT16,
        st.none() | UINT16,
    ),
    "d": DESCRIPTIONS,
}
ANSWERS = st.builds(
    records.Answer, st.none() | st.integers(0, 2**33), st.none() | COMMANDS, st.booleans(), st.booleans()
)
PAYLOADS = st.one_of(
    *[
        st.tuples(st.just(resource), st.builds(records.encode, record, st.none() | st.integers(0, 2**32)))
        for resource, record in RECORDS.items()
    ],
    st.tuples(st.just("answer"), ANSWERS.map(lambda answer: answer.encode())),
)


@given(PAYLOADS)
def test_what_was_decoded_encodes_to_the_same_bytes(said: tuple[str, bytes]) -> None:
    resource, payload = said
    value = json.loads(json.dumps(record_json.decode_untrusted(payload, resource), allow_nan=False))
    made = record_json.encode(value)
    assert made == payload
    assert record_json.decode_untrusted(made, resource) == value


def test_words_make_readings() -> None:
    result = run("encode", "record", "readings", "temperature=21.37", "humidity=45.2", "--seq", "20")
    assert result.stdout == "14a200190859011901c4\n"
    assert run("encode", "record", "readings", "temperature=-0.05", "--age", "10").stdout == "a20024200a\n"


def test_words_make_a_text() -> None:
    assert run("encode", "record", "text", "hello").stdout == "816568656c6c6f\n"
    assert run("encode", "record", "text", "hello", "--room", "2").stdout == "82026568656c6c6f\n"


def test_what_decode_prints_goes_back_line_by_line() -> None:
    payloads = ["14a200190859011901c4", "816568656c6c6f", "820a01"]
    told = run("decode", "record", "-", "--json", lines="\n".join(payloads)).stdout
    back = run("encode", "record", "-", lines=told)
    assert back.stdout.split() == payloads
    assert back.exit_code == 0


def test_a_value_by_name_needs_no_raw() -> None:
    value = {"record": "readings", "readings": [{"name": "temperature", "value": "21.37"}]}
    assert run("encode", "record", json.dumps(value)).stdout == "a100190859\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["readings", "temprature=1"], "did you mean temperature?"),
        (["readings", "temperature=21.375"], "at most 2 digits after the point"),
        (["readings", "temperature=NaN"], "must be a number"),
        (["readings", "temperature=1e9999999"], "must be a number"),
        (["readings", "temperature=1.0000000000000000000000000001"], "must be a number"),
        (["readings", "temperature"], "NAME=VALUE"),
        (["readings"], "at least one"),
        (["text"], "needs its text"),
        (["text", "x" * 2000], "too long"),
        (["{"], "not JSON"),
        (["[]"], "an object"),
        (['{"record": "song"}'], "known are readings"),
        (['{"record": "text"}'], "needs 'text'"),
        (['{"record": "text", "text": 5}'], "no text"),
        (['{"record": "text", "text": "\\ud800"}'], "wrong type"),
        (['{"record": "result", "id": 70000}'], "out of range"),
        (['{"record": "result", "id": 1, "value": NaN}'], "not JSON"),
        (['{"record": "readings", "seq": -1, "readings": [{"word": 0, "raw": 1}]}'], "seq"),
        (['{"record": "readings", "readings": [{"word": 0, "raw": 1}, {"word": 0, "raw": 2}]}'], "twice"),
        (["[" * 100_000], "not JSON"),
    ],
)
def test_what_is_no_record_is_told_in_words(words: list[str], told: str) -> None:
    result = run("encode", "record", *words)
    assert result.exit_code in (1, 2)
    assert told in result.stderr and "\nnext: comatrix " in result.stderr
    assert result.stdout == ""
    answer: dict[str, Any]
    if len(words) == 1 and words[0] not in ("readings", "text"):
        (answer,) = [json.loads(line) for line in run("encode", "record", *words, "--json").stdout.splitlines()]
        assert answer["ok"] is False and told in answer["error"]
