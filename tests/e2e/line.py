"""A line between a publisher and the bridge, that can go deaf and be cut."""

import contextlib
import socket
import struct
import threading

RESET = struct.pack("ii", 1, 0)
"""Linger for no time: closing resets the connection."""


class Line:
    """Carries each connection on to an address."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self._upstream = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._ends = []
        self._deaf = threading.Event()
        self.has_swallowed = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def swallow_answers(self):
        """From now on nothing comes back; what goes out still arrives."""
        self._deaf.set()

    def cut(self):
        """Resets what is connected. What connects then is carried both ways."""
        # A new one for who comes later. The old one stays set, so that an answer that is still on its way is swallowed.
        self._deaf = threading.Event()
        ends, self._ends = self._ends, []
        for end in ends:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self):
        self._listener.close()
        self.cut()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                bridge = socket.create_connection(self._upstream)
                self._ends += [client, bridge]
                threading.Thread(target=self._carry, args=(client, bridge, None), daemon=True).start()
                threading.Thread(target=self._carry, args=(bridge, client, self._deaf), daemon=True).start()

    def _carry(self, source, sink, deaf):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if deaf and deaf.is_set():
                    self.has_swallowed.set()
                else:
                    sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
