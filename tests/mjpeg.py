"""A real network camera on 127.0.0.1: MJPEG over HTTP, which can end, stall and come back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np


def jpeg(value: int = 90, height: int = 48, width: int = 64) -> bytes:
    return bytes(cv2.imencode(".jpg", np.full((height, width, 3), value, np.uint8))[1])


@dataclass
class NetworkCamera:
    """What every connection gets: pictures, then an end or silence."""

    address: str
    pictures: int
    stalls: bool
    pause: float = 0.01
    connections: int = 0
    silence: threading.Event = field(default_factory=threading.Event)


@contextmanager
def network_camera(
    pictures: int, *, stalls: bool = False, pause: float = 0.01, picture: bytes | None = None
) -> Iterator[NetworkCamera]:
    """Serve grey pictures, each lighter than the one before, or one picture again and again."""

    class Connection(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            camera.connections += 1
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            try:
                for number in range(camera.pictures):
                    body = picture or jpeg(20 * number % 250)
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
                    self.wfile.write(head.encode() + body + b"\r\n")
                    self.wfile.flush()
                    camera.silence.wait(camera.pause)
                if camera.stalls:
                    camera.silence.wait()
            except (BrokenPipeError, ConnectionResetError):
                pass  # the other side has seen enough

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Connection)
    server.daemon_threads = True
    address = f"http://user:secret@127.0.0.1:{server.server_port}/video"
    camera = NetworkCamera(address, pictures, stalls, pause)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield camera
    finally:
        camera.silence.set()
        server.shutdown()
        thread.join()
        server.server_close()
