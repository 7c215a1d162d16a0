"""What a picture may be at most, before anything of it is decoded."""

MAX_BYTES = 20_000_000  # 20 MB
MAX_PIXELS = 50_000_000  # 50 Mpx: 150 MB decoded
MAX_SIDE = 12_000
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
