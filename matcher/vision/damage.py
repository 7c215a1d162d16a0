"""What Pillow's readers raise on damaged files; each was met by flipping bytes."""

import struct

DAMAGE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    struct.error,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    Warning,
)
