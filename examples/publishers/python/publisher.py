"""Publishes events in order and at least once, however often the bridge goes away meanwhile."""

import collections
import random
import sys
import threading
import time
import uuid
from concurrent.futures import Future

import grpc
from rialto.v1.publisher_pb2 import Event, PublishStreamRequest
from rialto.v1.publisher_pb2_grpc import PublisherServiceStub

WINDOW = 256
"""Events that may be without an ack; then `publish` waits."""

FIRST_BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 5.0

TEMPORARY = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
}
TEMPORARY_NUMBERS = {code.value[0] for code in TEMPORARY}


class Refused(Exception):
    """The bridge does not take this event: sending it again would not help."""


class Publisher:
    """One stream to the bridge, opened again whenever it breaks. Its methods may be called from any thread."""

    def __init__(self, address):
        self.connections = 0
        self.sent_again = 0
        self._address = address
        self._unacked = collections.deque()  # (event, future), in order
        self._acked = 0  # how many were acked, and so the number of the first in _unacked
        self._sent = 0  # how many were sent
        self._stream = None  # the present one; requests of an earlier one end
        self._closed = False
        self._failure = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def publish(self, message, metadata=None):
        """Publishes one event; its future holds where it is, or why it was refused. Waits while the window is full."""
        # The key makes what is sent again the same event.
        event = Event(idempotency_key=str(uuid.uuid4()), metadata=metadata)
        event.payload.Pack(message)
        future = Future()
        with self._changed:
            self._changed.wait_for(lambda: len(self._unacked) < WINDOW or self._failure)
            if self._failure:
                raise self._failure
            self._unacked.append((event, future))
            self._changed.notify_all()
        return future

    def close(self):
        """Waits until every event has its ack."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self):
        backoff = FIRST_BACKOFF_SECONDS
        options = [("grpc.keepalive_time_ms", 30_000), ("grpc.max_reconnect_backoff_ms", 5_000)]
        with grpc.insecure_channel(self._address, options) as channel:
            while not self._is_done():
                acked = self._acked
                try:
                    self._publish_stream(PublisherServiceStub(channel))
                except grpc.RpcError as error:
                    if error.code() not in TEMPORARY:
                        self._fail(error)
                        return
                    print(f"{error.details()}: trying again", file=sys.stderr)
                except TemporarilyRefused as error:
                    print(f"{error}: trying again", file=sys.stderr)
                if self._is_done():
                    return
                backoff = FIRST_BACKOFF_SECONDS if self._acked > acked else min(LONGEST_BACKOFF_SECONDS, backoff * 2)
                time.sleep(backoff * random.uniform(0.5, 1))

    def _publish_stream(self, stub):
        with self._changed:
            stream = self._stream = object()
        try:
            # Waits for the bridge where it is not there; the channel connects again by itself.
            responses = stub.PublishStream(self._requests(stream), wait_for_ready=True)
            responses.initial_metadata()  # there is a bridge
            self.connections += 1
            for response in responses:
                for ack in response.acks:
                    self._on_ack(ack)
        finally:
            with self._changed:
                self._stream = None
                self._changed.notify_all()

    def _requests(self, stream):
        """What has no ack yet, in order, then what comes. Ends with its stream, or when nothing more comes."""
        number = self._acked
        while True:
            with self._changed:
                has_next = lambda: number < self._acked + len(self._unacked)  # noqa: E731
                self._changed.wait_for(lambda: self._stream is not stream or has_next() or self._closed)
                if self._stream is not stream or not has_next():
                    return
                event, _ = self._unacked[number - self._acked]
                self.sent_again += number < self._sent
                number += 1
                self._sent = max(self._sent, number)
            yield PublishStreamRequest(events=[event])

    def _on_ack(self, ack):
        """Acks come in the order of the events."""
        if ack.error.code in TEMPORARY_NUMBERS:
            # It and all behind it are sent again. Those of them that the bridge has taken meanwhile stay where they
            # are, before it: only a window of one event keeps the order around a refusal.
            raise TemporarilyRefused(ack.error.message)
        with self._changed:
            _, future = self._unacked.popleft()
            self._acked += 1
            self._changed.notify_all()
        if ack.HasField("error"):
            future.set_exception(Refused(ack.error.message))
        else:
            future.set_result(ack.accepted)

    def _is_done(self):
        with self._changed:
            return self._closed and not self._unacked

    def _fail(self, error):
        with self._changed:
            self._failure = error
            while self._unacked:
                self._unacked.popleft()[1].set_exception(error)
            self._changed.notify_all()


class TemporarilyRefused(Exception):
    """The bridge cannot take this event now."""
