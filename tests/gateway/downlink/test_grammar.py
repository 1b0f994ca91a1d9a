"""A message is a command only when all of it is understood; anything else is answered or left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comatrix.gateway.downlink.grammar import MAX_BYTES, MAX_WORDS, GrammarError, Parsed, read_untrusted, text_of
from comatrix.gateway.downlink.verbs import LEVELS, VERBS, Verb, allowed_at

MINUTE_MS = 60_000


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        ("!cx", Parsed("help")),
        ("  !cx  \n", Parsed("help")),
        ("!CX Help", Parsed("help")),
        ("!cx help garden", Parsed("help", node="garden")),
        ("!cx nodes", Parsed("nodes")),
        ("!cx status", Parsed("status")),
        ("!cx get Garden interval", Parsed("get", node="Garden", name="interval")),
        ("!cx SET garden interval 60", Parsed("set", node="garden", name="interval", words=("60",))),
        ("!cx\u00a0set garden\u00a0interval 60", Parsed("set", node="garden", name="interval", words=("60",))),
        ("!cx set garden target -3.5 °C", Parsed("set", node="garden", name="target", words=("-3.5", "°C"))),
        ("!cx call garden reboot", Parsed("call", node="garden", name="reboot")),
        ("!cx call home/garden relay on", Parsed("call", "home", "garden", "relay", ("on",))),
        ("!cx say garden back at six", Parsed("say", node="garden", words=("back", "at", "six"))),
        ("!cx plot garden temperature 24h", Parsed("plot", node="garden", name="temperature", words=("24h",))),
        ("!cx cancel 17 #18", Parsed("cancel", words=("17", "18"))),
        ("!cx alarm garden battery <3.3V", Parsed("alarm", node="garden", name="battery", words=("<3.3V",))),
        ("!cx rename garden greenhouse", Parsed("rename", node="garden", name="greenhouse")),
        ("!cx all say hello", Parsed("all", each=Parsed("say", words=("hello",)))),
        ("!cx all GET interval", Parsed("all", each=Parsed("get", name="interval"))),
        ("!cx all set interval 5 min", Parsed("all", each=Parsed("set", name="interval", words=("5", "min")))),
    ],
)
def test_a_command(line: str, parsed: Parsed) -> None:
    assert read_untrusted(line) == parsed


@pytest.mark.parametrize(
    "line",
    [
        "",
        "!",
        "cx help",
        "hello",
        "hello !cx help",
        "!cxhelp",
        "!cx: help",
        "!cx?",
        "> !cx help",
        "\u200b!cx help",
        "/cx",
    ],
)
def test_what_does_not_begin_with_the_prefix_is_no_ones_business(line: str) -> None:
    assert read_untrusted(line) is None


def test_the_prefix_is_chosen() -> None:
    assert read_untrusted("!garden nodes", "!garden") == Parsed("nodes")
    assert read_untrusted("!cx nodes", "!garden") is None
    with pytest.raises(GrammarError, match="For example: !garden set"):
        read_untrusted("!garden set", "!garden")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('"back at six"', ("back at six",)),
        ("'back at six'", ("back at six",)),
        ("“back at six”", ("back at six",)),
        ("”back at six”", ("back at six",)),
        ('“back at six"', ("back at six",)),
        ('"a  b" c', ("a  b", "c")),
        ("don't panic", ("don't", "panic")),
        ("it's 'one word'", ("it's", "one word")),
        ('"say \\"hi\\""', ('say "hi"',)),
        ("'a \"b\" c'", ('a "b" c',)),
        ("back\\ at six", ("back at", "six")),
        ("\\\\", ("\\",)),
        ("'\\'", ("\\",)),
        ('a"b c"d', ("ab cd",)),
        ('""', ("",)),
        ('"ttl=10min"', ("ttl=10min",)),
        ("\\ttl=10min", ("ttl=10min",)),
        ("title=5", ("title=5",)),
        ("a=b", ("a=b",)),
    ],
)
def test_quotes(line: str, words: tuple[str, ...]) -> None:
    parsed = read_untrusted(f"!cx say garden {line}")
    assert parsed == Parsed("say", node="garden", words=words)


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("set garden interval 60 ttl=10min", {"ttl": 10 * MINUTE_MS}),
        ("set ttl=2h garden interval 60", {"ttl": 120 * MINUTE_MS}),
        ("set garden TTL=1d interval 60 Priority=0", {"ttl": 1440 * MINUTE_MS, "priority": 0}),
        ('set garden interval 60 ttl="10 min"', {"ttl": 10 * MINUTE_MS}),
    ],
)
def test_an_option_stands_anywhere_behind_the_verb(line: str, options: dict[str, int]) -> None:
    assert read_untrusted(f"!cx {line}") == Parsed("set", "", "garden", "interval", ("60",), options)


def test_an_option_of_all_is_one_of_each() -> None:
    parsed = read_untrusted("!cx all call reboot ttl=1h")
    assert parsed is not None and parsed.each is not None
    assert parsed.options == parsed.each.options == {"ttl": 60 * MINUTE_MS}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("sett garden interval 60", '"sett" is no command. Did you mean "set"? For example: !cx set garden interval'),
        ("stauts", 'Did you mean "status"?'),
        ("unblok garden", 'Did you mean "unblock"?'),
        ("frobnicate", '"frobnicate" is no command. What there is: !cx help'),
        ('""', '"" is no command'),
        ("set", 'NODE is missing in "set NODE NAME VALUE...". For example: !cx set garden interval 5min'),
        ("set garden", "NAME is missing"),
        ("set garden interval", "VALUE is missing"),
        ('set "" interval 60', "NODE is missing"),
        ('set garden "" 60', "NAME is missing"),
        ("say garden", "TEXT is missing"),
        ("cancel", "NUMBER is missing"),
        ("cancel pump", '"pump" is no number'),
        ("cancel ٣", "is no number"),
        ("cancel ##1", "is no number"),
        ("cancel " + "9" * 13, "is no number"),
        ("nodes garden", '"garden" is too much for "nodes"'),
        ("get garden interval 60", '"60" is too much'),
        ("rename garden a b", '"b" is too much'),
        ("all", "COMMAND is missing"),
        ("all reboot", '"reboot" is no command. For example: !cx all set interval 5min'),
        ("all block garden", '"block" is no command'),
        ("all all say x", '"all" is no command'),
        ("all set interval", "VALUE is missing"),
        ("all get interval garden", '"garden" is too much'),
        ("set a/b/c interval 60", '"a/b/c" is no node: write NODE, or GATEWAY/NODE.'),
        ("set /garden interval 60", "is no node"),
        ("set home/ interval 60", "is no node"),
        ('say garden "back at six', 'a quote is open: close it with "'),
        ("say garden “back at six", "a quote is open"),
        ("say garden 'back at six", "a quote is open: close it with '"),
        ('say garden six"', "a quote is open"),
        ("say garden six\\", "stands before nothing"),
        ("say garden a\nb", "a line end"),
        ("say garden a\tb", "a control character (U+0009)"),
        ("say garden a\x00b", "a control character (U+0000)"),
        ("say garden a\x1b[2J", "a control character (U+001B)"),
        ("say garden a\x9b", "a control character (U+009B)"),
        ("say garden \u202eoff", "hides or reorders text (U+202E)"),
        ("get gar\u200bden interval", "cannot be seen (U+200B)"),
        ("say garden \u2066x", "hides or reorders text"),
        ("say garden \ud800", "half a character"),
        ("\x1fhelp", "a control character"),
        ("say garden x ttl=10", "write e.g. 10min, 2h or 1d"),
        ("say garden x ttl=", "no time span"),
        ("say garden x ttl=31d", "from 1 s to 30 d"),
        ("say garden x ttl=0s", "from 1 s to 30 d"),
        ("say garden x ttl=1h ttl=2h", "ttl is given twice"),
        ("say garden x tl=10min", 'Did you mean "ttl="? A text goes in quotes.'),
        ("say garden x priorty=1", 'Did you mean "priority="?'),
        ("say garden x priority=10", "priority is a digit"),
        ("say garden x priority=", "priority is a digit"),
        ("status garden ttl=1h", "status takes no ttl"),
        ("ttl=1h set garden interval 60", '"ttl=1h" is no command'),
        ("say garden" + " x" * MAX_WORDS, f"at most {MAX_WORDS} words; a text in quotes counts as one"),
        ("say garden " + "x" * MAX_BYTES, f"at most {MAX_BYTES} bytes"),
    ],
)
def test_what_is_not_wholly_understood_is_answered_with_what_would_be(line: str, told: str) -> None:
    with pytest.raises(GrammarError) as error:
        read_untrusted("!cx " + line)
    assert told in error.value.text
    assert "For example: !cx " in error.value.text or error.value.text.endswith("What there is: !cx help")


def test_the_longest_that_may_be() -> None:
    words = read_untrusted("!cx say garden" + " x" * (MAX_WORDS - 2))
    assert words is not None and len(words.words) == MAX_WORDS - 2
    text = "x" * (MAX_BYTES - len(" say garden "))
    assert read_untrusted(f"!cx say garden {text}") == Parsed("say", node="garden", words=(text,))


@pytest.mark.parametrize("verb", VERBS.values(), ids=lambda verb: verb.name)
def test_every_verb_has_an_example_that_is_one(verb: Verb) -> None:
    parsed = read_untrusted(f"!cx {verb.example}")
    assert parsed is not None
    assert (parsed.verb, parsed.level) == (verb.name, verb.level)
    assert bool(parsed.node) or not verb.needs_node


def test_who_may_type_what() -> None:
    by_level = {level: " ".join(verb.name for verb in VERBS.values() if verb.level == level) for level in LEVELS}
    assert by_level == {
        "view": "help nodes status get plot queue air",
        "operate": "set call say all cancel alarm",
        "admin": "block unblock rename revoke",
    }
    assert len(allowed_at("view")) < len(allowed_at("operate")) < len(allowed_at("admin")) == len(VERBS)


def test_what_needs_a_node() -> None:
    assert {verb.name for verb in VERBS.values() if verb.needs_node} == {
        *("get", "plot", "set", "call", "say", "alarm", "block", "unblock", "rename", "revoke")
    }


VISIBLE = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=30)
NAME = st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters="/"), min_size=1, max_size=20)
TTLS = st.fixed_dictionaries({}, optional={"ttl": st.integers(1000, 30 * 86_400_000), "priority": st.integers(0, 9)})
COMMANDS = st.one_of(
    st.builds(
        Parsed,
        st.just("set"),
        st.just("") | NAME,
        NAME,
        NAME,
        st.lists(VISIBLE, min_size=1, max_size=5).map(tuple),
        TTLS,
    ),
    st.builds(Parsed, st.just("call"), st.just(""), NAME, NAME, st.lists(VISIBLE, max_size=5).map(tuple), TTLS),
    st.builds(Parsed, st.sampled_from(["status", "block", "help"]), node=NAME),
)


@given(COMMANDS)
def test_a_command_written_down_reads_as_the_same(parsed: Parsed) -> None:
    assert read_untrusted(text_of(parsed)) == parsed
