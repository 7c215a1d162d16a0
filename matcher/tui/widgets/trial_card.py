"""A drawn picture that shows whether the image mode works: a ring, greys, three colours. Nobody's face."""

from PIL import Image, ImageDraw

from matcher.review.pixels import Grid, ImageMode


def trial_card(grid: Grid, mode: ImageMode) -> Image.Image:
    """The card for a view of `grid`, in the pixels that the mode can draw."""
    width, height = grid.size
    card = Image.new("RGB", (width, height), (24, 28, 34))
    pen = ImageDraw.Draw(card)
    band = height // 5
    for step in range(6):
        grey = 40 + step * 43
        pen.rectangle((step * width // 6, 0, (step + 1) * width // 6, band), fill=(grey, grey, grey))
    for step, colour in enumerate(((214, 84, 76), (94, 176, 104), (84, 132, 222))):
        pen.rectangle((step * width // 3, height - band, (step + 1) * width // 3, height), fill=colour)
    radius, line = min(width // 2, (height - 2 * band) // 2) * 0.9, max(2, height // 22)
    box = (width / 2 - radius, height / 2 - radius, width / 2 + radius, height / 2 + radius)
    pen.ellipse(box, outline=(236, 238, 240), width=line)
    return card.resize(grid.raster(mode) if mode in {ImageMode.HALF_BLOCK, ImageMode.CHARACTERS} else card.size)
