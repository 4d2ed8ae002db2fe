"""The exceptions that a user can put right."""


class UserError(Exception):
    """A mistake in what the user asked for, with a message of one line that says what to do.

    The command line prints it without a traceback and exits with `exit_code`.
    """

    exit_code = 2


class Diverged(UserError):
    """Training went wrong numerically and was stopped."""

    exit_code = 1


class Unsaved(UserError):
    """A checkpoint could not be written, for instance because the disk is full."""

    exit_code = 1
