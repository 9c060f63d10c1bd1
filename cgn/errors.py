"""The one exception whose message is meant for the user."""


class UserError(Exception):
    """A user's mistake: one line that names the file or key, what was wrong and what to do.

    The stages print it without a traceback and exit with status 1.
    """
