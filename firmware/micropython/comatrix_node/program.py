"""What a person's program says to its node, whatever link the node has; and what every node keeps."""

from comatrix.codec.record_types import Hello, encode
from comatrix.codec.words import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from comatrix_node.commands import Commands, Setting
    from comatrix_node.config import Config
    from comatrix_node.sensing import Sensors

    Number = int | float
    Read = Callable[[], Any]
    Done = Callable[..., Any]

DROPPED = 23  # the word for readings the node had to give up
LONGEST_SLEEP_MS = 432000000  # the clock is to be asked more often than every six days


class Program:
    """The part of a node that no link changes."""

    commands: "Commands | None" = None  # a node that can be told nothing does without
    config: "Config"
    clock: "Any"
    store: "Any"
    sensors: "Sensors"
    state: "dict[str, Any]"
    fresh = False  # started without state: none is stored before the greeting
    _flash_fails = False
    _time_ms: "int | None" = None  # gateway's Unix time at our clock's zero

    def sensor(self, word: "str | None" = None, every_s: "int | Setting | None" = None) -> "Callable[[Read], Read]":
        """Decorate a function that returns a number (of `word`), a {word: number}, or None for nothing now."""

        def register(read: "Read") -> "Read":
            self.sensors.add(read, word, every_s or self.config.interval_s, self.clock.now())
            return read

        return register

    if TYPE_CHECKING:
        # Of each link's own node.

        def say(self, text: str, room: int = 0) -> None:
            """Queue a text to a room."""

        def step(self, wait_ms: int) -> None:
            """Read what is due, send what is ready, wait at most `wait_ms`."""

        # Of commands.py, which is loaded when one of them is first named.

        def setting(
            self,
            name: str,
            unit: str = "",
            low: "Number | None" = None,
            high: "Number | None" = None,
            digits: int = 0,
            default: "Number | str | None" = None,
            on_change: "Done | None" = None,
        ) -> "Setting":
            """See Commands.setting."""

        def method(self, name: str, *parameters: "Any") -> "Callable[[Done], Done]":
            """See Commands.method."""

        def on_text(self, show: "Done") -> "Done":
            """See Commands.on_text."""

    def __getattr__(self, name: str) -> "Any":
        """What a node can be told is declared at its Commands."""
        return getattr(self._told(), name)

    def tell(self, node: int, text: str) -> None:
        """Queue a text to another node, by its number, where that is granted. Raises ValueError: too long."""
        self.say(text, -node)

    def now_s(self) -> "int | None":
        """Unix time as the gateway told it, or None."""
        return None if self._time_ms is None else (self._time_ms + self.clock.now()) // 1000

    def run(self, watchdog_ms: int = 0) -> None:
        """Read and send for ever."""
        from comatrix_node import power

        dog = power.watchdog(watchdog_ms) if watchdog_ms else None
        while True:
            self.step(1000)
            if dog:
                dog.feed()

    def _told(self) -> "Commands":
        """What people may tell this node, loaded when it is first needed."""
        if self.commands is None:
            from comatrix_node import commands

            self.commands = commands.Commands(self)  # type: ignore[arg-type]
        return self.commands

    def _hello(self) -> bytes:
        """What it says of itself after boot."""
        description = self.commands.hash() if self.commands is not None else None
        return encode(Hello("comatrix 0.1", VERSION, description, self.config.interval_s, None, self.state["command"]))

    def save(self, key: str, value: "Any") -> bool:
        """Whether the state is safe with this in it; without a greeting there is none to save."""
        self.state[key] = value
        return self.fresh or self.written(self.store.save, self.state)

    def written(self, write: "Callable[[Any], None]", what: "Any") -> bool:
        """Whether flash took it. A full or broken one is told once, and does not stop the node from measuring."""
        try:
            write(what)
        except OSError as error:
            if not self._flash_fails:
                print("flash:", error)
            self._flash_fails = True
            return False
        self._flash_fails = False
        return True
