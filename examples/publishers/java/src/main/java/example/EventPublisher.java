package example;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;

import com.google.protobuf.Any;
import com.google.protobuf.Message;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import rialto.v1.Publisher.Accepted;
import rialto.v1.Publisher.Ack;
import rialto.v1.Publisher.Event;
import rialto.v1.Publisher.PublishStreamRequest;
import rialto.v1.Publisher.PublishStreamResponse;
import rialto.v1.PublisherServiceGrpc;

/**
 * Publishes events in order and at least once, however often the bridge goes away meanwhile: one stream, opened again
 * whenever it breaks. Its methods may be called from any thread.
 */
public final class EventPublisher implements AutoCloseable {
  /** Events that may be without an ack; then {@link #publish} waits. */
  private static final int WINDOW = 256;

  private static final long FIRST_BACKOFF_MS = 100;
  private static final long LONGEST_BACKOFF_MS = 5_000;

  private static final Set<Status.Code> TEMPORARY =
      Set.of(
          Status.Code.UNAVAILABLE,
          Status.Code.RESOURCE_EXHAUSTED,
          Status.Code.ABORTED,
          Status.Code.CANCELLED,
          Status.Code.INTERNAL,
          Status.Code.UNKNOWN);

  private static final class Pending {
    final Event event;
    final CompletableFuture<Accepted> accepted = new CompletableFuture<>();
    boolean sent;

    Pending(Event event) {
      this.event = event;
    }
  }

  private final ManagedChannel channel;
  private final Deque<Pending> unacked = new ArrayDeque<>(); // in order
  private Stream stream; // null while there is none
  private long backoffMs = FIRST_BACKOFF_MS;
  private Status failure;
  private int connections;
  private int sentAgain;

  /** Connects in the background. */
  public EventPublisher(String address) {
    channel = ManagedChannelBuilder.forTarget(address).usePlaintext().keepAliveTime(30, SECONDS).build();
    open();
  }

  /** Publishes one event. The future tells where it is, or why it was refused. Waits while the window is full. */
  public synchronized CompletableFuture<Accepted> publish(Message message, Map<String, String> metadata)
      throws InterruptedException {
    while (unacked.size() >= WINDOW && failure == null) {
      wait();
    }
    if (failure != null) {
      throw failure.asRuntimeException();
    }
    // The key makes what is sent again the same event.
    var event =
        Event.newBuilder()
            .setPayload(Any.pack(message))
            .setIdempotencyKey(UUID.randomUUID().toString())
            .putAllMetadata(metadata)
            .build();
    var pending = new Pending(event);
    unacked.add(pending);
    if (stream != null) {
      stream.send(pending);
    }
    return pending.accepted;
  }

  /** Waits until every event has its ack. */
  @Override
  public synchronized void close() throws InterruptedException {
    while (!unacked.isEmpty()) {
      wait();
    }
    var last = stream;
    stream = null;
    if (last != null) {
      last.requests.onCompleted();
    }
    channel.shutdown();
  }

  public synchronized int connections() {
    return connections;
  }

  public synchronized int sentAgain() {
    return sentAgain;
  }

  /** Opens a stream: what has no ack yet goes first, in order. */
  private synchronized void open() {
    stream = new Stream();
    // Waits for the bridge where it is not there; the channel connects again by itself.
    PublisherServiceGrpc.newStub(channel).withWaitForReady().publishStream(stream);
    unacked.forEach(stream::send);
  }

  private synchronized void onEnd(Stream ended, Status status) {
    if (stream != ended) {
      return; // has ended before
    }
    stream = null;
    if (!TEMPORARY.contains(status.getCode())) {
      failure = status;
      unacked.forEach(pending -> pending.accepted.completeExceptionally(status.asRuntimeException()));
      unacked.clear();
      notifyAll();
      return;
    }
    System.err.println(status.getDescription() + ": trying again");
    var wait = (long) (backoffMs * ThreadLocalRandom.current().nextDouble(0.5, 1));
    backoffMs = Math.min(LONGEST_BACKOFF_MS, backoffMs * 2);
    CompletableFuture.delayedExecutor(wait, MILLISECONDS).execute(this::open);
  }

  /** Acks come in the order of the events. */
  private synchronized void onAck(Stream from, Ack ack) {
    if (stream != from) {
      return;
    }
    var refusal = Status.fromCodeValue(ack.getError().getCode()).withDescription(ack.getError().getMessage());
    if (ack.hasError() && TEMPORARY.contains(refusal.getCode())) {
      // It and all behind it are sent again. Those of them that the bridge has taken meanwhile stay where they
      // are, before it: only a window of one event keeps the order around a refusal.
      onEnd(from, refusal);
      from.requests.cancel("sent again", null);
      return;
    }
    backoffMs = FIRST_BACKOFF_MS;
    var pending = unacked.remove();
    if (ack.hasError()) {
      pending.accepted.completeExceptionally(refusal.asRuntimeException());
    } else {
      pending.accepted.complete(ack.getAccepted());
    }
    notifyAll();
  }

  private final class Stream implements ClientResponseObserver<PublishStreamRequest, PublishStreamResponse> {
    private ClientCallStreamObserver<PublishStreamRequest> requests;
    private boolean connected;

    void send(Pending pending) {
      sentAgain += pending.sent ? 1 : 0;
      pending.sent = true;
      requests.onNext(PublishStreamRequest.newBuilder().addEvents(pending.event).build());
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<PublishStreamRequest> requests) {
      this.requests = requests;
    }

    @Override
    public void onNext(PublishStreamResponse response) {
      synchronized (EventPublisher.this) {
        connections += connected ? 0 : 1;
        connected = true;
      }
      response.getAcksList().forEach(ack -> onAck(this, ack));
    }

    @Override
    public void onError(Throwable error) {
      onEnd(this, Status.fromThrowable(error));
    }

    @Override
    public void onCompleted() {
      onEnd(this, Status.UNAVAILABLE.withDescription("the bridge ended the stream"));
    }
  }
}
