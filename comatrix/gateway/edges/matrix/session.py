"""The account's tokens at work: requests carry the access token, which is renewed before or when it ends (client-server
API, sections Refreshing access tokens and Soft logout)."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeGuard

from comatrix.gateway.config.secrets import Secrets
from comatrix.gateway.edges.matrix.answer import no_answer
from comatrix.gateway.edges.matrix.http import Caller, Query
from comatrix.gateway.edges.matrix.paths import client_path, json_bytes
from comatrix.gateway.errors import UsageError
from comatrix.gateway.model import HomeserverAnswer

log = logging.getLogger(__name__)

RENEW_EARLY_MS = 60_000
RETRY_MS = 10_000
MAX_LIFETIME_MS = 10 * 365 * 86_400_000
NEXT_STEP = "comatrix init --force"


class Keep(Protocol):
    """Durable storage of the account. Synced when it returns; called in a thread."""

    def __call__(self, before: Secrets, after: Secrets, /) -> Secrets:
        """`after` in place of `before` -> what stands there now. Raises OSError, UsageError."""


class Session:
    """Sends requests as `account`. Without `keep` a renewed token lives in memory only."""

    def __init__(self, http: Caller, account: Secrets, *, keep: Keep | None, now_ms: Callable[[], int]) -> None:
        self._http = http
        self._keep = keep
        self._now_ms = now_ms
        self.reached: Callable[[], None] | None = None  # the first answer after one that did not come
        self._lost = False
        self._renewing: asyncio.Task[HomeserverAnswer | None] | None = None
        self._refused = ""  # the refresh token that renews nothing any more
        self._not_before_ms = 0
        self.take(account)

    def take(self, account: Secrets) -> None:
        """Speak as this account from the next request on. Raises UsageError if the token cannot be one."""
        token = account.access_token
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise UsageError("the access token holds characters no access token has", "comatrix init")
        self.account = account
        left_ms = max(0, account.expires_ms - self._now_ms())
        self._due_ms = account.expires_ms - min(RENEW_EARLY_MS, left_ms // 10)

    def take_if_new(self, account: Secrets) -> bool:
        """As `take`, where a person signed in again -> whether that was so. What is being renewed is ours."""
        if account == self.account or self._renewing is not None:
            return False
        self.take(account)
        return True

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        data: bytes | None = None,
        content_type: str = "application/json",
        wait_s: float = 0.0,
    ) -> HomeserverAnswer:
        """The answer to one request. While tokens are renewed it waits; refused for its token's age, it goes out once
        more with the next."""
        if self._renewing is not None or self._due():
            await self._renewed()
        used = self.account.access_token
        send = partial(self._send, method, path, query=query, data=data, content_type=content_type, wait_s=wait_s)
        answer = await send()
        if answer.status != 401 or answer.errcode != "M_UNKNOWN_TOKEN":
            return answer
        if self.account.access_token == used:
            if not self._renewable():
                return answer
            failure = await self._renewed()
            if failure is not None:
                return failure
        return await send()

    async def aclose(self) -> None:
        """A renewal under way ends first: its tokens would be lost."""
        if self._renewing is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._renewing

    async def _send(self, method: str, path: str, **more: Any) -> HomeserverAnswer:
        answer = await self._http.request(method, path, token=self.account.access_token, **more)
        if answer.body is None:
            self._lost = True
        elif self._lost and answer.ok:
            self._lost = False
            if self.reached is not None:
                self.reached()
        return answer

    def _renewable(self) -> bool:
        return self.account.refresh_token not in ("", self._refused)

    def _due(self) -> bool:
        now_ms = self._now_ms()
        expires = self.account.expires_ms > 0 and now_ms >= self._due_ms
        return expires and now_ms >= self._not_before_ms and self._renewable()

    async def _renewed(self) -> HomeserverAnswer | None:
        """One renewal for all who ask meanwhile -> None, or why there is none."""
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew())
            self._renewing.add_done_callback(self._ended)
        return await asyncio.shield(self._renewing)

    def _ended(self, _task: asyncio.Task[HomeserverAnswer | None]) -> None:
        self._renewing = None

    async def _renew(self) -> HomeserverAnswer | None:
        before = self.account
        body = json_bytes({"refresh_token": before.refresh_token})
        answer = await self._http.request("POST", client_path("v3", "refresh"), data=body)
        after = successor_untrusted(before, answer.body or {}, self._now_ms()) if answer.ok else None
        if after is None:
            self._not_before_ms = self._now_ms() + RETRY_MS
            return self._failed(before, answer)
        try:
            # Before its first use: from then on the homeserver takes the old refresh token no more.
            kept = after if self._keep is None else await asyncio.to_thread(self._keep, before, after)
            if (kept.user_id, kept.device_id) != (before.user_id, before.device_id):
                return no_answer(f"{kept.user_id} signed in anew as device {kept.device_id}")
            self.take(kept)
        except (OSError, UsageError) as error:
            self._not_before_ms = self._now_ms() + RETRY_MS
            log.error("the renewed access token cannot be kept, so it is not used: %s", error)
            return no_answer(f"the renewed access token cannot be kept: {error}")
        log.info("renewed the access token")
        return None

    def _failed(self, before: Secrets, answer: HomeserverAnswer) -> HomeserverAnswer:
        if answer.ok:
            return no_answer("the homeserver renewed the access token, but gave none")
        if answer.unsettled:
            return answer
        self._refused = before.refresh_token
        why = f"the homeserver does not renew the access token: {answer.error or answer.errcode}"
        log.error("%s. Next: %s", why, NEXT_STEP)
        return HomeserverAnswer(401, {"errcode": "M_UNKNOWN_TOKEN"}, errcode="M_UNKNOWN_TOKEN", error=why)


def successor_untrusted(before: Secrets, body: Mapping[str, Any], now_ms: int) -> Secrets | None:
    """What an answer of /login or /refresh makes of the account; None where it gives no access token."""
    token, refresh = body.get("access_token"), body.get("refresh_token", before.refresh_token)
    if not _is_token(token) or not (_is_token(refresh) or refresh == ""):
        return None
    lifetime_ms = body.get("expires_in_ms")
    limited = isinstance(lifetime_ms, int) and not isinstance(lifetime_ms, bool) and 0 < lifetime_ms < MAX_LIFETIME_MS
    expires_ms = now_ms + lifetime_ms if limited and lifetime_ms is not None else 0
    return replace(before, access_token=token, refresh_token=refresh, expires_ms=expires_ms)


def _is_token(value: object) -> TypeGuard[str]:
    """Whether a header and a file can hold it."""
    return isinstance(value, str) and value.isascii() and value.isprintable() and value != ""
