"""ETSI CoAP plugtest cases TD_COAP_LINK_01 to 09 (td-coap4, link.yml), each named after its case."""

from comatrix.codec import coap
from comatrix.codec.option_numbers import URI_QUERY
from tests.interop.etsi_tree import Client, format_of

CORE = ".well-known/core"


def links(query: str = "", path: str = CORE) -> list[str]:
    """What is listed: where the links lead."""
    options = [(URI_QUERY, query.encode())] if query else []
    answer = Client().answer(coap.GET, path, *options)
    assert (answer.code, format_of(answer)) == (coap.CONTENT, 40)
    return [link.split(">")[0].lstrip("<") for link in answer.payload.decode().split(",")]


def test_td_coap_link_01_well_known_core() -> None:
    assert links() == ["/link1", "/link2", "/link3", "/test", "/path"]


def test_td_coap_link_02_filter_by_type() -> None:
    assert links("rt=Type1") == ["/link1", "/link3"]


def test_td_coap_link_03_empty_prefix() -> None:
    assert links("rt=*") == ["/link1", "/link2", "/link3"]


def test_td_coap_link_04_several_types_of_one_resource() -> None:
    assert links("rt=Type2") == ["/link1", "/link2"]


def test_td_coap_link_05_filter_by_interface_prefix() -> None:
    assert links("if=If*") == ["/link1", "/link2"]


def test_td_coap_link_06_filter_by_size() -> None:
    assert links("sz=*") == ["/link3"]


def test_td_coap_link_07_filter_by_complete_href() -> None:
    assert links("href=/link1") == ["/link1"]


def test_td_coap_link_08_filter_by_href_prefix() -> None:
    assert links("href=/link*") == ["/link1", "/link2", "/link3"]


def test_td_coap_link_09_hierarchy() -> None:
    assert links("ct=40") == ["/path"]
    assert links(path="path") == ["/path/sub1", "/path/sub2"]
    assert Client().answer(coap.GET, "path/sub1").payload == b"/path/sub1"
