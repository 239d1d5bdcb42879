// What this page has seen, by its own count: the promise "gapless, or told" is checked here, not believed.

/** How an event reached the page: now, from before it was opened, or after a resume because it was missed. */
export type Arrival = "live" | "history" | "replay";

/** Whether the page was connected in a second. */
export type Link = "up" | "down";

/** What a channel has shown so far. */
export type ChannelCount = {
  /** The newest sequence seen. */
  sequence: number;
  /** Events received. */
  count: number;
  /** Events that the bridge has said are lost. */
  lost: number;
  /** When the last ones came, for the rate. */
  times: number[];
};

/** One second of the timeline, by the time at which the bridge accepted the events. */
export type Second = { live: number; history: number; replay: number; lost: number; away: boolean };

const RATE_WINDOW_MS = 5_000;
const KEPT_SECONDS = 90;

/** Counts and checks. */
export class Ledger {
  readonly counts = { received: 0, history: 0, replayed: 0, missing: 0, duplicates: 0, lost: 0, gaps: 0, resets: 0, resumed: 0, superseded: 0 };
  readonly channels = new Map<string, ChannelCount>();
  readonly #seconds = new Map<number, Second>();

  /** The channel's count, begun when it is new. */
  channel(name: string): ChannelCount {
    let channel = this.channels.get(name);
    if (!channel) this.channels.set(name, (channel = { sequence: 0, count: 0, lost: 0, times: [] }));
    return channel;
  }

  /** A subscription begins after this position: nothing before it is missing. */
  begins(name: string, after: number): void {
    this.channel(name).sequence = after;
  }

  /** Takes an event; says what is wrong with its place, if anything. An event without a sequence has no place. */
  event(name: string, sequence: number, timestampMs: number, arrival: Arrival, now: number): "missing" | "twice" | undefined {
    const channel = this.channel(name);
    channel.count += 1;
    channel.times.push(now);
    this.counts.received += 1;
    if (arrival === "replay") this.counts.replayed += 1;
    if (arrival === "history") this.counts.history += 1;
    this.second(timestampMs)[arrival] += 1;
    if (sequence === 0) return undefined;
    const expected = channel.sequence + 1;
    if (sequence < expected) {
      this.counts.duplicates += 1;
      return "twice";
    }
    channel.sequence = sequence;
    if (sequence === expected) return undefined;
    this.counts.missing += sequence - expected;
    return "missing";
  }

  /** The bridge said that these are gone: they are lost, but not missing. */
  gap(name: string, first: number, last: number, nowMs: number): void {
    this.counts.gaps += 1;
    this.counts.lost += last - first + 1;
    this.second(nowMs).lost += last - first + 1;
    const channel = this.channel(name);
    channel.lost += last - first + 1;
    channel.sequence = Math.max(channel.sequence, last);
  }

  /** The bridge said that the channel's log began anew. */
  reset(name: string, after: number): void {
    this.counts.resets += 1;
    this.channel(name).sequence = after;
  }

  /** The bridge moved the cursor over events that newer ones have superseded. */
  moved(name: string, sequence: number, conflated: number): void {
    this.counts.superseded += conflated;
    this.channel(name).sequence = Math.max(this.channel(name).sequence, sequence);
  }

  /** Remembers that this second passed without a connection. */
  away(nowMs: number): void {
    this.second(nowMs).away = true;
  }

  /** Events per second of the last five. */
  rate(name: string, now: number): number {
    const { times } = this.channel(name);
    while (times.length > 0 && (times[0] ?? now) < now - RATE_WINDOW_MS) times.shift();
    return times.length / (RATE_WINDOW_MS / 1_000);
  }

  /** The seconds up to now, oldest first. */
  lastSeconds(count: number, nowMs: number): Second[] {
    const newest = Math.floor(nowMs / 1_000);
    return Array.from({ length: count }, (_, index) => this.#seconds.get(newest - count + 1 + index) ?? nothing());
  }

  private second(timeMs: number): Second {
    const key = Math.floor(timeMs / 1_000);
    let second = this.#seconds.get(key);
    if (!second) {
      this.#seconds.set(key, (second = nothing()));
      for (const old of this.#seconds.keys()) if (old < key - KEPT_SECONDS) this.#seconds.delete(old);
    }
    return second;
  }
}

function nothing(): Second {
  return { live: 0, history: 0, replay: 0, lost: 0, away: false };
}
