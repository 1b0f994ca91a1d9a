"""What an answer to a send means (docs/reference/matrix.md, section Answers). Only a JSON body with an errcode is the
homeserver's own word; whatever a proxy says leaves the row in doubt."""

from dataclasses import dataclass

from comatrix.gateway.model import HomeserverAnswer


@dataclass(frozen=True, slots=True)
class Done:
    """It is in the room."""

    event_id: str


@dataclass(frozen=True, slots=True)
class Later:
    """Rate-limited: the account waits. Says nothing about whether the event is stored."""

    delay_ms: int | None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """It may have arrived: the row is in doubt from now on. `lost`: not even the homeserver's own failure came."""

    reason: str
    lost: bool = True


@dataclass(frozen=True, slots=True)
class Refused:
    """This event was refused. `regroup`: it cannot exist, so its records may be sealed anew; else it is parked."""

    reason: str
    regroup: bool
    too_large: bool


@dataclass(frozen=True, slots=True)
class PauseRoom:
    """Nothing may be sent to this room now. `regroup` as above; else the row waits as it is."""

    reason: str
    regroup: bool


@dataclass(frozen=True, slots=True)
class PauseAccount:
    """Nothing may be sent at all now. The row waits as it is. `next_step`: what a person types then."""

    reason: str
    next_step: str = "comatrix status"
    errcode: str = ""

    @property
    def device_is_gone(self) -> bool:
        """The sender's device is not there (any more): it can be made again."""
        return self.errcode == "M_UNKNOWN_DEVICE"

    @property
    def only_this_user(self) -> bool:
        """The user is refused, not the token: another user of the same service may speak."""
        return self.errcode in ONE_USER


Outcome = Done | Later | NoAnswer | Refused | PauseRoom | PauseAccount

EVENT, ROOM, ACCOUNT, LATER = "event", "room", "account", "later"

BY_ERRCODE = {
    "M_LIMIT_EXCEEDED": LATER,
    "M_TOO_LARGE": EVENT,
    "M_BAD_JSON": EVENT,
    "M_NOT_JSON": EVENT,
    "M_INVALID_PARAM": EVENT,
    "M_MISSING_PARAM": EVENT,
    "M_FORBIDDEN": ROOM,
    "M_NOT_FOUND": ROOM,
    "M_GUEST_ACCESS_FORBIDDEN": ROOM,
    "M_UNKNOWN_TOKEN": ACCOUNT,
    "M_MISSING_TOKEN": ACCOUNT,
    "M_UNAUTHORIZED": ACCOUNT,
    "M_UNKNOWN_DEVICE": ACCOUNT,
    "M_UNRECOGNIZED": ACCOUNT,  # no homeserver at this address, or none that knows the call
    "M_USER_SUSPENDED": ACCOUNT,
    "M_USER_LOCKED": ACCOUNT,
    "M_USER_DEACTIVATED": ACCOUNT,
    "M_CONSENT_NOT_GIVEN": ACCOUNT,
    "M_RESOURCE_LIMIT_EXCEEDED": ACCOUNT,
}

ONE_USER = frozenset({"M_UNKNOWN_DEVICE", "M_USER_SUSPENDED", "M_USER_LOCKED", "M_USER_DEACTIVATED"})

NEXT_STEPS = {"M_UNKNOWN_TOKEN": "comatrix init --force", "M_MISSING_TOKEN": "comatrix init --force"}

# For an errcode the table does not know.
BY_STATUS = {400: EVENT, 401: ACCOUNT, 403: ROOM, 404: ROOM, 413: EVENT, 429: LATER}


def judge(answer: HomeserverAnswer, *, in_doubt: bool) -> Outcome:
    """The answer to one PUT of a row, and whether an earlier one may have arrived -> what to do."""
    if answer.ok and answer.body is not None:
        event_id = answer.body.get("event_id")
        return Done(event_id) if isinstance(event_id, str) else NoAnswer("a 200 without an event id")
    if answer.status is None or answer.body is None or answer.errcode is None or answer.status >= 500:
        return NoAnswer(words(answer), lost=answer.status is None or answer.errcode is None)
    scope = BY_ERRCODE.get(answer.errcode) or BY_STATUS.get(answer.status)
    if scope == LATER:
        return Later(answer.retry_after_ms)
    if scope == EVENT:
        too_large = answer.errcode == "M_TOO_LARGE" or answer.status == 413
        return Refused(words(answer), regroup=not in_doubt, too_large=too_large)
    if scope == ROOM:
        return PauseRoom(words(answer), regroup=not in_doubt)
    if scope == ACCOUNT:
        next_step = NEXT_STEPS.get(answer.errcode, "comatrix status")
        return PauseAccount(words(answer), next_step, answer.errcode)
    return NoAnswer(words(answer), lost=False)


def judge_encryption(answer: HomeserverAnswer) -> bool | Outcome:
    """The answer to GET m.room.encryption -> whether the room is encrypted, or what keeps us from knowing it."""
    if answer.ok:
        return True
    if answer.status == 404 and answer.errcode == "M_NOT_FOUND":
        return False
    return judge(answer, in_doubt=True)


def words(answer: HomeserverAnswer) -> str:
    """What was answered, for a log line."""
    status = "no answer" if answer.status is None else f"HTTP {answer.status}"
    return ": ".join(part for part in (answer.errcode or status, answer.error) if part)
