"""What people said, also what a /sync answer left out: that is read page by page, before the token moves on."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from comatrix.gateway.downlink.hearing import Missed, News, Redacted, Said, events_untrusted
from comatrix.gateway.edges.room_watch.listener import Intake
from comatrix.gateway.model import HomeserverAnswer
from comatrix.gateway.uplink.heard import page_since_join_untrusted, since_join_untrusted
from comatrix.gateway.uplink.json_values import mapping, objects

PAGE = 100
MAX_EVENTS = 1_000  # of a room's gap; who was away for longer is told so and says it again
MAX_PAGES = 40  # a page may be empty and not the last
MEMBER = "m.room.member"  # for the bot's own join: what is older is none of its business
PAGE_FILTER: Mapping[str, Any] = {"types": ["m.room.message", "m.room.redaction", MEMBER]}
REFUSALS = (400, 403, 404)


class NoAnswerError(Exception):
    """The homeserver did not say what stands in a gap: it is to be asked again, from the same token."""

    def __init__(self, answer: HomeserverAnswer) -> None:
        super().__init__(answer.error)
        self.answer = answer


class Hearing:
    """`user_id()`: the bot, whose own join is where a room begins. `own`: whose messages are never heard."""

    def __init__(self, intake: Intake, user_id: Callable[[], str], own: Callable[[str], bool]) -> None:
        self._intake = intake
        self._user_id = user_id
        self._own = own

    async def news(self, body: Mapping[str, Any], since: str) -> list[News]:
        """Of the answer to a /sync from `since`, room after room, oldest first. Raises NoAnswerError."""
        rooms = mapping(mapping(since_join_untrusted(body, self._user_id()).get("rooms")).get("join"))
        found: list[News] = []
        for room_id, part in rooms.items():
            found += await self._of_room(room_id, mapping(mapping(part).get("timeline")), since)
        return found

    async def _of_room(self, room_id: str, timeline: Mapping[str, Any], since: str) -> Sequence[News]:
        newest = events_untrusted(room_id, timeline.get("events"), self._own)
        if timeline.get("limited") is not True:
            return newest
        pages, whole = await self._gap(room_id, timeline.get("prev_batch"), since)
        told = [one for page in reversed(pages) for one in page] + newest
        return told if whole else [Missed(room_id, sum(isinstance(one, Said) for one in told))]

    async def _gap(self, room_id: str, start: object, since: str) -> tuple[list[list[Said | Redacted]], bool]:
        """-> (pages, newest first; whether they are everything)."""
        pages: list[list[Said | Redacted]] = []
        token, count = start, 0
        while isinstance(token, str) and count <= MAX_EVENTS and len(pages) < MAX_PAGES:
            body = await self._page(room_id, token, since)
            if body is None:
                return pages, False
            events = objects(body.get("chunk"))
            count += len(events)
            pages.append(events_untrusted(room_id, events[::-1], self._own))
            end = body.get("end")
            if not isinstance(end, str) or end in ("", token):
                return pages, count <= MAX_EVENTS
            token = end
        return pages, False

    async def _page(self, room_id: str, token: str, since: str) -> Mapping[str, Any] | None:
        """None: the homeserver does not show it. Without `to`, events heard before would come again."""
        answer = await self._intake.messages(
            room_id, from_token=token, to_token=since, limit=PAGE, event_filter=PAGE_FILTER
        )
        if answer.ok:
            return page_since_join_untrusted(answer.body or {}, self._user_id())
        if answer.errcode is not None and answer.status in REFUSALS:
            return None
        raise NoAnswerError(answer)
