"""The size that a WebP promises, read before its reader is asked: that one takes two canvases of it at once.

WebP Container Specification: `VP8X` has the canvas, less one, in 24 bits each; a lone `VP8L` (lossless) has it, less
one, in 14 bits each behind its signature; a lone `VP8 ` (lossy, RFC 6386 9.1) in 14 bits each behind its start code.
"""


def promised_size(data: bytes) -> tuple[int, int] | None:
    """Width and height; None for what is no WebP, or too short to say."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return None
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L" and data[20:21] == b"\x2f":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    return None
