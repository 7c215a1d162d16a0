"""What a load's networks worked in goes back to the system."""

import ctypes
import resource
from pathlib import Path

import pytest

from matcher.domain.policy import Quality
from matcher.domain.rejection import Reason, Rejected
from matcher.vision.memory import give_back
from matcher.vision.pipeline import FacePipeline

BLOCKS, SIZE = 1_000, 64 << 10  # too small for the C library to hand each back by itself


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="a C library without malloc_trim")
def test_freed_blocks_below_one_in_use_are_given_back() -> None:
    library = ctypes.CDLL(None)
    library.malloc.restype, library.free.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
    blocks = [library.malloc(SIZE) for _ in range(BLOCKS)]
    for block in blocks:
        ctypes.memset(ctypes.c_void_p(block), 1, SIZE)
    for block in blocks[:-1]:
        library.free(block)
    kept = _resident()
    give_back()
    assert kept - _resident() > BLOCKS * SIZE * 0.8
    library.free(blocks[-1])


def test_a_load_ends_with_giving_back(pipeline: FacePipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    monkeypatch.setattr("matcher.vision.pipeline.give_back", lambda: given.append("back"))
    nothing = Rejected("p.jpg", Reason.UNREADABLE)
    assert list(pipeline.references([nothing], Quality())) == [(0, nothing)]
    assert given == ["back"]
