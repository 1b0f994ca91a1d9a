"""Access tokens that end are renewed, once for all who wait, and are on disk before they are used."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from comatrix.gateway.config.secrets import Secrets, read_secrets, renew_secrets, write_secrets
from comatrix.gateway.demo.synapse import LoopbackSynapse
from comatrix.gateway.edges.matrix import MatrixClient
from comatrix.gateway.edges.matrix.session import RETRY_MS, Keep, successor_untrusted
from comatrix.gateway.uplink.outcome import PauseAccount, judge
from tests.support.homeserver import Homeserver
from tests.support.homeserver_faults import answered
from tests.support.people import PASSWORD, Place

MESSAGE = b'{"body":"x","msgtype":"m.notice"}'
LIFETIME_S = 300.0
HOUR_MS = 3_600_000


class Clock:
    """Seconds for the homeserver, Unix milliseconds for the gateway: one time, moved by the test."""

    def __init__(self) -> None:
        self.now_s = 1_700_000_000.0

    def seconds(self) -> float:
        return self.now_s

    def ms(self) -> int:
        return int(self.now_s * 1000)


@pytest.fixture
def clock() -> Clock:
    """The time of both sides."""
    return Clock()


@pytest.fixture
def renewing(clock: Clock) -> Homeserver:
    """A homeserver whose access tokens last five minutes."""
    homeserver = Homeserver(clock_s=clock.seconds)
    homeserver.token_lifetime_s = LIFETIME_S
    return homeserver


class Bot:
    """A gateway's account with its secrets on disk. `restart` knows only what is there."""

    def __init__(self, homeserver: Homeserver, path: Path, clock: Clock) -> None:
        self.homeserver, self.path, self._clock = homeserver, path, clock
        self.client = self.restart()

    @property
    def on_disk(self) -> Secrets:
        return read_secrets(self.path)

    @property
    def refreshes(self) -> int:
        return sum(path.endswith("/refresh") for _, path in self.homeserver.requests)

    def restart(self, keep: Keep | None = None) -> MatrixClient:
        keep = keep or partial(renew_secrets, self.path)
        client = MatrixClient(
            self.homeserver.base_url, transport=self.homeserver, keep=keep, now_ms=self._clock.ms, timeout_s=5
        )
        self.client = client.take(self.on_disk)
        return self.client


@pytest.fixture
async def bot(renewing: Homeserver, clock: Clock, tmp_path: Path) -> AsyncIterator[Bot]:
    """Signed in as `comatrix init` does it."""
    await renewing.register("cx", PASSWORD)
    path = tmp_path / "secrets.toml"
    async with MatrixClient(renewing.base_url, transport=renewing) as client:
        answer = await client.login_password("cx", PASSWORD, "GW", "gateway", renewable=True)
    kept = successor_untrusted(Secrets("@cx:localhost", "GW", ""), answer.body or {}, clock.ms())
    assert kept is not None and kept.refresh_token and kept.expires_ms == clock.ms() + 300_000
    write_secrets(path, kept)
    yield Bot(renewing, path, clock)


async def test_a_token_is_renewed_shortly_before_it_ends(bot: Bot, clock: Clock) -> None:
    clock.now_s += LIFETIME_S - 31
    assert (await bot.client.whoami()).ok
    assert bot.refreshes == 0
    clock.now_s += 2
    assert (await bot.client.whoami()).ok
    assert bot.refreshes == 1
    assert [path for _, path in bot.homeserver.requests][-2:] == [
        "/_matrix/client/v3/refresh",
        "/_matrix/client/v3/account/whoami",
    ]
    assert bot.on_disk == bot.client.account
    clock.now_s += LIFETIME_S - 31
    assert (await bot.client.whoami()).ok
    assert bot.refreshes == 1


async def test_a_soft_logout_is_followed_by_the_next_token(bot: Bot) -> None:
    before = bot.on_disk
    bot.homeserver.expire_tokens("@cx:localhost", soft=True)
    assert (await bot.client.whoami()).ok
    assert bot.on_disk == bot.client.account != before


async def test_a_token_the_clock_thought_alive_is_renewed_when_it_is_refused(bot: Bot, clock: Clock) -> None:
    clock.now_s += LIFETIME_S + 1
    wrong = clock.now_s
    bot.restart()
    clock.now_s = wrong - 2 * LIFETIME_S  # the gateway's clock was set back; the homeserver's was not
    bot.homeserver._tokens._clock_s = lambda: wrong
    assert (await bot.client.whoami()).ok
    assert bot.refreshes == 1


async def test_all_who_wait_share_one_renewal(bot: Bot) -> None:
    room_id = (await bot.client.create_room("garden")).body["room_id"]  # type: ignore[index]
    bot.homeserver.expire_tokens("@cx:localhost", soft=True)
    bot.homeserver.latency_s = 0.01
    send = bot.client.send_event
    answers = await asyncio.gather(*(send(room_id, "m.room.message", f"1.{n}.msg", MESSAGE) for n in range(20)))
    assert all(answer.ok for answer in answers)
    assert bot.refreshes == 1
    assert len(bot.homeserver.messages_in(room_id)) == 20


