"""gunicorn's worker of threads, closing connections in the thread and not in the loop that serves everybody."""

import socket
import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

LINGER_S = 5.0
SILENT_AT_MOST_S = 0.5
AT_ONCE = 64 * 1024


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Lets a client that still sends hear its answer, without anybody waiting for it.

    A client that writes a whole refused body before it reads would otherwise see a
    reset connection. gunicorn lingers too, but in its one loop.
    """

    def handle(self, conn: Any) -> Any:
        """Serve one request; when the connection is to be closed, see it off here."""
        keep = super().handle(conn)
        if keep is False:
            linger(conn.sock)
        return keep


def linger(sock: socket.socket) -> None:
    """Say that nothing more comes, and drop what still does, for some seconds at most."""
    until = time.monotonic() + LINGER_S
    try:
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(SILENT_AT_MOST_S)
        while time.monotonic() < until and sock.recv(AT_ONCE):
            pass
    except OSError:
        pass  # silent for too long, or gone
    try:
        sock.shutdown(socket.SHUT_RDWR)  # so that the loop finds nothing to wait for
    except OSError:
        pass
