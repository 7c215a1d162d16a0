"""The pixels that are drawn: where the geometry says, in the size that the mode has, and never from a bomb."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageDraw

from matcher.domain.desk import FacePicture
from matcher.domain.face import FacePlace
from matcher.errors import BadInput
from matcher.review.pixels import Grid, ImageMode
from matcher.review.session import View
from matcher.tui.pictures import Decoded, crop_pair, decode
from tests.vision.pictures import face, saved, sixteen_bit_grey


def marked(size: int, turn: int) -> tuple[Decoded, FacePicture]:
    """A grey picture with a red right eye and a blue left eye; `turn` moves the left eye down."""
    image = Image.new("RGB", (size, size), (128, 128, 128))
    unit = size / 100
    eyes = (40 * unit, 45 * unit), (60 * unit, (45 + turn) * unit)
    for (x, y), colour in zip(eyes, ((255, 0, 0), (0, 0, 255)), strict=True):
        ImageDraw.Draw(image).ellipse((x - 4 * unit, y - 4 * unit, x + 4 * unit, y + 4 * unit), fill=colour)
    rest = ((50 * unit, 55 * unit), (42 * unit, 65 * unit), (58 * unit, 65 * unit))
    return Decoded(image), FacePicture(b"", FacePlace((25 * unit, 25 * unit, 50 * unit, 60 * unit), (*eyes, *rest)))


def centre(image: Image.Image, channel: int) -> tuple[float, float]:
    """Middle of the pixels where one channel dominates."""
    pixels, found = image.load(), []
    for y in range(image.height):
        for x in range(image.width):
            values = pixels[x, y]
            if values[channel] > 150 and values[2 - channel] < 90:
                found.append((x, y))
    return sum(x for x, _ in found) / len(found), sum(y for _, y in found) / len(found)


@pytest.mark.parametrize(("size", "turn"), [(100, 0), (400, 12), (3000, -15)])
def test_eyes_of_both_pictures_meet(size: int, turn: int) -> None:
    probe, reference = marked(300, 0), marked(size, turn)
    crops = crop_pair((probe[0], reference[0]), (probe[1], reference[1]), Grid(20, 10, 10, 20), ImageMode.KITTY, View())
    assert crops.probe.size == crops.reference.size == (200, 200)
    for channel in (0, 2):
        assert centre(crops.probe, channel) == pytest.approx(centre(crops.reference, channel), abs=1.5)


def test_size_follows_the_mode_and_mirror_swaps_the_probe() -> None:
    image, picture = marked(300, 0)
    grid = Grid(30, 12, 10, 20)
    half = crop_pair((image, image), (picture, picture), grid, ImageMode.HALF_BLOCK, View(mirror=True))
    assert half.probe.size == (30, 24)
    assert centre(half.probe, 0)[0] > centre(half.probe, 2)[0]
    assert centre(half.reference, 0)[0] < centre(half.reference, 2)[0]
    kitty = crop_pair((image, image), (picture, picture), grid, ImageMode.KITTY, View())
    assert kitty.face_pixels == pytest.approx(10 * half.face_pixels, abs=10)


def test_a_picture_is_upright_and_unreadable_ones_are_refused() -> None:
    turned, out = Image.new("RGB", (40, 20)), BytesIO()
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(out, "JPEG", exif=exif)
    assert decode(out.getvalue()).image.size == (20, 40)
    for data in (b"", b"GIF89a", out.getvalue()[:60]):
        with pytest.raises(BadInput, match="cannot be read"):
            decode(data)


def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    out = BytesIO()
    Image.new("1", (12_000, 12_000)).save(out, "PNG")
    with pytest.raises(BadInput, match="12000x12000"):
        decode(out.getvalue())


def pair(view: View, turn: int = 0) -> tuple[Image.Image, Image.Image]:
    first, second = marked(300, turn), marked(120, 0)
    faint = Decoded(first[0].image.point(lambda level: 100 + level // 8)), first[1]
    crops = crop_pair((faint[0], second[0]), (faint[1], second[1]), Grid(20, 10, 10, 20), ImageMode.KITTY, view)
    return crops.probe, crops.reference


def test_an_overlay_is_half_of_each() -> None:
    (probe, reference), overlay = pair(View()), pair(View(overlay=True))
    assert overlay[0].tobytes() == overlay[1].tobytes() == Image.blend(probe, reference, 0.5).tobytes()


def test_contrast_stretches_each_face_and_leaves_its_place() -> None:
    (plain, _), (stretched, _) = pair(View()), pair(View(contrast=True))
    lowest, highest = plain.convert("L").getextrema()
    assert highest - lowest < 150
    lowest, highest = stretched.convert("L").getextrema()
    assert highest - lowest > 200
    assert stretched.size == plain.size


def test_the_grid_goes_through_the_eyes_of_both_faces_at_the_same_places() -> None:
    plain, ruled = pair(View(), turn=10), pair(View(grid=True), turn=10)
    rows = []
    for before, after in zip(plain, ruled, strict=True):
        changed = ImageChops.difference(before, after).convert("L").point(lambda level: 255 * (level > 0))
        rows.append({y for y in range(after.height) if changed.crop((0, y, after.width, y + 1)).getextrema()[0] > 0})
    assert rows[0] == rows[1]
    eyes = [centre(plain[1], channel)[1] for channel in (0, 2)]
    assert min(abs(row - sum(eyes) / 2) for row in rows[0]) <= 1.5
    assert 4 <= len(rows[0]) <= 20


def test_a_very_large_jpeg_is_read_smaller_and_its_faces_lie_where_they_were() -> None:
    whole, picture = marked(8_800, 9)
    out = BytesIO()
    whole.image.save(out, "JPEG", quality=90)
    read = decode(out.getvalue())
    assert (read.shrunk, read.image.size) == (2, (4_400, 4_400))
    grid = Grid(20, 10, 10, 20)
    crops = crop_pair((whole, read), (picture, picture), grid, ImageMode.KITTY, View())
    for channel in (0, 2):
        assert centre(crops.probe, channel) == pytest.approx(centre(crops.reference, channel), abs=0.5)


def test_sixteen_bits_are_shown_by_their_upper_eight() -> None:
    for kind in ("PNG", "TIFF"):
        shown = np.asarray(decode(saved(Image.open(BytesIO(sixteen_bit_grey())), kind)).image)
        assert np.array_equal(shown[..., 0], np.asarray(face().convert("L")))


def test_heic_is_shown() -> None:
    pytest.importorskip("pillow_heif").register_heif_opener()
    shown = decode(saved(face(), "HEIF", quality=95)).image
    assert np.abs(np.asarray(shown).astype(int) - np.asarray(face()).astype(int)).mean() < 4
