"""Every error that reaches a user, and the exit code it ends with.

    UnansweredError
    ├── ConfigError          2  a config, scenario or table file says something that cannot be meant
    ├── UsageError           2  the command line asks for something that does not exist
    ├── StoreError           3  the store cannot be opened, read or written
    │   ├── StoreTooNew      3  written by a newer version
    │   ├── StoreBusy        3  another pass holds the lock
    │   └── Erased           3  a mail was erased because a person in it was forgotten
    └── WireError            3  a mail server, mailbox or provider did not answer as it must

Messages say what happened, to which thing, and what to do.
"""

from __future__ import annotations


class UnansweredError(Exception):
    exit_code = 3


class ConfigError(UnansweredError):
    """Holds one or more lines, each naming file, key and what would be right."""

    exit_code = 2

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class UsageError(UnansweredError):
    exit_code = 2


class StoreError(UnansweredError):
    pass


class StoreTooNew(StoreError):  # noqa: N818 - named by what is the matter
    pass


class StoreBusy(StoreError):  # noqa: N818 - named by what is the matter
    pass


class Erased(StoreError):  # noqa: N818 - named by what is the matter
    pass


class WireError(UnansweredError):
    pass