async def test_a_request_that_comes_during_a_renewal_waits_for_it(bot: Bot) -> None:
    bot.homeserver.expire_tokens("@cx:localhost", soft=True)
    bot.homeserver.fail("slow", path="/refresh", delay_s=0.05)
    first = asyncio.create_task(bot.client.whoami())
    await asyncio.sleep(0.02)
    assert (await bot.client.capabilities()).ok
    assert (await first).ok
    paths = [path.rpartition("/")[2] for _, path in bot.homeserver.requests]
    assert paths.count("capabilities") == 1  # it never went out with the old token


async def test_the_new_pair_is_on_disk_before_its_first_use(bot: Bot) -> None:
    seen: list[tuple[str, str]] = []

    class Watching(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            seen.append((token, bot.on_disk.access_token))
            return await bot.homeserver.handle_async_request(request)

    client = MatrixClient(bot.homeserver.base_url, transport=Watching(), keep=partial(renew_secrets, bot.path))
    client.take(bot.on_disk)
    bot.homeserver.expire_tokens("@cx:localhost", soft=True)
    assert (await client.whoami()).ok
    used, on_disk = seen[-1]
    assert used == on_disk != seen[0][0]


async def test_a_crash_before_the_pair_is_on_disk_costs_nothing(bot: Bot) -> None:
    """The homeserver gave a pair that nobody kept: the old refresh token still works."""

    def crash(before: Secrets, after: Secrets) -> Secrets:
        raise OSError("the power failed")

    bot.homeserver.expire_tokens("@cx:localhost", soft=True)
    answer = await bot.restart(crash).whoami()
    assert answer.status is None and "the power failed" in answer.error
    assert bot.client.account == bot.on_disk
    assert (await bot.restart().whoami()).ok


async def test_a_crash_after_the_pair_is_on_disk_costs_nothing(bot: Bot) -> None:
    def crash(before: Secrets, after: Secrets) -> Secrets:
        renew_secrets(bot.path, before, after)
        raise OSError("the power failed")

    bot.homeserver.expire_tokens("@cx:localhost", soft=True)
    assert (await bot.restart(crash).whoami()).status is None
    assert (await bot.restart().whoami()).ok
    assert bot.refreshes == 1


async def test_a_lost_answer_to_a_renewal_is_asked_for_again(bot: Bot) -> None:
    bot.homeserver.expire_tokens("@cx:localhost", soft=True)
    bot.homeserver.fail("drop", path="/refresh")
    assert (await bot.client.whoami()).status is None
    assert (await bot.client.whoami()).ok
    assert bot.refreshes == 2


async def test_an_early_renewal_that_fails_stops_nothing(bot: Bot, clock: Clock) -> None:
    clock.now_s += LIFETIME_S - 10
    bot.homeserver.fail("html", path="/refresh", times=2)
    for _ in range(5):
        assert (await bot.client.whoami()).ok  # the old token still works
    assert bot.refreshes == 1  # and the renewal is not asked for with every request
    clock.now_s += RETRY_MS / 1000 - 1
    assert (await bot.client.whoami()).ok
    assert bot.refreshes == 1


@pytest.mark.parametrize(("status", "errcode"), [(401, "M_UNKNOWN_TOKEN"), (403, "M_FORBIDDEN")])
async def test_a_refused_renewal_says_what_to_type_and_is_not_repeated(
    bot: Bot, status: int, errcode: str, caplog: pytest.LogCaptureFixture
) -> None:
    bot.homeserver.expire_tokens("@cx:localhost", soft=True)
    bot.homeserver.fail("error", path="/refresh", status=status, errcode=errcode)
    for _ in range(3):
        outcome = judge(await bot.client.whoami(), in_doubt=False)
        assert isinstance(outcome, PauseAccount) and outcome.next_step == "comatrix init --force"
    assert bot.refreshes == 1
    assert "comatrix init --force" in caplog.text
    assert "token_" not in caplog.text and "refresh_" not in caplog.text


async def test_without_a_refresh_token_a_401_is_final(renewing: Homeserver) -> None:
    client = await Place(renewing, renewing).client()
    renewing.expire_tokens(client.user_id, soft=True)
    answer = await client.whoami()
    assert (answer.status, answer.errcode, answer.soft_logout) == (401, "M_UNKNOWN_TOKEN", True)
    assert not any(path.endswith("/refresh") for _, path in renewing.requests)


async def test_a_login_beside_a_renewal_wins(bot: Bot) -> None:
    """`comatrix init --force` while the gateway renews: its new tokens are not overwritten."""
    bot.homeserver.expire_tokens("@cx:localhost", soft=True)
    login = Secrets("@cx:localhost", "GW", "new_token", "new_refresh")

    def beside(before: Secrets, after: Secrets) -> Secrets:
        write_secrets(bot.path, login)
        return renew_secrets(bot.path, before, after)

    client = bot.restart(beside)
    await client.whoami()
    assert bot.on_disk == login == client.account


async def test_following_the_file_does_not_fight_with_a_renewal(bot: Bot) -> None:
    client = bot.client
    assert not client.take_if_new(bot.on_disk)
    bot.homeserver.expire_tokens("@cx:localhost", soft=True)
    bot.homeserver.latency_s = 0.02
    task = asyncio.create_task(client.whoami())
    while not task.done():
        assert not client.take_if_new(bot.on_disk)
        await asyncio.sleep(0.001)
    assert (await task).ok and not client.take_if_new(bot.on_disk)
    assert client.take_if_new(Secrets("@cx:localhost", "GW", "from_init"))


async def test_a_cancelled_request_does_not_cancel_the_renewal_of_others(bot: Bot) -> None:
    bot.homeserver.expire_tokens("@cx:localhost", soft=True)
    bot.homeserver.fail("slow", path="/refresh", delay_s=0.05)
    first, second = asyncio.create_task(bot.client.whoami()), asyncio.create_task(bot.client.whoami())
    await asyncio.sleep(0.02)
    first.cancel()
    assert (await second).ok
    assert bot.refreshes == 1


async def test_closing_waits_for_a_renewal_under_way(bot: Bot) -> None:
    bot.homeserver.expire_tokens("@cx:localhost", soft=True)
    before = bot.on_disk
    bot.homeserver.fail("slow", path="/refresh", delay_s=0.05)
    task = asyncio.create_task(bot.client.whoami())
    await asyncio.sleep(0.02)
    task.cancel()
    await bot.client.aclose()
    assert bot.on_disk != before


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ({}, None),
        ({"access_token": 7}, None),
        ({"access_token": "b", "refresh_token": 7}, None),
        ({"access_token": "b"}, Secrets("u", "d", "b", "r0", 0)),
        ({"access_token": "b", "refresh_token": "r1"}, Secrets("u", "d", "b", "r1", 0)),
        ({"access_token": "b", "expires_in_ms": 1000}, Secrets("u", "d", "b", "r0", HOUR_MS + 1000)),
        ({"access_token": "b", "expires_in_ms": True}, Secrets("u", "d", "b", "r0", 0)),
        ({"access_token": "b", "expires_in_ms": -5}, Secrets("u", "d", "b", "r0", 0)),
        ({"access_token": "b", "expires_in_ms": 1 << 70}, Secrets("u", "d", "b", "r0", 0)),
    ],
)
def test_a_renewal_is_read_as_the_specification_says(body: dict[str, object], after: Secrets | None) -> None:
    assert successor_untrusted(Secrets("u", "d", "a", "r0", 5), body, HOUR_MS) == after


