"""The one error that a person can cause; every room's own errors descend from it."""


class UserError(Exception):
    """Something a person asked for that cannot be done.

    ``code`` is for programs and stays the same; ``message`` is one sentence for the
    person: what was seen, then what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
