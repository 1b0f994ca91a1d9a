"""Files at either homeserver: what a picture in a room needs."""

from urllib.parse import quote

import httpx

from comatrix.gateway.edges.matrix import MatrixClient
from tests.support.homeserver import Homeserver
from tests.support.people import Place

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))  # no picture, and no UTF-8


async def _uploaded(client: MatrixClient) -> str:
    answer = await client.upload(PNG, "image/png", "garden.png")
    assert answer.ok and answer.body is not None, answer
    return str(answer.body["content_uri"])


async def _fetched(place: Place, mxc: str, token: str) -> httpx.Response:
    path = "/".join(quote(part, safe="") for part in mxc.removeprefix("mxc://").split("/"))
    async with httpx.AsyncClient(transport=place.transport, trust_env=False, timeout=30) as http:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await http.get(f"{place.server.base_url}/_matrix/client/v1/media/download/{path}", headers=headers)


async def test_the_homeserver_says_how_large_a_file_may_be(place: Place) -> None:
    answer = await (await place.client()).media_config()
    assert answer.ok and answer.body is not None and answer.body["m.upload.size"] > 1_000_000


async def test_an_uploaded_file_comes_back_as_it_was(place: Place) -> None:
    client, person = await place.client(), await place.person()
    mxc = await _uploaded(client)
    assert mxc.startswith(f"mxc://{place.server_name}/")
    answer = await _fetched(place, mxc, person.client.account.access_token)
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, PNG, "image/png")


async def test_a_file_is_for_people_with_a_token_only(place: Place) -> None:
    assert (await _fetched(place, await _uploaded(await place.client()), "")).status_code == 401


async def test_the_same_file_twice_has_two_addresses(place: Place) -> None:
    client = await place.client()
    assert await _uploaded(client) != await _uploaded(client)


async def test_without_a_token_nothing_is_uploaded(place: Place) -> None:
    client = place.anonymous()
    client.authenticate("nonsense", "@x:localhost", "GATEWAY")
    answer = await client.upload(PNG, "image/png", "garden.png")
    assert (answer.status, answer.errcode) == (401, "M_UNKNOWN_TOKEN")


async def test_a_picture_is_an_event_like_any(place: Place) -> None:
    client = await place.client()
    room_id = str((await client.create_room("garden")).body["room_id"])  # type: ignore[index]
    mxc = await _uploaded(client)
    content = b'{"body":"garden","filename":"garden.png","msgtype":"m.image","url":"%s"}' % mxc.encode()
    assert (await client.send_event(room_id, "m.room.message", "1.1.msg", content)).ok


async def test_too_large_a_file_is_413(homeserver: Homeserver, memory: Place) -> None:
    homeserver.files.max_bytes = 10
    answer = await (await memory.client()).upload(PNG, "image/png", "garden.png")
    assert (answer.status, answer.errcode) == (413, "M_TOO_LARGE")
