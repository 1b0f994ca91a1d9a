"""The medium: radios in one place of virtual time, repeatable to the byte for a seed."""

from collections.abc import Callable

from comatrix_lora.medium.air import Air
from comatrix_lora.medium.clock import Clock
from comatrix_lora.medium.collisions import CollisionModel
from comatrix_lora.medium.frame import Reception
from comatrix_lora.medium.loss import LossProcess, LossSettings
from comatrix_lora.medium.propagation import LogDistance, Position, Propagation
from comatrix_lora.medium.radio import Radio
from comatrix_lora.medium.randomness import Stream
from comatrix_lora.medium.scheduler import Event, Scheduler
from comatrix_lora.medium.settings import RadioSettings
from comatrix_lora.medium.statistics import Outcome


class Medium:
    """No wall clock: drive it with `run_until`, to the end at once, or from `next_event_us` to the next in real time.

    `loss` holds for every link that `set_loss` does not name. Radios at one position share their shadowing.
    """

    def __init__(
        self,
        seed: int,
        propagation: Propagation | None = None,
        collisions: CollisionModel | None = None,
        loss: LossSettings | None = None,
    ) -> None:
        self.radios: dict[str, Radio] = {}
        self._seed = seed
        self._scheduler = Scheduler()
        self._air = Air(self._scheduler, seed, propagation or LogDistance(), collisions or CollisionModel(), self._fade)
        self._loss = loss
        self._links: dict[tuple[str, str], LossProcess | None] = {}

    def radio(self, name: str, position: Position, settings: RadioSettings | None = None, drift_ppm: int = 0) -> Radio:
        """A new radio, asleep. Raises ValueError for a name that is taken."""
        if name in self.radios:
            raise ValueError(f"there is a radio {name} already")
        radio = Radio(self._air, name, position, settings or RadioSettings(), Clock(drift_ppm))
        self.radios[name] = radio
        return radio

    def set_loss(self, sender: Radio, receiver: Radio, loss: LossSettings | None) -> None:
        """What is lost from one to the other, in this direction, from now on. None: nothing."""
        label = sender.name, receiver.name
        self._links[label] = LossProcess(loss, Stream(self._seed, "loss", *label)) if loss else None

    def observe(self, observer: Callable[[Reception], object]) -> None:
        """Tell it every reception, and every frame lost, as it is decided. It must change nothing."""
        self._air.observers.append(observer)

    @property
    def now_us(self) -> int:
        return self._scheduler.now_us

    @property
    def events(self) -> int:
        """How many events have happened."""
        return self._scheduler.events

    @property
    def airtime_us(self) -> int:
        """What all radios sent, added up."""
        return sum(radio.statistics.airtime_us for radio in self.radios.values())

    def at(self, us: int, callback: Callable[[], object]) -> Event:
        """Call back at that time. Raises ValueError if it is past."""
        return self._scheduler.at(us, callback)

    def after(self, us: int, callback: Callable[[], object]) -> Event:
        """Call back so many microseconds from now."""
        return self._scheduler.after(us, callback)

    def next_event_us(self) -> int | None:
        """When something is due next, or None."""
        return self._scheduler.next_event_us()

    def run_until(self, us: int) -> None:
        """Let everything happen up to and including that time. Raises ValueError if it is past."""
        self._scheduler.run_until(us)

    def run(self) -> None:
        """Let everything happen that is planned, and what comes of it."""
        self._scheduler.run()

    def _fade(self, sender: Radio, receiver: Radio) -> Outcome:
        label = sender.name, receiver.name
        if label not in self._links:
            self.set_loss(sender, receiver, self._loss)
        process = self._links[label]
        return process.next_outcome() if process else Outcome.RECEIVED
