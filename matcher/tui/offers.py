"""What can be done on a screen, read from its bindings: footer, help and palette say the same because they are one.

1. Every binding of ours has a tooltip: the words of help and palette. One without is Textual's own and is not offered.
2. A screen's key hides the app's; what `check_action` forbids now is not offered.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen

EVERYWHERE = "Everywhere"
HERE = "Here"


@runtime_checkable
class Sectioned(Protocol):
    """A screen that names the sections of its keys; on others all of them stand under HERE."""

    def section(self, binding: Binding) -> str:
        """The heading under which a key stands."""


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """One thing to do: the keys that do it, its words, the section it stands under, and how it is done."""

    keys: tuple[str, ...]
    words: str
    section: str
    action: str
    node: DOMNode


def offers(screen: Screen[object]) -> list[Offer]:
    """Everything that `screen` and the app offer now; one entry for all keys that do the same."""
    found: dict[tuple[str, str], Offer] = {}
    for node, binding in _bindings(screen):
        section = EVERYWHERE
        if node is screen:
            section = screen.section(binding) if isinstance(screen, Sectioned) else HERE
        # `key_display` is for the footer, where one entry may stand for two keys
        key = (screen.app.get_key_display(Binding(binding.key, "")),)
        earlier = found.get((section, binding.tooltip))
        keys = key if earlier is None else (*earlier.keys, *(one for one in key if one not in earlier.keys))
        action, owner = (binding.action, node) if earlier is None else (earlier.action, earlier.node)
        found[section, binding.tooltip] = Offer(keys, binding.tooltip, section, action, owner)
    return list(found.values())


def _bindings(screen: Screen[object]) -> Iterator[tuple[DOMNode, Binding]]:
    taken: set[str] = set()
    for node in (screen, screen.app):
        for key, binding in node._bindings:
            # with a field in focus `active_bindings` leaves out the letters that it takes, so they are read here
            if binding.tooltip and key not in taken and screen.app._check_action_state(binding.action, node):
                taken.add(key)
                yield node, binding
