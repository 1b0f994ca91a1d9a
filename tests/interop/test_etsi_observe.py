"""ETSI CoAP plugtest cases TD_COAP_OBS_01 to 12 (td-coap4, block.yml; there is no 03), each named after its case."""

from comatrix.codec import coap, codes
from comatrix.codec.option_numbers import OBSERVE, uint
from tests.interop.etsi_tree import TEXT, XML, Client, Tree, format_of, option

REGISTER = (OBSERVE, b"")


class Watching(Client):
    """A client that observes; its token is b"W"."""

    def __init__(self, path: str = "obs", type: int = coap.CON) -> None:
        super().__init__()
        self.path = path
        self.numbers: list[int] = []
        self.value = 0
        self.register(type)

    def register(self, type: int = coap.CON) -> None:
        """GET with the option."""
        answer = self.answer(coap.GET, self.path, REGISTER, type=type, token=b"W")
        value = option(answer, OBSERVE)
        assert (answer.code, format_of(answer)) == (coap.CONTENT, TEXT)
        assert value is not None
        self.numbers = [uint(value)]

    def told(self, sent: list[coap.Message], payload: bytes, type: int = coap.CON) -> coap.Message:
        """The only notification, which is all it has to be."""
        (message,) = sent
        assert (message.type, message.code, message.token) == (type, coap.CONTENT, b"W")
        assert (format_of(message), message.payload) == (TEXT, payload)
        value = option(message, OBSERVE)
        assert value is not None
        assert uint(value) > self.numbers[-1]
        self.numbers.append(uint(value))
        return message

    def changes(self, times: int = 3, type: int = coap.CON) -> None:
        """The resource changes every 5 s; each time it is told and acknowledged."""
        for _ in range(times):
            self.tree.now += 5000
            self.value += 1
            text = str(self.value).encode()
            message = self.told(self.tree.put(self.path, text), text, type)
            if type == coap.CON:
                assert self.empty(coap.ACK, message.mid) == []
        assert self.silent()

    def silent(self, ms: int = 120_000) -> bool:
        """Whether nothing is sent, however long one waits."""
        return self.tree.pass_time(ms) == [] and self.tree.server.next_deadline() is None


def test_td_coap_obs_01_confirmable_notifications() -> None:
    Watching().changes()


def test_td_coap_obs_02_non_confirmable_notifications() -> None:
    Watching("obs-non", coap.NON).changes(type=coap.NON)


def test_td_coap_obs_04_registration_anew_after_the_server_forgot() -> None:
    client = Watching()
    client.changes()
    client.tree = Tree()  # rebooted
    assert client.tree.put("obs", b"1") == []
    client.register()
    client.changes()


def test_td_coap_obs_05_a_client_that_is_off_is_noticed() -> None:
    client = Watching()
    client.changes()
    first = client.told(client.tree.put("obs", b"off"), b"off")
    again = [message for _ in range(120) for message in client.tree.pass_time(1000)]
    assert [coap.encode(message) for message in again] == [coap.encode(first)] * 4
    assert client.tree.put("obs", b"more") == []
    assert client.tree.at["obs"].observers == {}


def test_td_coap_obs_06_a_reset_ends_it() -> None:
    client = Watching()
    client.changes()
    message = client.told(client.tree.put("obs", b"after a reboot"), b"after a reboot")
    assert client.empty(coap.RST, message.mid) == []
    assert client.tree.put("obs", b"more") == []
    assert client.silent()


def test_td_coap_obs_06_a_reset_ends_it_non_confirmable() -> None:
    client = Watching("obs-non", coap.NON)
    client.changes(type=coap.NON)
    message = client.told(client.tree.put("obs-non", b"after a reboot"), b"after a reboot", coap.NON)
    assert client.empty(coap.RST, message.mid) == []
    assert client.tree.put("obs-non", b"more") == []


def ended(sent: list[coap.Message], code: int) -> None:
    """The last there is: an error without the option."""
    (message,) = sent
    assert (message.type, message.code, message.token) == (coap.CON, code, b"W")
    assert option(message, OBSERVE) is None


def test_td_coap_obs_07_delete_ends_it() -> None:
    client = Watching()
    client.changes()
    told, answer = sorted(client.ask(codes.DELETE, "obs"), key=lambda message: message.type)
    assert (answer.type, answer.code) == (coap.ACK, codes.DELETED)
    ended([told], codes.NOT_FOUND)
    client.empty(coap.ACK, told.mid)
    assert client.silent()


def test_td_coap_obs_08_another_content_format_ends_it() -> None:
    client = Watching()
    client.changes()
    sent = client.tree.put("obs", b"<x/>", XML)
    ended(sent, codes.NOT_ACCEPTABLE)
    client.empty(coap.ACK, sent[0].mid)
    assert client.tree.put("obs", b"<y/>", XML) == []


def test_td_coap_obs_09_an_update_is_told() -> None:
    client = Watching()
    client.changes()
    told, answer = sorted(client.ask(codes.PUT, "obs", payload=b"by another"), key=lambda message: message.type)
    assert (answer.type, answer.code) == (coap.ACK, coap.CHANGED)
    client.empty(coap.ACK, client.told([told], b"by another").mid)
    client.changes()


def test_td_coap_obs_10_a_plain_get_leaves_it() -> None:
    client = Watching()
    client.changes()
    answer = client.answer(coap.GET, "obs", token=b"2")
    assert (answer.code, format_of(answer), option(answer, OBSERVE)) == (coap.CONTENT, TEXT, None)
    client.changes()


def test_td_coap_obs_11_confirmable_notifications_in_a_lossy_context() -> None:
    client = Watching()
    for value in (b"1", b"2", b"3"):
        first = client.told(client.tree.put("obs", value), value)
        for _ in range(2):  # two are lost
            again = [message for _ in range(20) for message in client.tree.pass_time(250)]
            assert {message.mid for message in again} <= {first.mid}, "one notification at a time"
    newest = client.told(client.tree.put("obs", b"4"), b"4")
    sent = [message for _ in range(12) for message in client.tree.pass_time(250)]
    assert [message.mid for message in sent] == [newest.mid], "what is over is not repeated"
    client.empty(coap.ACK, newest.mid)
    assert client.silent()


def test_td_coap_obs_12_a_get_with_observe_1_ends_it() -> None:
    client = Watching()
    client.changes()
    answer = client.answer(coap.GET, "obs", (OBSERVE, b"\x01"), token=b"W")
    assert (answer.code, option(answer, OBSERVE)) == (coap.CONTENT, None)
    assert client.tree.put("obs", b"more") == []
