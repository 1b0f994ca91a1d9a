"""Draws the pictures that were asked for, brings them to the homeserver, and seals the answers.

A row of the table plot leaves in the transaction that seals its answer: whenever the power is cut, at most one picture
is posted. What was uploaded before such a cut is in no room, and nobody sees it.
"""

import asyncio
import logging
import re
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from comatrix.gateway.desk.sitting import House
from comatrix.gateway.downlink import replies as wording
from comatrix.gateway.downlink.replies import Picture
from comatrix.gateway.edges.store import plots, replies, rooms, series
from comatrix.gateway.edges.store.plots import Asked
from comatrix.gateway.edges.store.replies import Make, Speech
from comatrix.gateway.edges.store.store import Store
from comatrix.gateway.errors import StoreError
from comatrix.gateway.model import HomeserverAnswer, Voice
from comatrix.gateway.plotting import asking
from comatrix.gateway.plotting.series import Series, summary
from comatrix.gateway.uplink.outcome import words

log = logging.getLogger(__name__)

LOOK_EVERY_S = 60.0
RETRY_S, MOST_RETRY_S = 5.0, 120.0
GIVE_UP_MS = 15 * 60_000  # after that the answer comes in words
MIMETYPE = "image/png"
MXC = re.compile(r"mxc://[A-Za-z0-9.:\[\]-]{1,230}/[A-Za-z0-9_-]{1,255}")


class Media(Protocol):
    """The part of a homeserver that keeps files."""

    async def media_config(self, *, voice: Voice | None = None) -> HomeserverAnswer:
        """`m.upload.size`."""

    async def upload(
        self, data: bytes, content_type: str, filename: str, *, voice: Voice | None = None
    ) -> HomeserverAnswer:
        """`content_uri`."""


class Picturing:
    """`run()` until cancelled. `poke()` when a picture may have been asked for.

    `sealed()` is called when there is something to send."""

    def __init__(
        self,
        store: Store,
        media: Media,
        house: House,
        *,
        prefix: str,
        now_ms: Callable[[], int],
        sealed: Callable[[], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._media = media
        self._house = house
        self._prefix = prefix
        self._now_ms = now_ms
        self._sealed = sealed
        self._sleep = sleep
        self._woken = asyncio.Event()
        self._tries = 0

    def poke(self) -> None:
        """Somebody may have asked."""
        self._woken.set()

    async def run(self) -> None:
        """Answers one after the other."""
        begun = False
        while True:
            self._woken.clear()
            try:
                if not begun:
                    await self._store.run(plots.forget_copied)
                begun = True
                while (wait_s := await self.look()) is not None:
                    await self._sleep(wait_s)
            except StoreError as error:
                log.warning("pictures wait for the database: %s", error.text)
                await self._sleep(RETRY_S)
                continue
            await self._pause()

    async def look(self) -> float | None:
        """Answers what waits -> None, or in how many seconds to try again. Raises StoreError."""
        while (asked := self._store.read(plots.first)) is not None:
            wait_s = await self._one(asked)
            if wait_s is not None:
                return wait_s
            self._tries = 0
        return None

    async def _pause(self) -> None:
        waits = [asyncio.ensure_future(self._woken.wait()), asyncio.ensure_future(self._sleep(LOOK_EVERY_S))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    async def _one(self, asked: Asked) -> float | None:
        """As `look`, of one picture."""
        found, sent = await self._store.read_aside(
            lambda connection: series.look_up(connection, asked.node, asked.word, asked.since_ms, asked.until_ms)
        )
        if not found.points:
            await self._tell(asked, asking.nothing_sent(found, sent, self._prefix))
            return None
        caption = summary(found, self._house.timezone)
        drawn = await self._drawn(found)
        if drawn is None:
            await self._tell(asked, f"{caption}\nThere is no picture: it could not be drawn.")
            return None
        png, width, height = drawn
        answer = await self._uploaded(png, found.filename)
        mxc = _mxc_untrusted(answer.body or {}) if answer.ok else None
        if mxc is None:
            return await self._not_uploaded(asked, caption, answer)
        picture = Picture(mxc, found.filename, caption, MIMETYPE, len(png), width, height)
        await self._answer(asked, lambda txn: wording.picture(picture, asked.place, txn))
        return None

    async def _drawn(self, found: Series) -> tuple[bytes, int, int] | None:
        """The PNG, its width and height."""
        from comatrix.gateway.plotting import chart  # a megabyte that a gateway without pictures does without

        try:
            return await asyncio.to_thread(chart.png_of, found, self._house.timezone), chart.WIDTH, chart.HEIGHT
        except Exception:  # whatever a node sent, the others' pictures are drawn
            log.exception("cannot draw %s", found.title)
            return None

    async def _uploaded(self, png: bytes, filename: str) -> HomeserverAnswer:
        """The homeserver's answer, its own limit asked first."""
        voice = self._house.voice()
        limit = ((await self._media.media_config(voice=voice)).body or {}).get("m.upload.size")
        if isinstance(limit, int) and len(png) > limit:
            return HomeserverAnswer(413, {}, "M_TOO_LARGE", f"files may have at most {limit} bytes here")
        return await self._media.upload(png, MIMETYPE, filename, voice=voice)

    async def _not_uploaded(self, asked: Asked, caption: str, answer: HomeserverAnswer) -> float | None:
        """Tried again where that may help, and for as long as somebody still waits for it; else told in words."""
        may_help = answer.unsettled or answer.ok or answer.status == 401
        if may_help and self._now_ms() - asked.until_ms < GIVE_UP_MS:
            self._tries += 1
            own_s = min(MOST_RETRY_S, RETRY_S * self._tries)
            return max(own_s, (answer.retry_after_ms or 0) / 1000)
        await self._tell(asked, f"{caption}\nThere is no picture: the homeserver did not take it ({words(answer)}).")
        return None

    async def _tell(self, asked: Asked, text: str) -> None:
        await self._answer(asked, lambda txn: wording.notice(text, asked.place, txn))

    async def _answer(self, asked: Asked, make: Make) -> None:
        """Its row leaves and its answer is sealed, all or nothing. Taken back meanwhile: nothing is said."""

        def job(connection: sqlite3.Connection) -> bool:
            room = rooms.by_id(connection, asked.room)
            if not plots.take(connection, asked.id) or room is None or room.encrypted:
                return False
            speech = Speech(room, make)
            replies.seal(connection, self._house.instance, self._house.voice(), speech, self._now_ms())
            return True

        if await self._store.run(job):
            self._sealed()


def _mxc_untrusted(body: Mapping[str, Any]) -> str | None:
    """The address in the answer to an upload; None: there is none that can be one."""
    mxc = body.get("content_uri")
    return mxc if isinstance(mxc, str) and MXC.fullmatch(mxc) else None
