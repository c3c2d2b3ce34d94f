"""Pictures one after the other in one stream of bytes: what `rpicam-vid --codec mjpeg` and `cat *.jpg` write.

JPEG (ITU-T T.81) and PNG are walked marker by marker, so that a thumbnail inside does not end a picture, and
what lies between two pictures (multipart headers) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
START = re.compile(re.escape(JPEG) + b"|" + re.escape(PNG))
MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # what ends entropy-coded data
START_OF_IMAGE, END_OF_IMAGE, START_OF_SCAN = 0xD8, 0xD9, 0xDA
CHUNK = 1 << 16
LARGEST = 1 << 28  # bytes without a complete picture, after which the stream is taken for something else

Read = Callable[[int], bytes]


def concatenated(read: Read) -> Iterator[bytes]:
    """The pictures of a stream, each as its own bytes; `read(n)` gives up to n bytes, none at the end.

    A picture that is cut short is handed on as it is, for its decoder to refuse; so is a stream that holds
    no JPEG or PNG at all.
    """
    data = bytearray()
    found = False
    ended = False
    while not ended:
        chunk = read(CHUNK)
        ended = not chunk
        data += chunk
        for picture in _complete(data, ended, found):
            found = True
            yield picture
    if data and not found:
        yield bytes(data)


def _complete(data: bytearray, ended: bool, found: bool) -> Iterator[bytes]:
    """Take the complete pictures off the front of the buffer; at the end of the stream, the rest too."""
    while start := START.search(data):
        end = _end(data, start.start())
        if end is None and not ended and len(data) < LARGEST:
            return
        yield bytes(data[start.start() : end])
        found = True
        del data[: len(data) if end is None else end]
    if found or len(data) >= LARGEST:
        del data[: -len(PNG)]  # nothing here; the end may be half a signature


def _end(data: bytearray, start: int) -> int | None:
    """Where the picture that begins at `start` ends, None where that lies beyond the buffer."""
    return _png_end(data, start) if data[start] == PNG[0] else _jpeg_end(data, start)


def _png_end(data: bytearray, start: int) -> int | None:
    at = start + len(PNG)
    while at + 8 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")  # length, type, data, checksum
        if data[at + 4 : at + 8] == b"IEND":
            return end if end <= len(data) else None
        at = end
    return None


def _jpeg_end(data: bytearray, start: int) -> int | None:
    at = start + 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:  # not a marker: damaged, so it ends where the next picture begins
            after = START.search(data, at)
            return after.start() if after else None
        kind = data[at + 1]
        if kind == END_OF_IMAGE:
            return at + 2
        if kind == START_OF_IMAGE:
            return at
        at += 1 if kind == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if kind == START_OF_SCAN:
            marker = MARKER.search(data, at)
            if marker is None:
                return None
            at = marker.start()
    return at + 2 if data[at : at + 2] == bytes((0xFF, END_OF_IMAGE)) else None
