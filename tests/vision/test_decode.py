import io
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from matcher.domain.face import Picture
from matcher.domain.rejection import Reason, Rejected
from matcher.vision.decode import decode, is_very_large
from matcher.vision.limits import MAX_BYTES
from matcher.vision.pixels import Pixels
from matcher.vision.png import plain_png
from matcher.vision.webp import promised_size
from tests.vision.pictures import (
    ONE_FACE,
    face,
    png,
    png_bomb,
    saved,
    several_frames,
    sixteen_bit_grey,
    turned,
    webp_bomb,
)

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


@contextmanager
def at_most(megabytes: int) -> Iterator[None]:
    """No more memory than this at any moment; the peak of a process never falls unless it is told to (proc(5))."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    yield
    assert _status("VmHWM") - before < megabytes * 1024, "VmHWM"


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{name}:")))  # KiB


def test_the_measure_of_memory_sees_a_picture_that_is_decoded() -> None:
    picture = saved(Image.new("RGB", (6_000, 5_000), "grey"), "PNG")
    with pytest.raises(AssertionError, match="VmHWM"), at_most(50):
        pixels_of(picture)


@pytest.mark.parametrize("size", [(20_001, 1), (1, 20_001), (8_000, 7_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_refused_on_its_header(size: tuple[int, int]) -> None:
    bomb = png_bomb(*size)
    with at_most(50):
        assert reason(bomb) in (Reason.TOO_LARGE, Reason.UNREADABLE)


def test_a_webp_bomb_is_refused() -> None:
    bomb = webp_bomb()
    with at_most(50):
        assert reason(bomb) is not Reason.NO_FACE


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


def detail(data: bytes) -> str:
    result = decode(Picture("a picture", data))
    assert isinstance(result, Rejected)
    return result.detail


@pytest.mark.parametrize(
    ("kind", "words"), [("GIF", "a GIF"), ("AVIF", "an AVIF"), ("PDF", "a PDF"), ("JPEG2000", "a JPEG 2000")]
)
def test_what_it_seems_to_be_is_said(kind: str, words: str) -> None:
    assert f"it seems to be {words}: save the picture as JPEG or PNG" in detail(saved(face(), kind))


def test_a_header_that_promises_more_than_there_are_bytes_is_refused() -> None:
    data = bytearray(saved(face(), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 7_000, 7_000)
    with at_most(50):
        assert reason(bytes(data)) is Reason.UNREADABLE


@pytest.mark.parametrize("extra", [b"tEXt", b"zTXt", b"iCCP", b"gAMA"])
def test_what_stands_beside_the_pixels_of_a_png_does_not_matter(extra: bytes) -> None:
    whole = saved(face(), "PNG")
    body = b"name\0\0" + zlib.compress(bytes(500))
    chunk = struct.pack(">I", len(body)) + extra + body + struct.pack(">I", zlib.crc32(extra + body))
    assert np.array_equal(pixels_of(whole[:33] + chunk + whole[33:]), pixels_of(whole))


@pytest.mark.parametrize("change", [-1, 1, 50_000_000])
def test_a_png_holds_just_as_much_as_its_header_says(change: int) -> None:
    rows = b"".join(b"\0" + row.tobytes() for row in np.asarray(face()))
    assert plain_png(png(320, 320, rows)) is not None
    rows = rows[:change] if change < 0 else rows + bytes(change)
    data = png(320, 320, rows)
    started = time.process_time()
    assert reason(data) is Reason.UNREADABLE
    assert time.process_time() - started < 0.1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (9, 2), (17, 33)])
def test_the_length_of_a_png_follows_from_its_header(mode: str, size: tuple[int, int]) -> None:
    image = Image.new("L", size).convert("I;16") if mode == "I;16" else Image.new(mode, size)
    data = saved(image, "PNG")
    made = plain_png(data)
    assert made is not None
    assert np.array_equal(pixels_of(made), pixels_of(data))


def test_an_interlaced_png_is_read() -> None:
    rows = np.asarray(face().resize((13, 11)))
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    body = b"".join(b"\0" + row.tobytes() for y, x, down, right in passes for row in rows[y::down, x::right])
    assert np.array_equal(pixels_of(png(13, 11, body, interlaced=True)), rows[..., ::-1])


def test_a_tiff_damaged_inside_is_refused_and_not_filled_with_black() -> None:
    data = bytearray(saved(face(), "TIFF", compression="tiff_adobe_deflate"))
    data[60_000:120_000] = bytes(60_000)
    assert reason(bytes(data)) is Reason.UNREADABLE


@pytest.mark.parametrize(("tag", "value"), [(254, 1), (50706, b"\1\4\0\0")])
def test_the_thumbnail_of_a_raw_file_is_not_taken_for_the_picture(tag: int, value: object) -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[tag] = value
    assert "raw file" in detail(saved(face(), "TIFF", tiffinfo=tags))


def test_a_jpeg_larger_than_other_formats_may_be_is_read() -> None:
    wide = np.tile(np.asarray(face()), (22, 24, 1))  # 54 Mpx
    data = cv2.imencode(".jpg", wide)[1].tobytes()
    assert pixels_of(data).shape == wide.shape
    assert "at most 50 million px" in detail(png_bomb(7_680, 7_040))
    assert is_very_large(Picture("a", data))
    assert not is_very_large(Picture("a", saved(face(), "JPEG")))
    assert not is_very_large(Picture("a", data[:100]))


@pytest.mark.parametrize(
    "options", [{"quality": 80}, {"lossless": True}, {"quality": 80, "exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"}]
)
@pytest.mark.parametrize("sides", [(320, 200), (1, 4_000), (4_000, 1)])
def test_a_webp_promises_what_its_reader_finds(sides: tuple[int, int], options: dict[str, object]) -> None:
    data = saved(face().resize(sides), "WEBP", **options)
    assert promised_size(data) == sides
    assert promised_size(data[:29]) is None
    assert promised_size(b"RIFX" + data[4:]) is None
