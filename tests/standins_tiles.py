"""A stand-in of a server of map tiles on loopback; it keeps who asked for what."""

from __future__ import annotations

import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image


class TileStandIn:
    """Serves the same tile at every address while it is entered; ``asked``: paths and their referrers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        out = io.BytesIO()
        Image.new("RGB", (256, 256), "#cfe3d4").save(out, "PNG")
        self.tile = out.getvalue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"tiles": self}))
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.template = f"http://{self.host}/{{z}}/{{x}}/{{y}}.png"

    def __enter__(self) -> TileStandIn:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    tiles: TileStandIn

    def do_GET(self) -> None:
        self.tiles.asked.append((self.path, self.headers.get("Referer")))
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Content-Length", str(len(self.tiles.tile)))
        self.end_headers()
        self.wfile.write(self.tiles.tile)

    def log_message(self, *args: object) -> None:
        """Say nothing."""
