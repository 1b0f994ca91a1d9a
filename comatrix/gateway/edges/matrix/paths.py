"""Paths and bodies of requests: quoted so that no name leaves its place, JSON that every homeserver takes."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote


def client_path(*parts: str) -> str:
    """A path of the client-server API from its unquoted segments."""
    return "/_matrix/client/" + "/".join(_quoted(part) for part in parts)


def media_path(*parts: str) -> str:
    """A path of the content repository, where files are uploaded."""
    return "/_matrix/media/" + "/".join(_quoted(part) for part in parts)


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """Compact JSON. A lone surrogate, which the homeserver would answer with 500, becomes '?'."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


@lru_cache(1024)
def _quoted(part: str) -> str:
    """One path segment. Dots alone would walk up the path. Most of them come in every path."""
    text = quote(part, safe="", errors="replace")
    return text if text.strip(".") else text.replace(".", "%2E")
