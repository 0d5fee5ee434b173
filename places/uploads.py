"""Receiving a file: one, of at most 10 MB, refused as soon as it is known to be too large."""

from __future__ import annotations

from typing import IO

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler, StopUpload
from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict

from errors import UserError
from ml.header import MAX_BYTES

# A form's own lines beside the file.
MAX_BODY_BYTES = MAX_BYTES + 64 * 1024
MAX_TEXT_BYTES = 64 * 1024


def too_large() -> UserError:
    """Return the refusal of what is over the limit."""
    return UserError("too_large_bytes", "This file is over 10 MB. Please send one of at most 10 MB.")


class LimitedUploadHandler(MemoryFileUploadHandler):
    """Keeps one file in memory and stops at the limit while receiving."""

    received = 0
    stopped = False

    def handle_raw_input(
        self,
        input_data: IO[bytes],
        META: dict[str, str],  # noqa: N803
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        """Always keep the file in memory: it is small, or refused."""
        self.activated = True

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Take a piece, or stop the upload."""
        self.received += len(raw_data)
        if self.received > MAX_BYTES:
            self.stopped = True
            raise StopUpload(connection_reset=True)
        return super().receive_data_chunk(raw_data, start)


def check_announced(request: HttpRequest) -> None:
    """Refuse from the header what announces to be over the limit.

    Raises UserError ``too_large_bytes``.
    """
    try:
        announced = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        announced = 0
    is_file = request.content_type == "multipart/form-data"
    if announced > (MAX_BODY_BYTES if is_file else MAX_TEXT_BYTES):
        raise too_large()


def limit(request: HttpRequest) -> None:
    """Set up ``request`` so that no more of a file than the limit is received."""
    request.upload_handlers = [LimitedUploadHandler(request)]


def check_received(request: HttpRequest) -> None:
    """Raise UserError ``too_large_bytes`` when receiving was stopped at the limit."""
    if any(isinstance(handler, LimitedUploadHandler) and handler.stopped for handler in request.upload_handlers):
        raise too_large()


def read_one(files: MultiValueDict[str, UploadedFile[bytes]]) -> bytes:
    """Return the bytes of the one file in field ``image``.

    Raises UserError ``no_file``, ``one_file_only`` or ``too_large_bytes``.
    """
    sent = [file for name in files for file in files.getlist(name)]
    if len(sent) > 1:
        raise UserError("one_file_only", "Several files came. Please send one photo at a time.")
    images = files.getlist("image")
    if not images:
        raise UserError("no_file", "No photo came. Please send one in the field `image`, or an address in `url`.")
    if (images[0].size or 0) > MAX_BYTES:
        raise too_large()
    return bytes(images[0].read())
