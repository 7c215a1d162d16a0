"""Reading a model's bytes for use: the digest is checked over the very bytes that are handed to the runtime."""

import hashlib

from matcher.domain.installed_model import InstalledModel
from matcher.errors import IntegrityError


def read_weights(model: InstalledModel) -> bytes:
    """The bytes to run. Raises IntegrityError naming the file if it is missing or not what was installed."""
    try:
        data = model.used.read_bytes()
    except OSError as error:
        raise IntegrityError(
            f"{model.used} cannot be read ({error.strerror}): run `matcher model install {model.manifest.id}`"
        ) from None
    digest = hashlib.sha256(data).hexdigest()
    if digest != model.used_sha256:
        raise IntegrityError(
            f"{model.used} has sha256 {digest}, not {model.used_sha256}: it is not used; install it again"
        )
    return data
