"""Files at the in-memory homeserver: the content repository, as far as a picture needs it."""

import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.homeserver_room import Content, Refusal

UPLOAD = "/_matrix/media/v3/upload"
MAX_BYTES = 50 << 20  # as Synapse's max_upload_size


@dataclass(frozen=True, slots=True)
class File:
    """What was uploaded, and by whom."""

    data: bytes
    content_type: str
    filename: str
    user: str


@dataclass(slots=True)
class Files:
    """By the last part of their address. `max_bytes` None: the homeserver does not say what it takes."""

    max_bytes: int | None = MAX_BYTES
    kept: dict[str, File] = field(default_factory=dict)

    def keep(self, file: File) -> str:
        """Its id, another one each time."""
        if self.max_bytes is not None and len(file.data) > self.max_bytes:
            raise Refusal(413, "M_TOO_LARGE", "Upload request body is too large")
        name = secrets.token_hex(12)
        self.kept[name] = file
        return name


async def upload(server: Any, request: httpx.Request, _body: Content, _parts: list[str]) -> Content:
    """POST /upload: the body is the file."""
    user = server._caller(request).user
    kind = request.headers.get("content-type", "application/octet-stream")
    file = File(await request.aread(), kind, request.url.params.get("filename", ""), user)
    return {"content_uri": f"mxc://{server.server_name}/{server.files.keep(file)}"}


async def config(server: Any, request: httpx.Request, _body: Content, _parts: list[str]) -> Content:
    """GET /media/config"""
    server._caller(request)
    return {} if server.files.max_bytes is None else {"m.upload.size": server.files.max_bytes}


async def download(server: Any, request: httpx.Request, _body: Content, parts: list[str]) -> File:
    """GET /media/download/{server}/{id}: for people with a token only."""
    server._caller(request)
    if parts[0] != server.server_name or parts[1] not in server.files.kept:
        raise Refusal(404, "M_NOT_FOUND", "Not found")
    file: File = server.files.kept[parts[1]]
    return file