async def test_a_renewal_that_gives_no_token_is_no_answer(bot: Bot) -> None:
    class Empty(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/refresh"):
                return answered(200, {})
            return await bot.homeserver.handle_async_request(request)

    client = MatrixClient(bot.homeserver.base_url, transport=Empty()).take(bot.on_disk)
    bot.homeserver.expire_tokens("@cx:localhost", soft=True)
    answer = await client.whoami()
    assert answer.status is None and answer.error


@pytest.mark.slow
async def test_synapse_renews_tokens_for_as_long_as_one_posts(tmp_path: Path) -> None:
    settings = {"refreshable_access_token_lifetime": "2s"}
    async with LoopbackSynapse(tmp_path / "synapse", settings=settings) as server:
        await server.register("cx", PASSWORD)
        client = MatrixClient(server.base_url, keep=partial(renew_secrets, tmp_path / "secrets.toml"))
        answer = await client.login_password("cx", PASSWORD, "GW", "gateway", renewable=True)
        assert answer.body is not None and answer.body["expires_in_ms"] <= 2000
        unknown = Secrets("@cx:localhost", "GW", "")
        kept = successor_untrusted(unknown, answer.body, client._session._now_ms())
        assert kept is not None
        write_secrets(tmp_path / "secrets.toml", kept)
        client.take(kept)
        room_id = (await client.create_room("garden")).body["room_id"]  # type: ignore[index]
        sent, pairs = [], {kept.access_token}
        for number in range(14):
            answer = await client.send_event(room_id, "m.room.message", f"1.{number}.msg", MESSAGE)
            assert answer.ok, answer
            sent.append(answer.body["event_id"])  # type: ignore[index]
            pairs.add(read_secrets(tmp_path / "secrets.toml").access_token)
            assert read_secrets(tmp_path / "secrets.toml") == client.account
            if number == 7:  # a token whose end the gateway did not know: 401 with soft_logout
                client.take(Secrets("@cx:localhost", "GW", client.account.access_token, client.account.refresh_token))
                write_secrets(tmp_path / "secrets.toml", client.account)
                await asyncio.sleep(2.2)
            await asyncio.sleep(0.5)
        assert len(set(sent)) == 14 and len(pairs) >= 3
        await client.aclose()
