"""HEIC with its reader and without it."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from matcher.domain.face import Picture
from matcher.domain.rejection import Reason, Rejected
from matcher.vision import heic
from matcher.vision.decode import decode
from matcher.vision.heic import is_heic
from matcher.vision.pixels import Pixels
from tests.vision.pictures import ORIENTATION, face, saved

BOX = b"\x00\x00\x00\x1cftyp%b\x00\x00\x00\x00mif1%bmiaf"


def heic_of(image: Image.Image, **options: object) -> bytes:
    pytest.importorskip("pillow_heif").register_heif_opener()
    return saved(image, "HEIF", **options)


def result_of(data: bytes) -> Pixels | Rejected:
    return decode(Picture("a picture", data))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (BOX % (b"heic", b"heic"), True),
        (BOX % (b"mif1", b"heix"), True),
        (BOX % (b"avif", b"avif"), False),
        (BOX % (b"mif1", b"avif"), False),
        (BOX % (b"isom", b"heic"), False),
        (b"\xff\xff\xff\xffftypmif1", False),
        (b"\x00\x00\x00\x1cftyp", False),
        (b"", False),
    ],
)
def test_it_is_told_by_its_brand(data: bytes, expected: bool) -> None:
    assert is_heic(data) is expected


def test_without_the_reader_it_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    heic._registered.cache_clear()
    result = result_of(BOX % (b"heic", b"heic"))
    heic._registered.cache_clear()
    assert isinstance(result, Rejected)
    assert (result.source, result.reason) == ("a picture", Reason.FORMAT_NOT_INSTALLED)
    assert "watchlist-matcher[heic]" in result.detail


def test_the_reader_is_not_loaded_for_other_pictures() -> None:
    code = (
        "import sys\n"
        "from matcher.domain.face import Picture\n"
        "from matcher.vision.decode import decode\n"
        "from tests.vision.pictures import ONE_FACE\n"
        "decode(Picture('a', ONE_FACE.read_bytes()))\n"
        "assert 'pillow_heif' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_a_heic_is_upright_blue_green_red(mode: str) -> None:
    result = result_of(heic_of(face().convert(mode), quality=95))
    assert not isinstance(result, Rejected)
    expected = np.asarray(face().convert(mode).convert("RGB"))[..., ::-1].astype(int)
    assert np.abs(result.astype(int) - expected).mean() < 4
    assert result.dtype == np.uint8
    assert not result.flags.writeable


def test_a_turned_heic_is_set_upright() -> None:
    turned = face().transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    result = result_of(heic_of(turned, exif=exif.tobytes(), quality=95))
    assert not isinstance(result, Rejected)
    upright = np.asarray(face())[..., ::-1].astype(int)
    assert np.abs(result.astype(int) - upright).mean() < 4


def test_several_pictures_in_one_heic_are_several_frames() -> None:
    data = heic_of(face(), save_all=True, append_images=[face()])
    result = result_of(data)
    assert isinstance(result, Rejected)
    assert result.reason is Reason.SEVERAL_FRAMES


def test_a_heic_cut_off_is_unreadable() -> None:
    data = heic_of(face())
    for part in (0.01, 0.3, 0.9):
        result = result_of(data[: max(40, int(len(data) * part))])
        assert isinstance(result, Rejected)
        assert result.reason is Reason.UNREADABLE


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(12, 4095), st.integers(1, 255)), min_size=1, max_size=8))
def test_flipped_bytes_never_raise(flips: list[tuple[int, int]]) -> None:
    data = bytearray(heic_of(face().resize((64, 64))))
    for place, mask in flips:
        data[max(12, place % len(data))] ^= mask
    result = result_of(bytes(data))
    assert isinstance(result, Rejected) or (result.ndim == 3 and result.dtype == np.uint8)
