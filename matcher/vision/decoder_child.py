"""`python -m matcher.vision.decoder_child`: the process in which pictures are decoded.

1. It is started by `decoder.py` alone, and told its two descriptors, the name of a `Task` and limits.
2. It leaves the network before it imports anything (a process with two threads could not), imports what the task needs
   (of this program no store, no model, no interface), gives up the rest (`confined.py`), and answers (`answering.py`).
3. It ends when its channel does: a program that is killed leaves none behind.
"""

import sys
from importlib import import_module

from matcher.vision.confined import Limits, confine, leave_the_network


def main(arguments: list[str]) -> None:
    """`CHANNEL ARENA MODULE:TASK PROCESSOR_SECONDS MEMORY VERY_LARGE_MEMORY`."""
    leave_the_network()
    import mmap
    import socket

    from matcher.vision.answering import Task, serve
    from matcher.vision.decoder_messages import ARENA

    channel, arena = socket.socket(fileno=int(arguments[0])), mmap.mmap(int(arguments[1]), ARENA)
    module, _, name = arguments[2].partition(":")
    processor_seconds, memory, very_large_memory = (int(value) for value in arguments[3:])
    limits = Limits(0.0, processor_seconds, memory, very_large_memory)
    task: Task = getattr(import_module(module), name)
    confine(limits)
    serve(channel, arena, task, limits)


if __name__ == "__main__":
    main(sys.argv[1:])
