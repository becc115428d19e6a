"""Messages between processes: a length and bytes, over a pair of file descriptors."""

from __future__ import annotations

import os
import select
import struct
from typing import Final

__all__ = ["Channel", "ChannelClosedError", "ChannelSilentError"]

_LENGTH: Final = struct.Struct(">I")
_CHUNK_BYTES: Final = 1 << 18


class ChannelClosedError(Exception):
    """The other end is gone, perhaps in the middle of a message."""


class ChannelSilentError(Exception):
    """No message came in time."""


class Channel:
    """One end. Used by one thread at a time; owns its descriptors."""

    def __init__(self, reading: int, writing: int) -> None:
        self.reading = reading
        self.writing = writing
        self._buffer = bytearray()

    def send(self, message: bytes) -> None:
        """Send one message, however long the other end takes to read it.

        Raises:
            ChannelClosedError: nobody reads it.
        """
        data = memoryview(_LENGTH.pack(len(message)) + message)
        try:
            while data:
                data = data[os.write(self.writing, data) :]
        except OSError as error:
            raise ChannelClosedError from error

    def receive(self, limit_s: float | None = None) -> bytes:
        """The next message.

        Raises:
            ChannelClosedError: there will be none.
            ChannelSilentError: nothing came for ``limit_s``.
        """
        self._fill(_LENGTH.size, limit_s)
        (length,) = _LENGTH.unpack_from(self._buffer)
        end = _LENGTH.size + length
        self._fill(end, limit_s)
        message = bytes(self._buffer[_LENGTH.size : end])
        del self._buffer[:end]
        return message

    def close(self) -> None:
        """Close both descriptors."""
        os.close(self.reading)
        os.close(self.writing)

    def _fill(self, wanted: int, limit_s: float | None) -> None:
        while len(self._buffer) < wanted:
            if limit_s is not None and not select.select([self.reading], [], [], limit_s)[0]:
                raise ChannelSilentError
            try:
                data = os.read(self.reading, _CHUNK_BYTES)
            except OSError as error:
                raise ChannelClosedError from error
            if not data:
                raise ChannelClosedError
            self._buffer += data
