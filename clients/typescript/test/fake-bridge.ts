// The bridge's side of the protocol on a made-up clock: logs, cursors, and a network that breaks anywhere.

import type { Position } from "../src/channel.js";
import type { ClientFrame, ServerFrame, WireSubscription } from "../src/frames.js";

/** A source of chance that is the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Log {
  epoch: string;
  /** The newest event's number. */
  head: number;
  /** The oldest that is kept. */
  oldest: number;
  /** Types by number. */
  types: Map<number, string>;
  /** Those that a newer one has superseded. */
  superseded: Set<number>;
}

interface Cursor {
  position: Position;
  types: readonly string[];
}

/** The types that events of a channel have, in turn. */
export const TYPES: readonly string[] = ["a", "b", "c"];

/** The logs of a bridge, and one connection at a time. */
export class FakeBridge {
  readonly logs = new Map<string, Log>();
  #onConnect: readonly string[] = [];
  #cursors = new Map<string, Cursor>();
  #epochs = 0;
  #open = false;

  constructor(channels: readonly string[]) {
    for (const name of channels) this.logs.set(name, this.#newLog());
  }

  publish(name: string): void {
    const log = this.#log(name);
    log.head += 1;
    log.types.set(log.head, TYPES[log.head % TYPES.length] ?? "a");
  }

  /** Forgets old events, as retention does. */
  evict(name: string, keep: number): void {
    const log = this.#log(name);
    log.oldest = Math.max(log.oldest, log.head - keep + 1);
  }

  /** Begins the channel's log anew. */
  restart(name: string): void {
    this.logs.set(name, this.#newLog());
  }

  /** Marks one event as superseded by a later one. */
  supersede(name: string, sequence: number): void {
    const log = this.#log(name);
    if (sequence >= log.oldest && sequence < log.head) log.superseded.add(sequence);
  }

  /** What is subscribed now and not by the bridge itself. */
  get asked(): string[] {
    return [...this.#cursors.keys()].filter((name) => !this.#onConnect.includes(name));
  }

  /** A new connection: the old one's cursors are gone, and another schema may subscribe other channels by itself. */
  connect(onConnect: readonly string[]): void {
    this.#onConnect = onConnect;
    this.#cursors = new Map();
    this.#open = false;
  }

  /** Works off one frame, or refuses it as one too many. */
  receive(frame: ClientFrame, isTooFast = false): ServerFrame[] {
    const { type, id } = frame;
    if (isTooFast && this.#open) {
      const error = { code: 4004, status: "RESOURCE_EXHAUSTED", reason: "rate_limited", message: "", channel: "" };
      return [{ type: "error", replyTo: id, data: { ...error, retryAfterMs: 400 } }];
    }
    if (!this.#open) {
      if (type !== "connection.init") throw new Error(`the first frame is ${type}`);
      this.#open = true;
      const { resume } = frame.data as { resume: WireSubscription[] };
      const data = { connectionId: "c", sessionId: "s", userId: "", heartbeatMs: 30_000, fingerprint: "f" };
      const auto = this.#onConnect.map((name) =>
        this.#subscribe(resume.find((wanted) => wanted.name === name) ?? { name }, undefined),
      );
      return [{ type: "connection.ack", replyTo: id, data }, ...auto.flat()];
    }
    if (type === "connection.heartbeat") return [{ type, replyTo: id, data: {} }];
    if (type === "channel.subscribe") {
      const { channels } = frame.data as { channels: WireSubscription[] };
      return channels.flatMap((wanted) => this.#subscribe(wanted, id));
    }
    if (type === "channel.unsubscribe") {
      const { channels } = frame.data as { channels: string[] };
      return channels.map((channel) => {
        this.#cursors.delete(channel);
        return { type: "channel.unsubscribed", replyTo: id, data: { channel, reason: "requested" } };
      });
    }
    throw new Error(`${type} is not for a bridge`);
  }

  /** What lies behind the cursors, some of it. */
  read(chance: () => number): ServerFrame[] {
    const frames: ServerFrame[] = [];
    for (const [name, cursor] of this.#cursors) {
      const log = this.#log(name);
      if (cursor.position.epoch !== log.epoch || cursor.position.sequence > log.head) {
        const start = { epoch: log.epoch, sequence: log.oldest - 1 };
        frames.push({ type: "channel.reset", data: { channel: name, start, previous: { ...cursor.position } } });
        cursor.position = start;
      }
      if (cursor.position.sequence < log.oldest - 1) {
        const [first, last] = [cursor.position.sequence + 1, log.oldest - 1];
        frames.push({ type: "channel.gap", data: { channel: name, epoch: log.epoch, first, last } });
        cursor.position = { epoch: log.epoch, sequence: last };
      }
      let skipped = false;
      while (cursor.position.sequence < log.head && chance() < 0.8) {
        const sequence = cursor.position.sequence + 1;
        cursor.position = { epoch: log.epoch, sequence };
        const type = log.types.get(sequence) ?? "a";
        if (log.superseded.has(sequence)) {
          skipped = true;
          continue;
        }
        if (cursor.types.length > 0 && !cursor.types.includes(type)) continue;
        if (skipped) {
          const position = { epoch: log.epoch, sequence: sequence - 1 };
          frames.push({ type: "channel.position", data: { channel: name, position, conflated: 1 } });
          skipped = false;
        }
        if (chance() < 0.1) frames.push({ type: "e", channel: name, id: "e", data: {} });
        frames.push({ type, channel: name, sequence, id: `${name}/${log.epoch}/${sequence}`, data: { sequence } });
      }
      // What was skipped last is read again: the frame that tells it comes before the next event.
      while (skipped && log.superseded.has(cursor.position.sequence)) {
        cursor.position = { epoch: log.epoch, sequence: cursor.position.sequence - 1 };
      }
    }
    return frames;
  }

  #subscribe({ name, types = [], after }: WireSubscription, replyTo: string | undefined): ServerFrame[] {
    const log = this.#log(name);
    const head = { epoch: log.epoch, sequence: log.head };
    const current = this.#cursors.get(name);
    const oldest = { epoch: log.epoch, sequence: log.oldest - 1 };
    let recovered: boolean | undefined;
    let start = current?.position ?? { epoch: log.epoch, sequence: Math.max(log.oldest - 1, log.head - 2) };
    let position = start;
    if (after) {
      recovered = after.epoch === log.epoch && after.sequence >= oldest.sequence && after.sequence <= log.head;
      start = recovered ? after : oldest;
      position = after;
    }
    this.#cursors.set(name, { position, types });
    const data = { channel: name, start: { ...start }, head, ...(recovered !== undefined && { recovered }) };
    return [{ type: "channel.subscribed", data, ...(replyTo !== undefined && { replyTo }) }];
  }

  #log(name: string): Log {
    const log = this.logs.get(name);
    if (!log) throw new Error(`no channel ${name}`);
    return log;
  }

  #newLog(): Log {
    this.#epochs += 1;
    return { epoch: `epoch${this.#epochs}`, head: 0, oldest: 1, types: new Map(), superseded: new Set() };
  }
}
