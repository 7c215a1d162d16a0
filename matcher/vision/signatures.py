"""What a file that cannot be read seems to be, told by its first bytes: so that people know what to do about it.

Only ever words: whether a file is read is decided by its decoder, never here.
"""

_READ = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
)
_OTHERS = (
    (b"GIF8", "a GIF"),
    (b"%PDF", "a PDF"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL"),
    (b"8BPS", "a Photoshop file"),
    (b"PK\x03\x04", "a ZIP archive"),
)
_BOXES = ((b"avif", "an AVIF"), (b"avis", "an AVIF"), (b"crx ", "a camera's raw file"))


def begins_like(data: bytes) -> str | None:
    """The name of the readable format that the file begins like; None for others."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    return next((name for start, name in _READ if data.startswith(start)), None)


def looks_like(data: bytes) -> str | None:
    """What a file of no readable format seems to be, with its article; None where it is not known."""
    if data[4:8] == b"ftyp":
        return next((name for brand, name in _BOXES if data[8:12] == brand), "a film, or a picture of another kind")
    return next((name for start, name in _OTHERS if data.startswith(start)), None)
