"""Every error the program raises on purpose, in one tree; whose fault it is decides the branch.

    MatcherError
    ├── UsageError                 the command line is wrong                                       exit 2
    ├── Refused                    a rule says no                                                  exit 3
    │   ├── MissingRole            the actor lacks the role
    │   └── WrongPassphrase        the passphrase does not open the key
    ├── InsufficientEvidence       the evidence does not reach                                     exit 4
    ├── NotSearchable              the list is not active, lapsed, expired or suspended            exit 5
    ├── IntegrityError             a digest, signature, seal or the log does not verify            exit 6
    ├── AnotherPersonNeeded        the same person may not do both                                 exit 7
    ├── BadInput                   the input's structure is wrong; nothing was stored              exit 8
    │   └── NothingUsable          not one item could be used (`domain/rejection.py`: it knows why)
    └── StorageFailed              the disk, the database or a pipe failed                         exit 74

A message is one sentence that says what is wrong and what to do next. The numbers live in `cli/exit_codes.py`.
A single bad *item* inside good input is not an error: it is a `domain.rejection.Rejected`, counted and reported.
"""


class MatcherError(Exception):
    """Anything the program says no to; str(error) is one line for a person."""


class UsageError(MatcherError):
    """The command line asks for something that does not make sense."""


class Refused(MatcherError):
    """A rule of the product or of the policy says no."""


class MissingRole(Refused):
    """The actor does not hold the role this action needs."""


class WrongPassphrase(Refused):
    """The passphrase does not open this user's key."""


class InsufficientEvidence(MatcherError):
    """The evidence is not enough to say yes; more people or pictures are needed."""


class NotSearchable(MatcherError):
    """The list is not active, or it is lapsed, expired or suspended."""


class IntegrityError(MatcherError):
    """A digest, a signature, a seal or the log does not verify."""


class AnotherPersonNeeded(MatcherError):
    """Separation of duties: another person must do this."""


class BadInput(MatcherError):
    """The structure of the input is wrong; nothing was stored."""


class StorageFailed(MatcherError):
    """The disk, the database or a pipe failed."""
