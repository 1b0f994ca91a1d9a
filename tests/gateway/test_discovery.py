"""GET .well-known/core (RFC 6690): what is here, filtered; nothing to who has it, no flood to unproven addresses."""

import pytest

from comatrix.codec import coap, codes
from comatrix.codec.option_numbers import (
    ACCEPT,
    BLOCK2,
    CONTENT_FORMAT,
    ECHO,
    ETAG,
    IF_MATCH,
    IF_NONE_MATCH,
    NO_RESPONSE,
    OBSERVE,
    URI_HOST,
    URI_PATH,
    URI_PORT,
    URI_QUERY,
)
from comatrix.codec.records import Readings, encode
from comatrix.gateway.uplink.discovery import LINKS, Link, document
from comatrix.gateway.uplink.ingest import RESOURCES
from comatrix.session.answering import AMPLIFICATION
from comatrix.session.blockwise import read_block_untrusted
from comatrix.session.shaping import block_value, etag
from tests.gateway.test_mail_in_answers import SHED_ADDRESS, Scene

TYPED = (
    Link("/link1", "Type1", "If1", (0, 40)),
    Link("/link2", "Type2", "If2"),
    Link("/other", "Type1", "foo", (41,), observable=True),
)


def found(*queries: str) -> list[str]:
    """Where the links that match lead."""
    text = document([query.encode() for query in queries], TYPED).decode()
    return [link.split(";")[0] for link in text.split(",")] if text else []


def test_a_link_says_what_it_is_how_it_is_used_what_it_takes_and_whether_it_is_observable() -> None:
    first, second, third = document([], TYPED).decode().split(",")
    assert first == '</link1>;rt="Type1";if="If1";ct="0 40"'
    assert second == '</link2>;rt="Type2";if="If2"'
    assert third == '</other>;rt="Type1";if="foo";ct=41;obs'


@pytest.mark.parametrize(
    ("query", "links"),
    [
        ("rt=Type1", ["</link1>", "</other>"]),
        ("rt=Type*", ["</link1>", "</link2>", "</other>"]),
        ("rt=*", ["</link1>", "</link2>", "</other>"]),
        ("rt=Type", []),
        ("if=If*", ["</link1>", "</link2>"]),
        ("if=foo", ["</other>"]),
        ("href=/link1", ["</link1>"]),
        ("href=/link*", ["</link1>", "</link2>"]),
        ("href=/link", []),
        ("ct=40", ["</link1>"]),
        ("ct=4*", ["</link1>", "</other>"]),
        ("nothing=1", []),
        ("", []),
        ("\udcff", []),
    ],
)
def test_filters_are_those_of_rfc_6690(query: str, links: list[str]) -> None:
    text = document([query.encode(errors="surrogateescape")], TYPED).decode()
    assert ([link.split(";")[0] for link in text.split(",")] if text else []) == links


def test_every_filter_must_hold() -> None:
    assert found("rt=Type1", "href=/link*") == ["</link1>"]


def test_what_is_listed_is_what_is_there() -> None:
    assert {link.href for link in LINKS} == {f"/{path}" for path in (*RESOURCES, ".well-known/core")}
    assert [link.href for link in LINKS if link.observable] == ["/c"]


class Asked(Scene):
    """A node under OSCORE that asks what is here, and a plain one."""

    def discover(self, *options: tuple[int, bytes], code: int = coap.GET) -> tuple[int, dict[int, bytes], bytes]:
        """Under OSCORE -> code, options, payload."""
        (answer,) = self.post(".well-known", code=code, options=[(URI_PATH, b"core"), *options])
        found, inner, payload, _ = self.sender.answer(self.counter, answer)
        return found, dict(inner), payload

    def plain(
        self,
        *options: tuple[int, bytes],
        path: tuple[bytes, ...] = (b".well-known", b"core"),
        code: int = coap.GET,
        payload: bytes = b"",
    ) -> coap.Message:
        """Without -> the answer, which is small enough."""
        self.counter += 1
        given = sorted([*((URI_PATH, part) for part in path), *options], key=lambda option: option[0])
        request = coap.encode(coap.Message(coap.CON, code, self.counter, b"T", given, payload))
        self.world.receive(request, SHED_ADDRESS)
        (answer,) = self.world.take()
        self.small = len(answer) <= AMPLIFICATION * len(request)
        return coap.decode_untrusted(answer)


@pytest.fixture
def scene() -> Asked:
    return Asked()


def test_a_node_that_is_proven_gets_all_of_it_in_link_format(scene: Asked) -> None:
    code, options, payload = scene.discover()
    assert (code, options[CONTENT_FORMAT], payload) == (coap.CONTENT, b"\x28", document([]))
    assert options[ETAG] == etag(payload)


