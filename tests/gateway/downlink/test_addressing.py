"""Whose command a message is, and that an edit is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comatrix.gateway.downlink.addressing import EDITED, MENTION_CHARS, TOO_LONG, Called, Elsewhere, asked_untrusted
from comatrix.gateway.downlink.grammar import Parsed
from comatrix.gateway.downlink.hearing import Said

ALONE, BARN = Called(), Called("!barn", "Barn")


def said(text: str, *, edited: bool = False, mentions_us: bool = False, too_long: bool = False) -> Said:
    return Said("!a:b", "$1", "@ann:b", text, 0, edited, None, None, mentions_us, too_long)


@pytest.mark.parametrize("text", ["!cx nodes", "  !CX nodes\n", "\u00a0!cx\u3000nodes"])
def test_in_front_the_prefix_is_enough(text: str) -> None:
    assert asked_untrusted(said(text), ALONE) == Parsed("nodes")


@pytest.mark.parametrize("text", ["CoMatrix: !cx nodes", "@cx:b !Cx nodes", "n" * (MENTION_CHARS - 1) + " !cx nodes"])
def test_behind_a_name_only_where_it_mentions_us(text: str) -> None:
    assert asked_untrusted(said(text, mentions_us=True), ALONE) == Parsed("nodes")
    assert asked_untrusted(said(text), ALONE) is None


@pytest.mark.parametrize("text", ["", "hello", "!cxnodes", "CoMatrix:!cx nodes", "x" * MENTION_CHARS + " !cx nodes"])
def test_anything_else_is_nobodys(text: str) -> None:
    assert asked_untrusted(said(text, mentions_us=True), ALONE) is None


def test_a_gateway_is_meant_by_its_name_in_any_case() -> None:
    assert asked_untrusted(said("!barn status barn/garden"), BARN) == Parsed("status", "barn", "garden")
    assert asked_untrusted(said("!barn status house/garden"), BARN) == Elsewhere("house")
    assert asked_untrusted(said("!cx status house/garden"), ALONE) == Elsewhere("house")
    assert asked_untrusted(said("!cx cancel house/17"), ALONE) == Elsewhere("house")
    told = asked_untrusted(said("!cx status house/garden", mentions_us=True), ALONE)
    assert told == 'I am not the gateway "house"; this one has no name: leave it out.'


def test_what_is_wrong_is_said_in_its_order() -> None:
    assert asked_untrusted(said("!cx nodse", edited=True, too_long=True), ALONE) == TOO_LONG
    assert asked_untrusted(said("!cx nodse", edited=True), ALONE) == EDITED
    assert asked_untrusted(said("!cx nodes", edited=True), ALONE) == EDITED
    assert asked_untrusted(said("!cx status house/garden", edited=True), ALONE) == Elsewhere("house")
    assert asked_untrusted(said("hello", edited=True, too_long=True), ALONE) is None


@given(st.text(max_size=60), st.booleans(), st.booleans(), st.sampled_from(["", "barn"]))
def test_whatever_is_typed_is_judged(text: str, edited: bool, mentions_us: bool, name: str) -> None:
    for line in (text, "!cx " + text, f"{text} !cx {text}"):
        asked_untrusted(said(line, edited=edited, mentions_us=mentions_us), Called(name=name))
