"""The file and the QR code that carry a node's secret to its board."""

import io
import os
from pathlib import Path
from typing import Any

from comatrix.gateway import provisioning
from comatrix.gateway.config.private_file import write_private
from comatrix.gateway.errors import GatewayError, UsageError


def check_free(path: Path, next_step: str) -> None:
    """Before keys are made: nothing stands at `path`, and it can be written. Raises UsageError."""
    if path.exists():
        raise UsageError(f"{path} exists already.", next_step)
    folder = path.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{path} cannot be written: there is no folder {folder} you may write to.", next_step)


def write_configuration(path: Path, values: dict[str, Any], name: str) -> None:
    """Writes config.json with mode 0600. Raises GatewayError: the keys exist by now, so they must be made anew."""
    try:
        write_private(path, provisioning.configuration_text(values).encode())
    except OSError as error:
        raise GatewayError(
            f"{path} could not be written ({error.strerror}); the node's keys are lost.",
            f"comatrix node rotate {name} --out OTHER.json",
        ) from None


def qr_code(values: dict[str, Any]) -> str:
    """The configuration as a QR code of half-height blocks."""
    import segno

    out = io.StringIO()
    segno.make_qr(provisioning.qr_text(values), error="l").terminal(out=out, compact=True)
    return out.getvalue()
