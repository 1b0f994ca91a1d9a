"""aiocoap's server as a process of its own: `python -m ...aiocoap_server FOLDER PORT`. POST /r answers 2.04.

It keeps nothing: what it is compared with also writes to disk. With contexts (folders) in FOLDER it speaks OSCORE.
"""

import asyncio
import signal
import sys
from pathlib import Path

import aiocoap
from aiocoap import resource


class _Readings(resource.Resource):  # type: ignore[misc]  # aiocoap has no types
    async def render_post(self, request: aiocoap.Message) -> aiocoap.Message:
        """Take a reading."""
        return aiocoap.Message(code=aiocoap.CHANGED)


async def _serve(contexts: list[Path], port: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    site = resource.Site()
    site.add_resource(["r"], _Readings())
    root = _protected(site, contexts) if contexts else site
    context = await aiocoap.Context.create_server_context(root, bind=("127.0.0.1", port))
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await stop.wait()
    await context.shutdown()


def _protected(site: resource.Site, contexts: list[Path]) -> object:
    from aiocoap import credentials, oscore
    from aiocoap.oscore_sitewrapper import OscoreSiteWrapper

    known = credentials.CredentialsMap()
    for path in contexts:
        known[f":{path.name}"] = oscore.FilesystemSecurityContext(str(path))
    return OscoreSiteWrapper(site, known)


if __name__ == "__main__":
    asyncio.run(_serve([path for path in Path(sys.argv[1]).iterdir() if path.is_dir()], int(sys.argv[2])))
