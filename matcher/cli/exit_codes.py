"""Exit codes: what a script may rely on."""

from enum import IntEnum

from matcher import errors


class ExitCode(IntEnum):
    """The numbers of `docs/exit-codes.md`."""

    DONE = 0
    INTERNAL = 1
    USAGE = 2
    REFUSED = 3
    INSUFFICIENT = 4
    NOT_ACTIVE = 5
    INTEGRITY = 6
    ANOTHER_PERSON = 7
    BAD_INPUT = 8
    STORAGE = 74
    INTERRUPTED = 130  # 128 + SIGINT, as shells report it


_CODES = {
    errors.UsageError: ExitCode.USAGE,
    errors.Refused: ExitCode.REFUSED,
    errors.InsufficientEvidence: ExitCode.INSUFFICIENT,
    errors.NotSearchable: ExitCode.NOT_ACTIVE,
    errors.IntegrityError: ExitCode.INTEGRITY,
    errors.AnotherPersonNeeded: ExitCode.ANOTHER_PERSON,
    errors.BadInput: ExitCode.BAD_INPUT,
    errors.StorageFailed: ExitCode.STORAGE,
}


def exit_code_of(error: errors.MatcherError) -> ExitCode:
    """The code of the nearest branch of the error tree."""
    for kind in type(error).__mro__:
        if kind in _CODES:
            return _CODES[kind]
    return ExitCode.INTERNAL
