"""Accounts of the in-memory homeserver: passwords, devices, tokens, how many messages they may send."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.homeserver_journal import Fact, Journal
from tests.support.homeserver_room import Content, Refusal


@dataclass(slots=True)
class Bucket:
    """Messages of one account: `burst` at once, then `per_second`."""

    burst: float
    per_second: float
    level: float
    at_s: float

    def take(self, now_s: float) -> int:
        """0, or how many ms to wait."""
        self.level = min(self.burst, self.level + (now_s - self.at_s) * self.per_second)
        self.at_s = now_s
        if self.level < 1:
            return int((1 - self.level) / self.per_second * 1000) + 1
        self.level -= 1
        return 0


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose token it was."""

    user: str
    device: str


class Accounts:
    """Who may speak, and how fast."""

    def __init__(
        self, server_name: str, default_room_version: str, clock_s: Callable[[], float], journal: Journal
    ) -> None:
        self.server_name = server_name
        self._default_room_version = default_room_version
        self._clock_s = clock_s
        self._journal = journal
        self._passwords: dict[str, str] = {}
        self._tokens: dict[str, Caller] = {}
        self._soft_logouts: set[str] = set()
        self._names: dict[str, str] = {}
        self._buckets: dict[str, Bucket] = {}
        self._limit: tuple[float, float] | None = None

    def _keep(self, *fact: Any) -> None:
        """Something became true: remembered in the journal, then here."""
        self._journal.write(list(fact))
        self._learn(list(fact))

    def _learn(self, fact: Fact) -> None:
        match fact:
            case ["account", user_id, password]:
                self._passwords[user_id] = password
            case ["token", token, user_id, device]:
                self._tokens[token] = Caller(user_id, device)
            case ["no token", token, soft]:
                del self._tokens[token]
                if soft:
                    self._soft_logouts.add(token)
            case ["name", user_id, name]:
                self._names[user_id] = name
            case _:
                raise ValueError(f"no fact is like {fact}")

    async def register(self, user: str, password: str, admin: bool = False) -> str:
        """The user id of a new account."""
        user_id = f"@{user}:{self.server_name}"
        if user_id in self._passwords:
            raise ValueError(f"{user_id} exists")
        self._keep("account", user_id, password)
        return user_id

    def limit_messages(self, burst: float = 0, per_second: float = 0) -> None:
        """Limit every account's messages from now on; no more with nothing given."""
        self._limit = (burst, per_second) if burst else None
        self._buckets.clear()

    def expire_tokens(self, user_id: str, *, soft: bool = False) -> None:
        """Answer this user's tokens with 401."""
        for token in [token for token, caller in self._tokens.items() if caller.user == user_id]:
            self._keep("no token", token, soft)

    async def versions(self, _request: httpx.Request, _body: Content, _parts: list[str]) -> Content:
        """GET /versions"""
        return {"versions": ["v1.11"]}

    async def login(self, _request: httpx.Request, body: Content, _parts: list[str]) -> Content:
        """POST /login. A device that logs in again loses its old token."""
        user = str(body.get("identifier", {}).get("user", ""))
        user_id = user if user.startswith("@") else f"@{user}:{self.server_name}"
        if user_id not in self._passwords or self._passwords[user_id] != body.get("password"):
            raise Refusal(403, "M_FORBIDDEN", "Invalid username or password")
        caller = Caller(user_id, str(body.get("device_id") or secrets.token_hex(5)))
        for token in [token for token, known in self._tokens.items() if known == caller]:
            self._keep("no token", token, False)
        token = f"token_{secrets.token_hex(8)}"
        self._keep("token", token, caller.user, caller.device)
        return {"user_id": user_id, "access_token": token, "device_id": caller.device}

    async def logout(self, request: httpx.Request, _body: Content, _parts: list[str]) -> Content:
        """POST /logout"""
        self._caller(request)
        self._keep("no token", request.headers["authorization"].removeprefix("Bearer "), False)
        return {}

    async def whoami(self, request: httpx.Request, _body: Content, _parts: list[str]) -> Content:
        """GET /account/whoami"""
        caller = self._caller(request)
        return {"user_id": caller.user, "device_id": caller.device, "is_guest": False}

    async def capabilities(self, request: httpx.Request, _body: Content, _parts: list[str]) -> Content:
        """GET /capabilities"""
        self._caller(request)
        versions = {"default": self._default_room_version, "available": dict.fromkeys(("10", "11", "12"), "stable")}
        return {"capabilities": {"m.room_versions": versions}}

    async def display_name(self, request: httpx.Request, body: Content, parts: list[str]) -> Content:
        """GET, PUT /profile/{user}/displayname"""
        if request.method == "GET":
            return {"displayname": self._names.get(parts[0], "")}
        if parts[0] != self._caller(request).user:
            raise Refusal(400, "M_UNKNOWN", "Cannot set another user's displayname")
        self._keep("name", parts[0], str(body.get("displayname")))
        return {}

    def _take_token(self, user: str) -> None:
        if self._limit is None:
            return
        now_s = self._clock_s()
        bucket = self._buckets.setdefault(user, Bucket(*self._limit, level=self._limit[0], at_s=now_s))
        if wait_ms := bucket.take(now_s):
            raise Refusal(429, "M_LIMIT_EXCEEDED", "Too Many Requests", retry_after_ms=wait_ms)

    def _caller(self, request: httpx.Request) -> Caller:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not token:
            raise Refusal(401, "M_MISSING_TOKEN", "Missing access token")
        if token not in self._tokens:
            soft = token in self._soft_logouts
            raise Refusal(401, "M_UNKNOWN_TOKEN", "Invalid access token passed.", soft_logout=soft)
        return self._tokens[token]
