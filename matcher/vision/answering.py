"""The side that decodes: pictures come, pixels or reasons go, one after the other, until nobody asks any more.

What a task raises ends the process: whoever asked refuses that one picture and starts another process. Only of memory
that it may not have it says so itself, and goes on.
"""

import mmap
import socket
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from matcher.domain.face import Picture
from matcher.domain.rejection import Reason, Rejected
from matcher.vision.confined import Limits, begin_picture
from matcher.vision.decoder_messages import GO_ON, MOST_MESSAGE, QUESTION, READY, VERY_LARGE, Answer
from matcher.vision.pixels import Pixels

TOO_MUCH_MEMORY = "it takes more memory than a picture may: scale it down, or take another picture"


def never(_: Picture) -> bool:
    """No picture of this task is worth a turn of its own."""
    return False


@dataclass(frozen=True, slots=True)
class Task:
    """What is done with a picture: pixels and how many times smaller they are, or why not; and whether it waits."""

    make: Callable[[Picture], tuple[Pixels, int] | Rejected]
    is_very_large: Callable[[Picture], bool] = never


def serve(channel: socket.socket, arena: mmap.mmap, task: Task, limits: Limits) -> None:
    """Answers what is asked on the channel."""
    channel.sendall(READY)
    while question := channel.recv(MOST_MESSAGE):
        picture = Picture("", arena[: QUESTION.unpack(question)[0]])
        begin_picture(limits, very_large=False)
        try:
            if task.is_very_large(picture):
                channel.sendall(VERY_LARGE)
                if channel.recv(MOST_MESSAGE) != GO_ON:
                    return
                begin_picture(limits, very_large=True)
            answer = _answered(task.make(picture), arena)
        except MemoryError:
            answer = Answer(reason=Reason.TOO_LARGE, detail=TOO_MUCH_MEMORY)
        channel.sendall(answer.encode())


def _answered(made: tuple[Pixels, int] | Rejected, arena: mmap.mmap) -> Answer:
    if isinstance(made, Rejected):
        return Answer(reason=made.reason, detail=made.detail)
    pixels, shrunk = made
    height, width, _ = pixels.shape
    np.frombuffer(arena, np.uint8, pixels.size).reshape(pixels.shape)[...] = pixels
    return Answer(height, width, shrunk)