def test_a_filter_is_heard_and_what_matches_nothing_is_an_empty_document(scene: Asked) -> None:
    assert scene.discover((URI_QUERY, b"rt=comatrix.time"))[2] == b'</t>;rt="comatrix.time";if="comatrix.get"'
    assert scene.discover((URI_QUERY, b"rt=nothing"))[::2] == (coap.CONTENT, b"")


def test_who_has_it_already_is_told_so(scene: Asked) -> None:
    tag = scene.discover()[1][ETAG]
    assert scene.discover((ETAG, b"other"), (ETAG, tag)) == (codes.VALID, {ETAG: tag}, b"")
    assert scene.discover((ETAG, b"other"))[0] == coap.CONTENT


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([(ACCEPT, b"\x28")], coap.CONTENT),
        ([(ACCEPT, b"\x32")], codes.NOT_ACCEPTABLE),
        ([(ACCEPT, b"")], codes.NOT_ACCEPTABLE),
        ([(IF_NONE_MATCH, b"")], codes.PRECONDITION_FAILED),
        ([(IF_MATCH, b"")], coap.CONTENT),
        ([(IF_MATCH, etag(document([])))], coap.CONTENT),
        ([(IF_MATCH, b"other")], codes.PRECONDITION_FAILED),
        ([(URI_HOST, b"gateway.example"), (URI_PORT, b"\x16\x33")], coap.CONTENT),
    ],
)
def test_options_of_the_request_count(scene: Asked, options: list[tuple[int, bytes]], code: int) -> None:
    assert scene.discover(*options)[0] == code


def test_a_host_without_a_name_is_refused(scene: Asked) -> None:
    assert scene.plain((URI_HOST, b"")).code == codes.BAD_OPTION


def test_only_get_finds_it(scene: Asked) -> None:
    assert scene.discover(code=coap.POST)[0] == codes.METHOD_NOT_ALLOWED


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ((IF_MATCH, b""), coap.CHANGED),
        ((IF_MATCH, b"tag"), codes.PRECONDITION_FAILED),
        ((IF_NONE_MATCH, b""), codes.PRECONDITION_FAILED),
        ((ACCEPT, b"\x28"), codes.NOT_ACCEPTABLE),
        ((URI_QUERY, b"x"), codes.BAD_OPTION),
        ((NO_RESPONSE, b"\x08"), coap.CHANGED),
    ],
)
def test_conditions_hold_for_records_too_and_nothing_is_stored_where_they_do_not(
    scene: Asked, option: tuple[int, bytes], code: int
) -> None:
    assert scene.ask("r", Readings({0: 1}), options=[option])[0] == code
    assert len(scene.disk.records) == (code == coap.CHANGED)


def test_who_declines_successes_has_its_record_stored_and_hears_nothing_but_the_ack(scene: Asked) -> None:
    scene.mail.items.clear()
    answer = scene.plain((NO_RESPONSE, b"\x02"), path=(b"r",), code=coap.POST, payload=encode(Readings({0: 1})))
    assert (answer.type, answer.code) == (coap.ACK, coap.EMPTY)
    assert len(scene.disk.records) == 1


def test_a_plain_node_gets_a_long_answer_in_blocks_that_are_short_enough(scene: Asked) -> None:
    whole, size, more = b"", 0, True
    while more:
        option = [(BLOCK2, block_value(len(whole) // size, False, size.bit_length() - 5))] if size else []
        answer = scene.plain(*option)
        assert (answer.code, scene.small) == (coap.CONTENT, True)
        number, more, size = read_block_untrusted(dict(answer.options)[BLOCK2])
        assert number * size == len(whole)
        whole += answer.payload
    assert whole == document([])


def test_a_plain_node_may_ask_for_blocks_but_gets_none_that_are_too_long(scene: Asked) -> None:
    answer = scene.plain((BLOCK2, block_value(1, False, 6)))
    assert answer.code == codes.BAD_REQUEST, "there is no second block of 1,024 bytes"
    answer = scene.plain((BLOCK2, block_value(1, False, 3)))
    assert scene.small
    assert answer.payload == document([])[128 : 128 + len(answer.payload)]


def test_a_plain_node_whose_address_is_proven_gets_all_at_once(scene: Asked) -> None:
    scene.mail.items.pop(8)
    echo = scene.plain((OBSERVE, b""), path=(b"c",)).options
    scene.plain((OBSERVE, b""), *echo, path=(b"c",))
    assert scene.plain().payload == document([])


def test_a_node_under_oscore_proves_its_address_by_an_echo() -> None:
    scene = Asked(proven=False)
    code, options, _ = scene.discover()
    assert (code, list(options)) == (coap.UNAUTHORIZED, [ECHO])
    assert scene.discover((ECHO, options[ECHO]))[2] == document([])


def test_a_filter_that_leaves_little_needs_no_proof(scene: Asked) -> None:
    assert scene.plain((URI_QUERY, b"href=/t")).code == coap.CONTENT
    assert scene.small
