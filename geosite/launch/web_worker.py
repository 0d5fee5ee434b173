"""gunicorn's worker of threads, with a limit on how long a request may take to arrive.

It also closes connections in the thread and not in the loop that serves everybody.
"""

import socket
import threading
import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

HEAD_WITHIN_S = 15.0
BODY_WITHIN_S = 120.0  # 10 MB at 0.7 Mbit/s
LINGER_S = 5.0
SILENT_AT_MOST_S = 0.5
AT_ONCE = 64 * 1024


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Frees threads from clients that drip, and lets a client that still sends hear its answer.

    A client that writes a whole refused body before it reads would otherwise see a
    reset connection. gunicorn lingers too, but in its one loop.
    """

    def init_process(self) -> None:
        """Watch over the connections from the first one on."""
        self.deadlines: dict[Any, float] = {}
        threading.Thread(target=self.end_late_ones, name="deadlines", daemon=True).start()
        super().init_process()

    def handle(self, conn: Any) -> Any:
        """Serve one request; when the connection is to be closed, see it off here."""
        self.deadlines[conn] = time.monotonic() + HEAD_WITHIN_S
        try:
            keep = super().handle(conn)
        finally:
            self.deadlines.pop(conn, None)
        if keep is False:
            linger(conn.sock)
        return keep

    def handle_request(self, req: Any, conn: Any) -> Any:
        """The head is here: give the body its time."""
        self.deadlines[conn] = time.monotonic() + BODY_WITHIN_S
        return super().handle_request(req, conn)

    def end_late_ones(self) -> None:
        """Read nothing more from connections whose request is not here in time; their thread then goes on."""
        while True:
            time.sleep(1)
            now = time.monotonic()
            for conn in [conn for conn, deadline in list(self.deadlines.items()) if deadline < now]:
                shut(conn.sock, socket.SHUT_RD)


def shut(sock: socket.socket, how: int) -> None:
    """Shut a side of a socket, unless it is closed already."""
    try:
        sock.shutdown(how)
    except OSError:
        pass


def linger(sock: socket.socket) -> None:
    """Say that nothing more comes, and drop what still does, for some seconds at most."""
    until = time.monotonic() + LINGER_S
    shut(sock, socket.SHUT_WR)
    try:
        sock.settimeout(SILENT_AT_MOST_S)
        while time.monotonic() < until and sock.recv(AT_ONCE):
            pass
    except OSError:
        pass  # silent for too long, or gone
    shut(sock, socket.SHUT_RDWR)  # so that the loop finds nothing to wait for
