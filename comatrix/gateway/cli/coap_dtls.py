"""coaps:// is not spoken here: the line that makes libcoap's client do it."""

import shlex
import shutil
from pathlib import Path
from typing import NoReturn

from comatrix.gateway.errors import UsageError

CLIENTS = ("coap-client-openssl", "coap-client-gnutls")


def refuse(method: str, uri: str, identity: str | None, file: Path | None, seconds: float) -> NoReturn:
    """Raises UsageError whose next step is that line. The key's file is named, the key not shown."""
    if identity is None or file is None:
        raise UsageError(
            "coaps:// needs --psk-identity and --psk-file; the keys that nodes have here are OSCORE's, for coap://.",
            f"comatrix coap {method} --help",
        )
    installed = next((name for name in CLIENTS if shutil.which(name)), None)
    if installed is None:
        raise UsageError("DTLS is not spoken here; libcoap's client does.", "apt-get install libcoap3-bin")
    words = ["-m", "get" if method == "observe" else method]
    if method == "observe":
        words += ["-s", "3600"]
    if method == "post":
        words += ["-f", "PAYLOAD_FILE"]
    line = shlex.join([installed, *words, "-B", f"{seconds:g}", "-u", identity])
    raise UsageError(
        "DTLS is not spoken here; libcoap's client does. It takes the key as an argument only, where everybody on this "
        "machine can read it while it runs.",
        f'{line} -k "$(cat {shlex.quote(str(file))})" {shlex.quote(uri)}',
    )
