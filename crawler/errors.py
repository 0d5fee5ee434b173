"""What fetching refuses: ``UserError`` <- ``FetchError``, ``FileError``."""

from errors import UserError

# One sentence each: what we saw, then what to do. Resolved addresses never appear.
SENTENCES = {
    "bad_url": (
        "This is not a complete web address. Please copy the whole address of the picture, beginning with https://."
    ),
    "bad_scheme": (
        "Only addresses that begin with http:// or https:// can be fetched. "
        "Please give such an address, or send the file itself."
    ),
    "bad_port": (
        "The address names a port other than 80 and 443. "
        "Please give an address without a port, or send the file itself."
    ),
    "blocked_address": (
        "The address points into a private network. Please give the address of a picture on the public web."
    ),
    "dns_failed": ("No server with this name was found. Please check the spelling of the address."),
    "tls_failed": ("The server's certificate could not be trusted. Please save the picture and send the file itself."),
    "unreachable": ("The server could not be reached. Please try again later, or send the file itself."),
    "http_status": (
        "The server answered with status {status} and no picture. "
        "Please open the address in a browser to see whether it works."
    ),
    "too_many_redirects": (
        "The address leads from one page to the next without an end. Please give the address of the picture itself."
    ),
    "too_large": (
        "The file behind this address is larger than {megabytes} MB. Please give the address of a smaller one."
    ),
    "too_slow": ("The server was too slow to answer. Please try again later, or send the file itself."),
    "bad_encoding": (
        "The server sent the file in a coding that we do not accept. Please save the picture and send the file itself."
    ),
    "bad_headers": ("The server's answer is not proper HTTP. Please save the picture and send the file itself."),
    "opted_out": ("The owner asks programs not to use this picture. Please choose another one."),
}


class FetchError(UserError):
    """An address that was not fetched; ``code`` is a key of ``SENTENCES``.

    ``status`` and ``retry_after`` (seconds) are set when a server answered ``code``
    ``http_status``.
    """

    def __init__(
        self,
        code: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        megabytes: int = 10,
    ) -> None:
        super().__init__(code, SENTENCES[code], status=status, megabytes=megabytes)
        self.status = status
        self.retry_after = retry_after


FILE_SENTENCES = {
    "broke_off": "The download of {name} broke off. Please start it again: it goes on where it stopped.",
    "wrong_hash": (
        "The file behind {name}'s address is not the one that was expected, so it was not kept. "
        "Please check the address and the expected SHA-256."
    ),
    "not_written": "{name} could not be written. Please check that there is room and that the folder may be written.",
}


class FileError(UserError):
    """A file that was not downloaded; ``code`` is a key of ``FILE_SENTENCES``."""

    def __init__(self, code: str, name: str) -> None:
        super().__init__(code, FILE_SENTENCES[code], name=name)
