"""Probe and reference side by side as one picture for a viewer, aligned as on the review screen."""

from io import BytesIO

from PIL import Image

from matcher.domain.desk import FacePicture
from matcher.review.pixels import Grid, ImageMode
from matcher.review.session import View
from matcher.tui.pictures import crop_pair, decode

VIEW = Grid(64, 40, 10, 20)  # 640 x 800 pixels a face: both fit on a screen of 1,366 x 900
GAP = 16


def pair_png(probe: FacePicture, reference: FacePicture, view: View) -> tuple[bytes, int]:
    """PNG bytes, the probe on the left, and the height in pixels of the smaller face in it.

    Raises BadInput when a picture cannot be shown. The PNG holds pixels and nothing else.
    """
    pictures = probe, reference
    images = [decode(picture.data) for picture in pictures]
    crops = crop_pair(images, pictures, VIEW, ImageMode.KITTY, view)
    sheet = Image.new("RGB", (2 * crops.probe.width + GAP, crops.probe.height), (128, 128, 128))
    sheet.paste(crops.probe, (0, 0))
    sheet.paste(crops.reference, (crops.probe.width + GAP, 0))
    out = BytesIO()
    sheet.save(out, "PNG", compress_level=1)
    return out.getvalue(), crops.face_pixels
