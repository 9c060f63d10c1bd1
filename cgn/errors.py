"""The exception whose message is written for the user."""


class UserError(Exception):
    """A user's mistake. The message, one line, names the file or key, what is wrong and what to do.

    Stages print the message without a traceback and exit with status 1.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split("\n")))  # names and reasons of libraries may have more lines
