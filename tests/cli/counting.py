"""`python -m tests.cli.counting load ...`: the program, with a line in a file for every picture that is looked at.

The file is named by COUNTED. Where SLOWLY is set, each picture takes so many seconds more, so that there is a middle to
be interrupted in.
"""

import hashlib
import os
import time
from pathlib import Path

from matcher.cli.main import main
from matcher.domain.face import Face, Picture
from matcher.domain.policy import Quality
from matcher.domain.rejection import Rejected
from matcher.vision.pipeline import FacePipeline
from matcher.vision.touchstone import NAMES

look = FacePipeline._reference


def counted(self: FacePipeline, picture: Picture | Rejected, quality: Quality) -> Face | Rejected:
    if isinstance(picture, Picture) and picture.name not in NAMES:  # those are no part of the load
        with Path(os.environ["COUNTED"]).open("a") as file:
            file.write(hashlib.sha256(picture.data).hexdigest() + "\n")
        time.sleep(float(os.environ.get("SLOWLY", "0")))
    return look(self, picture, quality)


FacePipeline._reference = counted  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
