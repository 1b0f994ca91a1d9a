"""A backup as one file: a gzipped tar whose manifest says the version, and of each part its length and hash."""

import gzip
import hashlib
import io
import json
import os
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from comatrix.gateway.errors import UsageError

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "comatrix.db"
SETTINGS = ("comatrix.toml", "secrets.toml", "appservice.toml", "registration.yaml")  # those that exist
MOST_MANIFEST = 16_384
MOST_SETTINGS = 1 << 20
MOST_DATABASE = 4 << 40
CHUNK = 1 << 20
OTHER = "comatrix backup FILE"


@dataclass(frozen=True, slots=True)
class Manifest:
    """`version`: of the CoMatrix that wrote it. `parts`: name -> (bytes, SHA-256 in hex)."""

    version: str
    schema: int
    created_ms: int
    parts: Mapping[str, tuple[int, str]]


def write(target: Path, version: str, schema: int, created_ms: int, parts: Mapping[str, Path]) -> None:
    """Puts the files into `target` (0600), whole and synced, or leaves nothing there. Raises OSError."""
    part = target.with_name(target.name + ".part")
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(file, "wb") as out:
            os.fchmod(out.fileno(), 0o600)
            with tarfile.open(fileobj=out, mode="w:gz", compresslevel=6) as archive:
                _add(archive, MANIFEST, _manifest(version, schema, created_ms, parts))
                for name, path in parts.items():
                    with path.open("rb") as source:
                        _add_file(archive, name, source, path.stat().st_size)
            out.flush()
            os.fsync(out.fileno())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    folder = os.open(target.absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def extract_untrusted(source: Path, folder: Path) -> Manifest:
    """Writes the parts (0600) into the empty `folder` -> what the archive says of itself.

    Only the names of a backup are taken, each once, as plain files of the size and hash the manifest says.
    Raises UsageError, and OSError of the folder.
    """
    try:
        with tarfile.open(source, mode="r:gz") as archive:
            first = archive.next()
            if first is None or first.name != MANIFEST or not first.isreg() or first.size > MOST_MANIFEST:
                raise _wrong(source, "it does not begin with a manifest")
            manifest = _read_manifest(source, _content(archive, first).read())
            left = dict(manifest.parts)
            while (member := archive.next()) is not None:
                _take(source, archive, member, left, folder)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _wrong(source, f"it is damaged or none ({error})") from None
    if left:
        raise _wrong(source, f"{', '.join(left)} missing in it")
    return manifest


def _take(
    source: Path, archive: tarfile.TarFile, member: tarfile.TarInfo, left: dict[str, tuple[int, str]], folder: Path
) -> None:
    if member.name not in left or not member.isreg():
        raise _wrong(source, f"it holds {member.name!a}, which is no part of a backup")
    size, said = left.pop(member.name)
    if member.size != size:
        raise _wrong(source, f"{member.name} has another size than the manifest says")
    digest = hashlib.sha256()
    target = os.open(folder / member.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(target, "wb") as out, _content(archive, member) as content:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    if digest.hexdigest() != said:
        raise _wrong(source, f"{member.name} is not what was saved (its hash differs)")


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Any:
    content = archive.extractfile(member)
    assert content is not None  # a regular file
    return content


def _read_manifest(source: Path, text: bytes) -> Manifest:
    try:
        said = json.loads(text)
        if said["format"] != FORMAT:
            raise _wrong(source, f"it has format {said['format']!a}; this CoMatrix reads {FORMAT}")
        parts = {str(name): (int(size), str(digest)) for name, (size, digest) in said["parts"].items()}
        found = Manifest(str(said["version"]), int(said["schema"]), int(said["created_ms"]), parts)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _wrong(source, "its manifest cannot be read") from None
    for name, (size, _) in parts.items():
        most = {DATABASE: MOST_DATABASE}.get(name, MOST_SETTINGS)
        if name not in (DATABASE, *SETTINGS) or not 0 <= size <= most:
            raise _wrong(source, f"its manifest names {name!a} of {size} bytes")
    if DATABASE not in parts:
        raise _wrong(source, "there is no database in it")
    return found


def _wrong(source: Path, what: str) -> UsageError:
    return UsageError(f"{source} is no backup that can be put back: {what}.", OTHER)


def _manifest(version: str, schema: int, created_ms: int, parts: Mapping[str, Path]) -> bytes:
    told = {name: (path.stat().st_size, _hash(path)) for name, path in parts.items()}
    said = {"format": FORMAT, "version": version, "schema": schema, "created_ms": created_ms, "parts": told}
    return json.dumps(said, indent=1).encode() + b"\n"


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    _add_file(archive, name, io.BytesIO(data), len(data))


def _add_file(archive: tarfile.TarFile, name: str, source: Any, size: int) -> None:
    """Owner and times of this machine are nobody's business."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    archive.addfile(entry, source)
