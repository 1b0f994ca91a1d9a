"""Accounts of the in-memory homeserver: passwords, devices, tokens, services, how many messages they may send."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.homeserver_journal import Fact, Journal
from tests.support.homeserver_room import Content, Refusal
from tests.support.homeserver_service import Pusher, Service
from tests.support.homeserver_tokens import Caller, Tokens


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


class Accounts:
    """Who may speak, and how fast."""

    def __init__(
        self, server_name: str, default_room_version: str, clock_s: Callable[[], float], journal: Journal
    ) -> None:
        self.server_name = server_name
        self.software = "Synapse"
        self.token_lifetime_s: float | None = None  # of tokens that can be renewed; None: none is issued
        self.device_given = ""  # what a login gets, whatever it asked for
        self.services: dict[str, Pusher] = {}  # by as_token
        self._default_room_version = default_room_version
        self._clock_s = clock_s
        self._journal = journal
        self._tokens = Tokens(clock_s, self._keep, lambda: secrets.token_hex(8))
        self._passwords: dict[str, str] = {}
        self._devices: dict[str, dict[str, str]] = {}  # user -> device -> its name
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
            case ["device", user_id, device, name]:
                self._devices.setdefault(user_id, {})[device] = name
            case ["no device", user_id, device]:
                self._devices.get(user_id, {}).pop(device, None)
            case ["name", user_id, name]:
                self._names[user_id] = name
            case _:
                if not self._tokens.learn(fact):
                    raise ValueError(f"no fact is like {fact}")

    # What a test does

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
        """Answer this user's tokens with 401; with `soft` they may be renewed."""
        self._tokens.expire(user_id, soft=soft)

    def forget_device(self, user_id: str, device: str) -> None:
        """As an administrator that deletes a device."""
        self._keep("no device", user_id, device)
        self._tokens.end_device(Caller(user_id, device))

    # What a client does

    async def versions(self, _request: httpx.Request, _body: Content, _parts: list[str]) -> Content:
        """GET /versions"""
        return {"versions": ["v1.11"]}

    async def software_version(self, _request: httpx.Request, _body: Content, _parts: list[str]) -> Content:
        """GET /_matrix/federation/v1/version"""
        return {"server": {"name": self.software, "version": "1.163.2"}}

    async def login(self, request: httpx.Request, body: Content, _parts: list[str]) -> Content:
        """POST /login. A device that logs in again loses its old token."""
        user = str(body.get("identifier", {}).get("user", ""))
        user_id = user if user.startswith("@") else f"@{user}:{self.server_name}"
        if body.get("type") == "m.login.application_service":
            self._check_service_login(request, user_id)
        elif not self._passwords.get(user_id) or self._passwords[user_id] != body.get("password"):
            raise Refusal(403, "M_FORBIDDEN", "Invalid username or password")
        caller = Caller(user_id, self.device_given or str(body.get("device_id") or secrets.token_hex(5)))
        self._tokens.end_device(caller)
        self._keep("device", caller.user, caller.device, str(body.get("initial_device_display_name", "")))
        lifetime_s = self.token_lifetime_s if body.get("refresh_token") is True else None
        return {"user_id": user_id, "device_id": caller.device, **self._tokens.issue(caller, lifetime_s)}

    async def refresh(self, _request: httpx.Request, body: Content, _parts: list[str]) -> Content:
        """POST /refresh. Synapse has it only where tokens can be renewed."""
        if self.token_lifetime_s is None:
            raise Refusal(404, "M_UNRECOGNIZED", "Unrecognized request")
        return self._tokens.renew(str(body.get("refresh_token")), self.token_lifetime_s)

    async def logout(self, request: httpx.Request, _body: Content, _parts: list[str]) -> Content:
        """POST /logout"""
        caller = self._caller(request)
        self._keep("no device", caller.user, caller.device)
        self._tokens.end_device(caller)
        return {}

    async def register_user(self, request: httpx.Request, body: Content, _parts: list[str]) -> Content:
        """POST /register, for application services alone."""
        service = self._service(request)
        if body.get("type") != "m.login.application_service" or service is None:
            raise Refusal(403, "M_FORBIDDEN", "Registration has been disabled. Only m.login.application_service.")
        user_id = f"@{body.get('username')}:{self.server_name}"
        if not service.owns(user_id):
            raise Refusal(400, "M_EXCLUSIVE", "Invalid user localpart for this application service.")
        if user_id in self._passwords:
            raise Refusal(400, "M_USER_IN_USE", "User ID already taken.")
        self._keep("account", user_id, "")
        if service.msc4190 and not body.get("inhibit_login"):
            raise Refusal(400, "M_APPSERVICE_LOGIN_UNSUPPORTED", "inhibit_login must be set to true.")
        if body.get("inhibit_login"):
            return {"user_id": user_id, "home_server": self.server_name}
        caller = Caller(user_id, str(body.get("device_id") or secrets.token_hex(5)))
        self._keep("device", caller.user, caller.device, "")
        return {"user_id": user_id, "device_id": caller.device, **self._tokens.issue(caller, None)}

    async def device(self, request: httpx.Request, body: Content, parts: list[str]) -> Content:
        """GET, PUT, DELETE /devices/{id}: a service makes and removes its users' devices (MSC4190)."""
        caller = self._caller(request)
        known = self._devices.get(caller.user, {})
        if request.method == "PUT" and caller.service:
            self._keep("device", caller.user, parts[0], str(body.get("display_name", "")))
            return {}
        if parts[0] not in known:
            raise Refusal(404, "M_NOT_FOUND", "No device found")
        if request.method == "DELETE":
            self.forget_device(caller.user, parts[0])
        elif request.method == "PUT":
            self._keep("device", caller.user, parts[0], str(body.get("display_name", "")))
        else:
            return {"device_id": parts[0], "display_name": known[parts[0]]}
        return {}

    async def ping(self, request: httpx.Request, body: Content, parts: list[str]) -> Content:
        """POST /appservice/{id}/ping"""
        pusher = self.services.get(_token(request))
        if pusher is None or pusher.service.id != parts[0]:
            raise Refusal(403, "M_FORBIDDEN", "Only application services can use the /appservice/ping endpoint")
        return await pusher.ping(str(body.get("transaction_id", "")))

    async def whoami(self, request: httpx.Request, _body: Content, _parts: list[str]) -> Content:
        """GET /account/whoami"""
        caller = self._caller(request)
        device = {"device_id": caller.device} if caller.device else {}
        return {"user_id": caller.user, **device, "is_guest": False}

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

    # Who is it

    def _take_token(self, caller: Caller) -> None:
        if self._limit is None or self._unlimited(caller):
            return
        now_s = self._clock_s()
        bucket = self._buckets.setdefault(caller.user, Bucket(*self._limit, level=self._limit[0], at_s=now_s))
        if wait_ms := bucket.take(now_s):
            raise Refusal(429, "M_LIMIT_EXCEEDED", "Too Many Requests", retry_after_ms=wait_ms)

    def _unlimited(self, caller: Caller) -> bool:
        services = [pusher.service for pusher in self.services.values()]
        return any(service.id == caller.service and not service.rate_limited for service in services)

    def _caller(self, request: httpx.Request) -> Caller:
        token = _token(request)
        if not token:
            raise Refusal(401, "M_MISSING_TOKEN", "Missing access token")
        service = self._service(request)
        return self._tokens.caller(token) if service is None else self._masked(service, request)

    def _masked(self, service: Service, request: httpx.Request) -> Caller:
        """The user that a service names, or its own."""
        user = request.url.params.get("user_id", service.sender)
        service.speaks_for(user, self._passwords.__contains__)
        device = request.url.params.get("device_id", "")
        if device and device not in self._devices.get(user, {}):
            raise Refusal(400, "M_UNKNOWN_DEVICE", "Application service trying to use a device that doesn't exist")
        return Caller(user, device, service.id)

    def _service(self, request: httpx.Request) -> Service | None:
        pusher = self.services.get(_token(request))
        return None if pusher is None else pusher.service

    def _check_service_login(self, request: httpx.Request, user_id: str) -> None:
        service = self._service(request)
        if service is None or not service.owns(user_id):
            raise Refusal(403, "M_FORBIDDEN", "Invalid access_token")
        if service.msc4190:
            raise Refusal(400, "M_APPSERVICE_LOGIN_UNSUPPORTED", "This appservice has MSC4190 enabled")
        if user_id not in self._passwords:
            raise Refusal(403, "M_FORBIDDEN", "User not registered")


def _token(request: httpx.Request) -> str:
    return str(request.headers.get("authorization", "")).removeprefix("Bearer ")
