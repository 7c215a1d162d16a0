"""An erasure killed before every one of its steps: it is finished by the next opening, or was never begun."""

import tempfile
from collections import Counter
from pathlib import Path

from tests.services.pictured import Pictured
from tests.services.test_erase_interrupted import MOST_STEPS, interrupted


def main() -> None:
    """Every step once."""
    with tempfile.TemporaryDirectory() as folder:
        made = Pictured(Path(folder) / "lived")
        made.practised(share=0.0)
        made.hit(7, case="waiting")
        ends = [interrupted(made, Path(folder), step) for step in range(MOST_STEPS)]
    first = ends.index("begun")
    print(Counter(end or "came to its end" for end in ends), f"the first step after it was begun: {first}")


if __name__ == "__main__":
    main()
