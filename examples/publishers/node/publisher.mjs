// Publishes events in order and at least once, however often the bridge goes away meanwhile.

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

// Where the .proto files are: `rialto proto export DIR` writes them.
const PROTO = fileURLToPath(new URL("../../../proto", import.meta.url));
const { rialto } = grpc.loadPackageDefinition(
  loadSync("rialto/v1/publisher.proto", { includeDirs: [PROTO], longs: Number, oneofs: true, defaults: true }),
);

/** Events that may be without an ack; then `publish` waits. */
const WINDOW = 256;
const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5_000;

const { status } = grpc;
const TEMPORARY = new Set([
  status.UNAVAILABLE,
  status.RESOURCE_EXHAUSTED,
  status.ABORTED,
  status.CANCELLED,
  status.INTERNAL,
  status.UNKNOWN,
]);

/** One stream to the bridge, opened again whenever it breaks. */
export class Publisher {
  connections = 0;
  sentAgain = 0;
  #client;
  #call;
  #unacked = []; // { event, sent, resolve, reject }, in order
  #room = []; // those who wait for room in the window
  #backoffMs = FIRST_BACKOFF_MS;
  #done;

  constructor(address) {
    this.#client = new rialto.v1.PublisherService(address, grpc.credentials.createInsecure(), {
      "grpc.keepalive_time_ms": 30_000,
      "grpc.max_reconnect_backoff_ms": LONGEST_BACKOFF_MS,
    });
    this.#open();
  }

  /**
   * Publishes one event. Resolves when it was sent, with a promise in it of what became of it, so that many can be under
   * way: `const { accepted } = await publisher.publish(…)`, later `await accepted`.
   */
  async publish(type, data, metadata = {}) {
    while (this.#unacked.length >= WINDOW) await new Promise((resolve) => this.#room.push(resolve));
    // The key makes what is sent again the same event.
    const event = { json: { type, data: JSON.stringify(data) }, idempotencyKey: randomUUID(), metadata };
    const pending = { event, sent: false };
    const accepted = new Promise((resolve, reject) => Object.assign(pending, { resolve, reject }));
    accepted.catch(() => {}); // whoever awaits it is told
    this.#unacked.push(pending);
    if (this.#call) this.#send(pending);
    return { accepted };
  }

  /** Waits until every event has its ack. */
  async close() {
    await new Promise((resolve) => {
      this.#done = resolve;
      this.#endIfDone();
    });
    this.#client.close();
  }

  /** Opens a stream: what has no ack yet goes first, in order. */
  #open() {
    // Waits for the bridge where it is not there; the client connects again by itself.
    const call = this.#client.publishStream(new grpc.Metadata({ waitForReady: true }));
    this.#call = call;
    call.on("metadata", () => this.connections++);
    call.on("data", (response) => response.acks.forEach((ack) => this.#call === call && this.#onAck(ack)));
    call.on("error", (error) => this.#call === call && this.#onEnd(error));
    const ended = { code: status.UNAVAILABLE, message: "the bridge ended the stream" };
    call.on("end", () => this.#call === call && this.#onEnd(ended));
    for (const pending of this.#unacked) this.#send(pending);
  }

  #send(pending) {
    if (pending.sent) this.sentAgain++;
    pending.sent = true;
    this.#call.write({ events: [pending.event] });
  }

  /** Acks come in the order of the events. */
  #onAck({ accepted, error }) {
    if (error && TEMPORARY.has(error.code)) {
      // It and all behind it are sent again. Those of them that the bridge has taken meanwhile stay where they
      // are, before it: only a window of one event keeps the order around a refusal.
      const call = this.#call;
      this.#onEnd(error);
      call.cancel();
      return;
    }
    this.#backoffMs = FIRST_BACKOFF_MS;
    const { resolve, reject } = this.#unacked.shift();
    if (error) reject(new Error(error.message));
    else resolve(accepted);
    this.#room.shift()?.();
    this.#endIfDone();
  }

  async #onEnd({ code, message }) {
    this.#call = undefined;
    if (!TEMPORARY.has(code)) {
      for (const { reject } of this.#unacked.splice(0)) reject(new Error(message));
      this.#endIfDone();
      return;
    }
    console.error(`${message}: trying again`);
    await sleep(this.#backoffMs * (0.5 + Math.random() / 2));
    this.#backoffMs = Math.min(LONGEST_BACKOFF_MS, this.#backoffMs * 2);
    this.#open();
  }

  #endIfDone() {
    if (this.#done && this.#unacked.length === 0) {
      const call = this.#call;
      this.#call = undefined;
      call?.end();
      this.#done();
    }
  }
}
