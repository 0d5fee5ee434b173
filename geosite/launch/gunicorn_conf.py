"""The web server: one process of threads, half of which may wait for an answer."""

import socket
import struct
from typing import Any

from geosite.launch.config import WEB_THREADS, number, read

_config = read()

bind = f"{f'[{_config.host}]' if ':' in _config.host else _config.host}:{_config.port}"
workers = 1
worker_class = "geosite.launch.web_worker.Worker"
threads = number("WEB_THREADS", WEB_THREADS, 2, 1000)
keepalive = 5
timeout = 60
graceful_timeout = 8
max_requests = 0
limit_request_line = 8190
limit_request_fields = 100
raw_env = ["DATABASE_POOL=1"]
worker_tmp_dir = str(_config.var_dir)
errorlog = "-"
accesslog = None
loglevel = "warning"
control_socket_disable = True

SILENT_AT_MOST_S = 10


def when_ready(server: Any) -> None:
    """Give up connections that are silent in mid-request: what is accepted inherits the listener's limit."""
    limit = struct.pack("ll", SILENT_AT_MOST_S, 0)
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
