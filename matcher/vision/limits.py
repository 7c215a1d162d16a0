"""What a picture may be at most, before anything of it is decoded.

A JPEG may be as large as telephones make them: 16,320 x 12,240 px, and 64 MB. Of 200 million pixels OpenCV holds
1.15 GB while it decodes and 0.6 GB afterwards, for 1.5 s; of 50 million 0.29 GB, for 0.3 s. So other formats, which
pack emptiness a thousandfold, stop at 50 million; of larger JPEGs one is worked on at a time (`decode.is_very_large`).

A baseline JPEG spends at least 12 bits on an area of 16 x 16 px, a photograph a hundred times that. What has less than
a byte for 512 pixels, in any format, was made to look large.
"""

MAX_BYTES = 64_000_000
MAX_PIXELS = 50_000_000
MAX_JPEG_PIXELS = 220_000_000
MAX_SIDE = 20_000
PIXELS_FOR_A_BYTE = 512
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")


def too_many_bytes(size: int) -> str:
    """For people."""
    return f"{size / 1e6:.1f} MB, at most {MAX_BYTES / 1e6:.0f} MB: save it smaller, or with more compression"
