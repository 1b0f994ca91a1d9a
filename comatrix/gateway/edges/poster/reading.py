"""Reads a room back for one row, page by page."""

from comatrix.gateway.model import HomeserverAnswer, SealedRow, Voice
from comatrix.gateway.uplink.ports import Homeserver
from comatrix.gateway.uplink.readback import PAGE_EVENTS, Search, Unreadable, Verdict


async def look_for(homeserver: Homeserver, row: SealedRow, *, own: bool) -> Verdict:
    """Whether the row's event is in the room it was sealed for, as its sender sees it. `own`: we may speak as that."""
    if not own:
        return Unreadable(f"sealed for {row.sender}")
    search = Search(row)
    while (verdict := search.read(await _page(homeserver, row, search))) is None:
        pass
    return verdict


async def _page(homeserver: Homeserver, row: SealedRow, search: Search) -> HomeserverAnswer:
    voice = Voice(row.sender, row.device)
    if search.target:
        return await homeserver.relations(
            row.room_id, search.target, search.rel_type, from_token=search.token, limit=PAGE_EVENTS, voice=voice
        )
    return await homeserver.messages(
        row.room_id, from_token=search.token, limit=PAGE_EVENTS, event_filter=search.filter, voice=voice
    )
