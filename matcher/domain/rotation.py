"""What the admin signs who rotates the home key: what was sealed anew, and the key record of whoever got the next.

Without it, whoever writes rows and knows how the log is hashed could tell of a rotation that nobody made, and exchange
a sealed value or a key record behind it.
"""

import json
from collections.abc import Mapping, Sequence

SIGNED = ("erasure", "values_resealed", "content", "recovery_sealed")


def rotation_message(home_id: str, told: Mapping[str, object], records: Sequence[tuple[str, str]]) -> bytes:
    """The bytes that are signed: facts of `home.rotated`, and (name, sha256 of the key record) as they were logged."""
    facts = ["watchlist-matcher/rotation/v1", home_id, [told[name] for name in SIGNED], [list(one) for one in records]]
    return json.dumps(facts, separators=(",", ":")).encode()
