"""The table of commands: how each is written, who may, what it does. Parsing, help and pages come from it."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["view", "operate", "admin"]
LEVELS: tuple[Level, ...] = ("view", "operate", "admin")  # each may what those before it may


@dataclass(frozen=True, slots=True)
class Verb:
    """A command. `parts` is what stands behind its name, in this order: NODE, NAME, then anything else.

    [PART] may be left out, PART... is one or more. `options`: the `key=value` it understands. `looks`: with these parts
    it changes nothing, and whoever may view may type it.
    """

    name: str
    level: Level
    parts: str
    meaning: str
    example: str
    options: tuple[str, ...] = ()
    looks: str = ""

    @property
    def usage(self) -> str:
        """ "set NODE NAME VALUE..."."""
        return f"{self.name} {self.parts}".rstrip()

    @property
    def needs_node(self) -> bool:
        """Whether it says nothing without a node."""
        return "NODE" in self.parts.split()


_QUEUED = ("ttl", "priority")  # of what waits for a node
_TABLE = (
    Verb("help", "view", "[NODE]", "what can be typed, or what a node can be told", "help garden"),
    Verb("nodes", "view", "", "the nodes of this room", "nodes"),
    Verb("status", "view", "[NODE]", "how nodes are", "status garden"),
    Verb("get", "view", "NODE NAME", "asks a node for a setting's value", "get garden interval", _QUEUED),
    Verb("plot", "view", "NODE NAME [SPAN]", "draws a reading", "plot garden temperature 24h"),
    Verb("queue", "view", "[NODE]", "what waits for nodes", "queue garden"),
    Verb("air", "view", "", "the airtime that links have used and have left", "air"),
    Verb("set", "operate", "NODE NAME VALUE...", "changes a setting", "set garden interval 5min", _QUEUED),
    Verb("call", "operate", "NODE NAME [VALUE...]", "has a node do something", "call garden relay on", _QUEUED),
    Verb("say", "operate", "NODE TEXT...", "shows a text at a node", 'say garden "back at six"', _QUEUED),
    Verb("all", "operate", "COMMAND...", "set, get, call or say to every node here", "all set interval 5min", _QUEUED),
    Verb("cancel", "operate", "NUMBER...", "takes back what still waits", "cancel 17"),
    Verb(
        "alarm",
        "operate",
        "NODE [NAME] [LIMIT...]",
        "tells when a reading leaves a limit",
        "alarm garden battery <3.3V",
        looks="NODE [NAME]",
    ),
    Verb("block", "admin", "NODE", "hears a node no more", "block garden"),
    Verb("unblock", "admin", "NODE", "hears it again", "unblock garden"),
    Verb("rename", "admin", "NODE NAME", "gives a node another name", "rename garden greenhouse"),
    Verb("revoke", "admin", "NODE", "takes a node's keys away for good", "revoke garden"),
)
VERBS = {verb.name: verb for verb in _TABLE}


def allowed_at(level: Level) -> list[Verb]:
    """What somebody of `level` may type, in the order of help."""
    return [verb for verb in _TABLE if LEVELS.index(verb.level) <= LEVELS.index(level)]
