"""What two model identities differ in, and how to get the one that is needed, in words."""

from matcher.domain.provider import provider_of
from matcher.domain.template import ModelIdentity

_PARTS = ("embedder", "detector", "preprocessing", "rewrite", "dim")


def what_differs(needed: ModelIdentity, found: ModelIdentity) -> str:
    """Part by part, with the first digits of digests: `embedder a@01234567, not b@89abcdef`."""
    pairs = [(name, getattr(needed, name), getattr(found, name)) for name in _PARTS]
    return "; ".join(f"{name} {_short(one)}, not {_short(other)}" for name, one, other in pairs if one != other)


def how_to_get(needed: ModelIdentity, found: ModelIdentity) -> str:
    """What to set or install where `found` is at work and `needed` is not; the middle of a sentence."""
    if not needed.pictures_seen:
        return f"give embeddings of {needed.embedder.partition('@')[0]} (--model)"
    asked = []
    for kind in ("embedder", "detector"):
        model, _, digest = getattr(needed, kind).partition("@")
        other, _, its = getattr(found, kind).partition("@")
        if model != other:
            asked.append(f"set MATCHER_{kind.upper()}={model}")
        elif digest != its:
            asked.append(f"install the {kind} {model} of sha256 {digest}")
    if provider_of(needed.rewrite) != provider_of(found.rewrite):
        asked.append(f"set MATCHER_PROVIDER={provider_of(needed.rewrite)}")
    return " and ".join(asked) or "use the release and the manifest ([input]) that it was made with"


def _short(part: str | int) -> str:
    name, at, digest = str(part).partition("@")
    return f"{name}{at}{digest[:8]}"
