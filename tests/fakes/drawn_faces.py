"""Drawn faces with known landmarks: no person, no files."""

import random
from io import BytesIO

from PIL import Image, ImageDraw

from matcher.domain.desk import FacePicture
from matcher.domain.face import FacePlace


def drawn_face(seed: int, *, variant: int = 0, size: int = 320) -> FacePicture:
    """A face of person `seed`; `variant` changes tilt, place and light, not the person."""
    person, scene = random.Random(seed), random.Random(1000 * seed + variant)  # noqa: S311  drawing, not secrets
    skin = tuple(person.randint(90, 230) - 20 * at for at in range(3))
    image = Image.new("RGB", (size, size), tuple(scene.randint(30, 120) for _ in range(3)))
    pen = ImageDraw.Draw(image)
    wide, high = person.uniform(0.40, 0.5) * size, person.uniform(0.56, 0.66) * size
    middle_x, middle_y = size * scene.uniform(0.47, 0.53), size * scene.uniform(0.47, 0.53)
    left, top = middle_x - wide / 2, middle_y - high / 2
    pen.ellipse(
        (left, top - high * 0.12, left + wide, top + high * 0.6), fill=tuple(person.randint(10, 90) for _ in range(3))
    )
    pen.ellipse((left, top, left + wide, top + high), fill=skin)
    apart, eye_y = wide * person.uniform(0.2, 0.25), top + high * 0.42
    eyes = (middle_x - apart, eye_y), (middle_x + apart, eye_y)
    nose = (middle_x, top + high * 0.62)
    mouths = (middle_x - wide * 0.18, top + high * 0.78), (middle_x + wide * 0.18, top + high * 0.78)
    radius = size * 0.022
    for x, y in eyes:
        pen.ellipse((x - 2 * radius, y - radius, x + 2 * radius, y + radius), fill="white")
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill="black")
        pen.arc((x - 3 * radius, y - 3 * radius, x + 3 * radius, y), 200, 340, fill="black", width=3)
    pen.line((middle_x, eye_y, nose[0] + 6, nose[1], nose[0] - 4, nose[1]), fill=(60, 40, 30), width=3)
    pen.line((*mouths[0], middle_x, mouths[0][1] + person.uniform(-6, 10), *mouths[1]), fill=(140, 40, 50), width=5)
    out = BytesIO()
    image.save(out, "JPEG", quality=90)
    return FacePicture(out.getvalue(), FacePlace((left, top, wide, high), (*eyes, nose, *mouths)))
