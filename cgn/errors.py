"""The exception whose message is written for the user."""


class UserError(Exception):
    """A user's mistake. The message, one line, names the file or key, what is wrong and what to do.

    Stages print the message without a traceback and exit with status 1.
    """
