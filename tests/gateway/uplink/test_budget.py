"""The account's token bucket against simulated homeservers."""

import pytest

from comatrix.gateway.uplink.budget import Budget


class Limiter:
    """A homeserver's own bucket, as Synapse keeps it: says when the next token comes."""

    def __init__(self, interval_ms: int, burst: int) -> None:
        self.interval_ms, self.burst = interval_ms, burst
        self.level, self.at_ms = 0.0, 0

    def ask(self, now_ms: int) -> int | None:
        self.level = max(0.0, self.level - (now_ms - self.at_ms) / self.interval_ms)
        self.at_ms = now_ms
        if self.level + 1 > self.burst:
            return int((self.level + 1 - self.burst) * self.interval_ms) + 1
        self.level += 1
        return None


def _hour(budget: Budget, limiter: Limiter, start_ms: int = 0) -> tuple[int, int]:
    """Sends whenever the budget allows, 20 ms apart -> (accepted, refused) in an hour."""
    accepted = refused = 0
    now_ms = start_ms
    while now_ms < start_ms + 3_600_000:
        now_ms = max(now_ms + 20, budget.ready_at())
        assert budget.take(now_ms)
        wait_ms = limiter.ask(now_ms)
        if wait_ms is None:
            accepted += 1
            budget.accepted(now_ms)
        else:
            refused += 1
            budget.limited(now_ms, wait_ms)
    return accepted, refused


def test_nothing_is_held_back_before_the_first_429() -> None:
    budget = Budget()
    assert all(budget.take(0) for _ in range(1000))


@pytest.mark.parametrize(("interval_ms", "burst"), [(5_000, 10), (1_000, 1), (20_000, 3), (200, 50)])
def test_the_homeservers_rate_is_learned_and_used(interval_ms: int, burst: int) -> None:
    accepted, refused = _hour(Budget(), Limiter(interval_ms, burst))
    possible = 3_600_000 // interval_ms + burst
    assert accepted > 0.9 * possible
    assert refused < 0.12 * accepted


def test_a_limit_that_is_lifted_is_forgotten() -> None:
    budget = Budget()
    _hour(budget, Limiter(5_000, 10))
    accepted, _ = _hour(budget, Limiter(50, 10), start_ms=3_600_000)
    assert accepted > 20_000


def test_after_a_429_nothing_is_sent_until_it_says() -> None:
    budget = Budget()
    budget.take(0)
    budget.limited(100, 4_000)
    assert not budget.take(4_099)
    assert budget.take(4_100)
    assert not budget.take(4_101)


def test_a_429_without_a_time_waits_five_seconds_and_an_absurd_one_ten_minutes() -> None:
    budget = Budget()
    budget.limited(0, None)
    assert budget.ready_at() == 5_000
    budget.limited(0, 10**12)
    assert budget.ready_at() == 600_000


def test_an_idle_account_may_send_a_burst_again() -> None:
    budget = Budget()
    budget.limited(0, 5_000)
    assert sum(budget.take(1_000_000) for _ in range(20)) == 10
