"""One question to a running gateway over its control socket, bounded in time."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from comatrix.gateway.errors import GatewayError, Unreachable

LONGEST_ANSWER = 4 * 1024 * 1024


async def ask(path: Path, op: str, args: Mapping[str, Any], timeout_s: float) -> Any:
    """The operation's result; None: nobody listens there. Raises PermissionError, Unreachable (no answer), GatewayError
    (refused)."""
    try:
        async with asyncio.timeout(timeout_s):
            found = await _connected(path)
            if found is None:
                return None
            answer = await _exchanged(*found, {"op": op, "args": args})
    except TimeoutError:
        raise Unreachable(f"no answer within {timeout_s:g} s", "comatrix status") from None
    if not answer.get("ok"):
        raise GatewayError(str(answer.get("error", "refused")), str(answer.get("next", "comatrix status")))
    return answer.get("result")


async def _connected(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    try:
        return await asyncio.open_unix_connection(str(path), limit=LONGEST_ANSWER)
    except PermissionError:
        raise
    except OSError:  # no socket, nobody behind it, or a path too long for one
        return None


async def _exchanged(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Mapping[str, Any]
) -> Mapping[str, Any]:
    try:
        writer.write(json.dumps(request).encode() + b"\n")
        answer = json.loads(await reader.readline())
    except (OSError, ValueError) as error:
        raise Unreachable(f"it hung up: {error}", "comatrix status") from None
    finally:
        writer.close()
    return answer if isinstance(answer, dict) else {}
