"""Settings from TOML and the environment: what is taken, and how everything wrong is told at once."""

from pathlib import Path

import pytest

from comatrix.gateway.config.load import ConfigError, load, parse
from comatrix.gateway.config.page import minimal_toml
from comatrix.gateway.errors import UsageError

MINIMAL = minimal_toml("https://matrix.example.org", "@cx:example.org")


def problems_of(text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "comatrix.toml", environ or {})
    assert caught.value.exit_code == 2
    assert caught.value.next_step == "correct that, then: comatrix config check"
    return caught.value.problems


def test_a_working_gateway_needs_at_most_ten_lines() -> None:
    assert len(MINIMAL.splitlines()) <= 10
    settings = parse(MINIMAL, "x", {})
    assert settings.homeserver.url == "https://matrix.example.org"
    assert settings.udp.bind == ("[::]:5683",)
    assert settings.udp.plain_bind == ()
    assert settings.posting.post == "15min"


def test_an_unknown_key_is_refused_with_the_nearest_one() -> None:
    assert problems_of(MINIMAL + '[udp]\nbnid = ["[::]:1"]\n') == [
        "comatrix.toml: [udp] bnid is no setting; did you mean bind?"
    ]


def test_an_unknown_section_is_refused_with_the_nearest_one() -> None:
    assert problems_of(MINIMAL + "[gatway]\n") == ["comatrix.toml: [gatway] is no section; did you mean gateway?"]


def test_a_key_without_its_section_is_told_where_it_belongs() -> None:
    assert problems_of('timezone = "UTC"\n' + MINIMAL) == [
        "comatrix.toml: [timezone] is no section; timezone belongs under [gateway]"
    ]


def test_a_section_written_as_a_value_is_told() -> None:
    assert problems_of("udp = 3\n" + MINIMAL) == ["comatrix.toml: udp must be a section, written [udp]"]


def test_all_problems_are_told_at_once() -> None:
    text = """
        [homeserver]
        url = "matrix.example.org"
        timeout = "soon"
        [gateway]
        timezone = "Mars/Olympus"
        log_level = "loud"
        colour = "green"
        [udp]
        bind = "[::]:5683"
        plain_bind = ["localhost:5684"]
        receive_buffer = "big"
        [limits]
        control_clients = 999
        [posting]
        post = "monthly"
    """
    found = problems_of(text, {"COMATRIX_LIMITS_PEERS": "many"})
    told = "\n".join(found)
    assert len(found) == 12
    for words in (
        "[homeserver] url must be the homeserver's address",
        "[homeserver] user is missing",
        "[limits] control_clients must be from 1 to 256, not 999",
        "[homeserver] timeout must be a span",
        '[gateway] timezone must be a time zone such as "UTC" or "Europe/Berlin", not "Mars/Olympus"',
        '[gateway] log_level must be one of "debug"',
        "[gateway] colour is no setting",
        "[udp] bind must be a list of texts",
        "[udp] plain_bind must be an IP address and a port",
        '[udp] receive_buffer must be a whole number, not "big"',
        '[posting] post must be "every", "change" or a span',
        "environment: COMATRIX_LIMITS_PEERS must be a whole number",
    ):
        assert words in told


@pytest.mark.parametrize("value", ["true", "1.5", "1", "[1]", "1979-05-27"])
def test_a_text_of_another_type_is_told_in_words(value: str) -> None:
    assert "[gateway] address must be a text in quotes" in problems_of(f"[gateway]\naddress = {value}\n{MINIMAL}")[0]


def test_what_is_not_toml_says_where() -> None:
    assert "line 1" in problems_of("[homeserver\n")[0]


def test_the_environment_overrides_the_file() -> None:
    environ = {
        "COMATRIX_UDP_BIND": "127.0.0.1:5683, [::1]:5683",
        "COMATRIX_LIMITS_CONTROL_CLIENTS": "3",
        "COMATRIX_HOMESERVER_URL": "http://localhost:8008",
        "COMATRIX_HOME": "/x",
        "PATH": "/bin",
    }
    settings = parse(MINIMAL, "x", environ)
    assert settings.udp.bind == ("127.0.0.1:5683", "[::1]:5683")
    assert settings.limits.control_clients == 3
    assert settings.homeserver.url == "http://localhost:8008"


def test_an_unknown_variable_is_refused_with_the_nearest_one() -> None:
    assert problems_of(MINIMAL, {"COMATRIX_UDP_BNID": "x"}) == [
        "environment: COMATRIX_UDP_BNID is no setting; did you mean COMATRIX_UDP_BIND?"
    ]


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("homeserver.user", "@bot:[::1]:8448", "bot"),
        ("homeserver.user", "@cx:example.org", "@cx:"),
        ("homeserver.url", "http://[::1]:8008", "https://user:pw@example.org"),
        ("homeserver.url", "https://example.org/base", "https://example.org:99999"),
        ("gateway.address", "[fd00::1]:5683", "fd00::1:5683"),
        ("gateway.address", "pi.local:5683", "pi.local"),
        ("gateway.admin_room", "!abc", "garden"),
        ("posting.post", "7d", "8d"),
        ("posting.post", "change", "0s"),
        ("udp.bind", "0.0.0.0:5683", "::1:5683"),
    ],
)
def test_values_are_checked(key: str, good: str, bad: str) -> None:
    variable = "COMATRIX_" + key.replace(".", "_").upper()
    section, name = key.split(".")
    kept = getattr(getattr(parse(MINIMAL, "x", {variable: good}), section), name)
    assert kept in (good, (good,))
    assert bad in problems_of(MINIMAL, {variable: bad})[0]


def test_no_file_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path / "comatrix.toml", {})
    assert caught.value.next_step == "comatrix init"


@pytest.mark.parametrize(
    ("value", "words"), [("1GB", 'such as "64MiB"'), ("15MiB", 'from "16MiB"'), ("5TiB", '"4TiB"')]
)
def test_a_database_size_is_told_in_words(value: str, words: str) -> None:
    (problem,) = problems_of(f'{MINIMAL}\n[store]\nmax_size = "{value}"')
    assert "[store] max_size must be a size " in problem
    assert words in problem
