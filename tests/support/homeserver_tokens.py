"""Access tokens of the in-memory homeserver, and the refresh tokens that renew them (client-server API, Refreshing
access tokens): the old refresh token works until the new access token is used."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.homeserver_journal import Fact
from tests.support.homeserver_room import Refusal


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose request it is. `device` "": none, as an application service's user has where it names none."""

    user: str
    device: str
    service: str = ""  # the application service's id


@dataclass(slots=True)
class Access:
    """An access token. `made_by`: the refresh token that it came from."""

    caller: Caller
    expires_s: float | None
    refresh: str | None
    made_by: str | None
    used: bool = False


class Tokens:
    """Facts in, callers out. `keep` writes a fact down and hands it to `learn`."""

    def __init__(self, clock_s: Callable[[], float], keep: Callable[..., None], new: Callable[[], str]) -> None:
        self._clock_s = clock_s
        self._keep = keep
        self._new = new
        self._access: dict[str, Access] = {}
        self._refresh: dict[str, Caller] = {}
        self._next: dict[str, str] = {}  # refresh token -> the access token it gave
        self._soft: set[str] = set()

    def learn(self, fact: Fact) -> bool:
        """Takes a fact -> whether it was one of these."""
        match fact:
            case ["token", token, user, device, expires_s, refresh, made_by]:
                self._access[token] = Access(Caller(user, device), expires_s, refresh, made_by)
                if refresh:
                    self._refresh[refresh] = Caller(user, device)
                if made_by:
                    self._next[made_by] = token
            case ["no token", token, soft]:
                del self._access[token]
                if soft:
                    self._soft.add(token)
            case ["no refresh", refresh]:
                self._refresh.pop(refresh, None)
            case ["used", token]:
                self._access[token].used = True
            case _:
                return False
        return True

    def issue(self, caller: Caller, lifetime_s: float | None, *, made_by: str | None = None) -> dict[str, Any]:
        """A new access token; with a lifetime also a refresh token."""
        refresh = f"refresh_{self._new()}" if lifetime_s is not None else None
        expires_s = None if lifetime_s is None else self._clock_s() + lifetime_s
        token = f"token_{self._new()}"
        self._keep("token", token, caller.user, caller.device, expires_s, refresh, made_by)
        if refresh is None or lifetime_s is None:
            return {"access_token": token}
        return {"access_token": token, "refresh_token": refresh, "expires_in_ms": int(lifetime_s * 1000)}

    def renew(self, refresh: str, lifetime_s: float) -> dict[str, Any]:
        """What a refresh token gives. Raises Refusal."""
        if refresh not in self._refresh:
            raise Refusal(401, "M_UNKNOWN_TOKEN", "refresh token does not exist", soft_logout=False)
        before = self._next.get(refresh)
        if before is not None and before in self._access:
            given = self._access[before]
            if given.used or given.refresh in self._next:
                raise Refusal(403, "M_FORBIDDEN", "refresh token isn't valid anymore")
            self._end(before)
        return self.issue(self._refresh[refresh], lifetime_s, made_by=refresh)

    def caller(self, token: str) -> Caller:
        """Whose token it is. Raises Refusal 401."""
        access = self._access.get(token)
        if access is None:
            raise Refusal(401, "M_UNKNOWN_TOKEN", "Invalid access token passed.", soft_logout=token in self._soft)
        if access.expires_s is not None and access.expires_s < self._clock_s():
            raise Refusal(401, "M_UNKNOWN_TOKEN", "Access token has expired", soft_logout=True)
        if not access.used:
            self._keep("used", token)
        return access.caller

    def end_device(self, caller: Caller) -> None:
        """A device that logs in again, or out, loses its tokens."""
        for token in [token for token, access in self._access.items() if access.caller == caller]:
            self._end(token)

    def expire(self, user: str, *, soft: bool) -> None:
        """This user's tokens are over; with `soft` the refresh tokens are not."""
        for token in [token for token, access in self._access.items() if access.caller.user == user]:
            if soft:
                self._keep("no token", token, True)
            else:
                self._end(token)

    def _end(self, token: str) -> None:
        if refresh := self._access[token].refresh:
            self._keep("no refresh", refresh)
        self._keep("no token", token, False)
