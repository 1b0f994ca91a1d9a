"""What each answer means."""

import pytest

from comatrix.gateway.model import HomeserverAnswer
from comatrix.gateway.uplink.outcome import Done, Later, NoAnswer, PauseAccount, PauseRoom, Refused, judge


def _said(status: int, errcode: str, **more: int) -> HomeserverAnswer:
    return HomeserverAnswer(status, {"errcode": errcode}, errcode, **more)  # type: ignore[arg-type]


def test_only_a_200_with_an_event_id_is_done() -> None:
    assert judge(HomeserverAnswer(200, {"event_id": "$e"}), in_doubt=True) == Done("$e")
    assert isinstance(judge(HomeserverAnswer(200, {}), in_doubt=False), NoAnswer)
    assert isinstance(judge(HomeserverAnswer(200, None), in_doubt=False), NoAnswer)


@pytest.mark.parametrize(
    "answer",
    [
        HomeserverAnswer(None, error="timed out"),
        HomeserverAnswer(403, None, error="HTML"),
        HomeserverAnswer(403, {"message": "not a homeserver"}),
        HomeserverAnswer(429, None, retry_after_ms=1000),
        _said(500, "M_UNKNOWN"),
        _said(502, "M_FORBIDDEN"),
        _said(405, "M_SOMETHING_NEW"),
    ],
)
def test_what_is_not_the_homeservers_word_leaves_doubt(answer: HomeserverAnswer) -> None:
    assert isinstance(judge(answer, in_doubt=False), NoAnswer)


def test_a_429_is_later() -> None:
    assert judge(_said(429, "M_LIMIT_EXCEEDED", retry_after_ms=300), in_doubt=True) == Later(300)
    assert judge(_said(429, "M_UNKNOWN"), in_doubt=True) == Later(None)


@pytest.mark.parametrize(
    ("status", "errcode", "too_large"),
    [
        (413, "M_TOO_LARGE", True),
        (400, "M_TOO_LARGE", True),
        (400, "M_BAD_JSON", False),
        (400, "M_INVALID_PARAM", False),
        (400, "M_SOMETHING_NEW", False),
        (413, "M_UNKNOWN", True),
    ],
)
def test_an_event_is_refused_and_regrouped_only_without_doubt(status: int, errcode: str, too_large: bool) -> None:
    assert judge(_said(status, errcode), in_doubt=False) == Refused(errcode, regroup=True, too_large=too_large)
    assert judge(_said(status, errcode), in_doubt=True) == Refused(errcode, regroup=False, too_large=too_large)


@pytest.mark.parametrize(("status", "errcode"), [(403, "M_FORBIDDEN"), (404, "M_NOT_FOUND"), (403, "M_NEW")])
def test_a_room_is_paused(status: int, errcode: str) -> None:
    assert judge(_said(status, errcode), in_doubt=True) == PauseRoom(errcode, regroup=False)
    assert judge(_said(status, errcode), in_doubt=False) == PauseRoom(errcode, regroup=True)


@pytest.mark.parametrize(
    ("status", "errcode"),
    [
        (401, "M_UNKNOWN_TOKEN"),
        (401, "M_NEW"),
        (403, "M_USER_SUSPENDED"),
        (401, "M_USER_LOCKED"),
        (403, "M_USER_DEACTIVATED"),
        (403, "M_CONSENT_NOT_GIVEN"),
        (403, "M_RESOURCE_LIMIT_EXCEEDED"),
        (404, "M_UNRECOGNIZED"),
    ],
)
def test_the_account_is_paused(status: int, errcode: str) -> None:
    found = judge(_said(status, errcode), in_doubt=False)
    assert isinstance(found, PauseAccount) and found.reason == errcode
    wrong_token = errcode == "M_UNKNOWN_TOKEN"
    assert found.next_step == ("comatrix init --force" if wrong_token else "comatrix status")
