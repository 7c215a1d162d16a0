import io
import resource

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from matcher.domain.face import Picture
from matcher.domain.rejection import Reason, Rejected
from matcher.vision.decode import decode
from matcher.vision.limits import MAX_BYTES
from matcher.vision.pixels import Pixels
from tests.vision.pictures import ONE_FACE, face, png_bomb, saved, several_frames, sixteen_bit_grey, turned, webp_bomb

TURNED = ("JPEG", "PNG", "WEBP", "TIFF")
FORMATS = (*TURNED, "BMP")


def pixels_of(data: bytes) -> Pixels:
    result = decode(Picture("a picture", data))
    assert not isinstance(result, Rejected), result
    return result


def reason(data: bytes) -> Reason:
    result = decode(Picture("a picture", data))
    assert isinstance(result, Rejected)
    assert result.source == "a picture"
    return result.reason


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_upright_blue_green_red(kind: str) -> None:
    pixels = pixels_of(saved(face(), kind))
    assert pixels.shape == (320, 320, 3)
    assert pixels.dtype == np.uint8
    assert not pixels.flags.writeable
    assert np.abs(pixels[..., ::-1].astype(int) - np.asarray(face()).astype(int)).mean() < 3


@pytest.mark.parametrize("kind", TURNED)
@pytest.mark.parametrize("orientation", range(2, 9))
def test_the_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    upright = np.asarray(face())[..., ::-1].astype(int)
    assert np.abs(pixels_of(turned(orientation, kind)).astype(int) - upright).mean() < 3


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("L", "JPEG"),
        ("CMYK", "JPEG"),
        ("CMYK", "TIFF"),
        ("RGBA", "PNG"),
        ("RGBA", "TIFF"),
        ("LA", "PNG"),
        ("P", "PNG"),
        ("P", "TIFF"),
        ("RGBA", "WEBP"),
        ("L", "BMP"),
        ("P", "BMP"),
        ("RGBA", "BMP"),
    ],
)
def test_grey_cmyk_alpha_and_palette_become_colour(mode: str, kind: str) -> None:
    pixels = pixels_of(saved(face().convert(mode), kind))
    assert pixels.shape == (320, 320, 3)
    grey = np.asarray(face().convert("L")).astype(int)
    assert np.abs(pixels.mean(axis=2) - grey).mean() < 20


def test_sixteen_bits_keep_their_upper_eight() -> None:
    assert np.array_equal(pixels_of(sixteen_bit_grey())[..., 0], np.asarray(face().convert("L")))


@pytest.mark.parametrize("kind", [".png", ".tif"])
@pytest.mark.parametrize("alpha", [False, True])
def test_sixteen_bits_of_colour_become_eight(kind: str, alpha: bool) -> None:
    upright = np.asarray(face())[..., ::-1]
    deep = upright.astype(np.uint16) * 256 + 200
    planes = [deep, np.full((*deep.shape[:2], 1), 7, np.uint16)] if alpha else [deep]
    done, raw = cv2.imencode(kind, np.concatenate(planes, axis=2))
    assert done
    away = pixels_of(raw.tobytes()).astype(int) - upright
    assert set(np.unique(away)) <= ({0} if kind == ".png" else {0, 1})  # of TIFF the lower eight round up


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_black_and_white_is_a_picture(kind: str) -> None:
    pixels = pixels_of(saved(face().convert("1"), kind))
    assert set(np.unique(pixels)) == {0, 255}


def test_what_is_transparent_keeps_its_colour() -> None:
    bare = face()
    bare.putalpha(0)
    assert np.array_equal(pixels_of(saved(bare, "PNG")), np.asarray(face())[..., ::-1])


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_several_frames_are_refused(kind: str) -> None:
    assert reason(several_frames(kind)) is Reason.SEVERAL_FRAMES
    assert isinstance(pixels_of(several_frames(kind, frames=1)), np.ndarray)


def test_a_gif_and_other_formats_are_not_pictures_here() -> None:
    for kind in ("GIF", "AVIF", "PPM"):
        assert reason(saved(face(), kind)) is Reason.NOT_A_PICTURE
    assert reason(several_frames("GIF")) is Reason.NOT_A_PICTURE


@pytest.mark.parametrize("data", [b"", b"\xff", b"MZ" * 500, b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7"])
def test_junk_is_not_a_picture(data: bytes) -> None:
    assert reason(data) is Reason.NOT_A_PICTURE


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("part", [0.3, 0.9, 0.99])
def test_a_file_cut_off_is_unreadable(kind: str, part: float) -> None:
    data = saved(face(), kind)
    assert reason(data[: int(len(data) * part)]) in (Reason.UNREADABLE, Reason.NOT_A_PICTURE)


@pytest.mark.parametrize("size", [(12_001, 1), (1, 12_001), (8_000, 7_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_refused_on_its_header(size: tuple[int, int]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert reason(png_bomb(*size)) in (Reason.TOO_LARGE, Reason.UNREADABLE)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def test_a_webp_bomb_is_refused() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert reason(webp_bomb()) is not Reason.NO_FACE
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def test_too_many_bytes_are_refused_before_any_reader_sees_them() -> None:
    assert reason(ONE_FACE.read_bytes() + bytes(MAX_BYTES)) is Reason.TOO_LARGE


def test_floating_point_pixels_are_refused() -> None:
    data = saved(Image.fromarray(np.zeros((32, 32), np.float32)), "TIFF")
    assert reason(data) is Reason.UNREADABLE


def test_the_name_says_nothing() -> None:
    data = saved(face(), "PNG")
    assert decode(Picture("face.jpg", data)).shape == (320, 320, 3)  # type: ignore[union-attr]


SMALL = {kind: saved(face().resize((48, 48)), kind) for kind in FORMATS}


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(FORMATS), st.lists(st.tuples(st.integers(0, 4095), st.integers(1, 255)), max_size=8))
def test_flipped_bytes_never_raise(kind: str, flips: list[tuple[int, int]]) -> None:
    data = bytearray(SMALL[kind])
    for place, mask in flips:
        data[place % len(data)] ^= mask
    result = decode(Picture("a picture", bytes(data)))
    assert isinstance(result, Rejected) or (result.ndim == 3 and result.shape[2] == 3 and result.dtype == np.uint8)


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"RIFF\0\0\0\0WEBP"]),
)
def test_random_bytes_never_raise(data: bytes, start: bytes) -> None:
    assert isinstance(decode(Picture("a picture", start + data)), Rejected)


def test_a_jpeg_with_pictures_behind_it_is_its_first() -> None:
    raw = io.BytesIO()
    face().save(raw, "MPO", save_all=True, append_images=[Image.new("RGB", (64, 64), "red")], quality=95)
    with Image.open(raw) as image:
        assert (image.format, image.n_frames) == ("MPO", 2)  # type: ignore[attr-defined]
    upright = np.asarray(face())[..., ::-1].astype(int)
    assert np.abs(pixels_of(raw.getvalue()).astype(int) - upright).mean() < 3
    assert reason(raw.getvalue()[:2000]) is Reason.UNREADABLE
