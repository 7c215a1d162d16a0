"""Nothing about a search leaves the machine, and nothing is left in the user's folders."""

import os
import subprocess
import sys
from pathlib import Path


def test_the_runtime_writes_no_device_id(models_folder: Path, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\n"
        "from matcher.vision.session import open_session\n"
        f"model = next(Path({str(models_folder)!r}).rglob('*rewrite*.onnx'))\n"
        "open_session(model.read_bytes(), 'model')\n"
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "ORT_"))}
    subprocess.run([sys.executable, "-c", code], env=environment | {"HOME": str(tmp_path)}, check=True)
    assert list(tmp_path.rglob("*")) == []
