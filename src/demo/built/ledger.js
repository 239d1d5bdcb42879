const RATE_WINDOW_MS = 5e3;
const KEPT_SECONDS = 90;
class Ledger {
  counts = { received: 0, replayed: 0, missing: 0, duplicates: 0, lost: 0, gaps: 0, resets: 0, resumed: 0 };
  channels = /* @__PURE__ */ new Map();
  #seconds = /* @__PURE__ */ new Map();
  /** The channel's count, begun when it is new. */
  channel(name) {
    let channel = this.channels.get(name);
    if (!channel) this.channels.set(name, channel = { sequence: 0, count: 0, times: [] });
    return channel;
  }
  /** A subscription begins after this position: nothing before it is missing. */
  begins(name, after) {
    this.channel(name).sequence = after;
  }
  /** Takes an event; says what is wrong with its place, if anything. An event without a sequence has no place. */
  event(name, sequence, timestampMs, arrival, now) {
    const channel = this.channel(name);
    channel.count += 1;
    channel.times.push(now);
    this.counts.received += 1;
    if (arrival === "replay") this.counts.replayed += 1;
    this.second(timestampMs)[arrival] += 1;
    if (sequence === 0) return void 0;
    const expected = channel.sequence + 1;
    if (sequence < expected) {
      this.counts.duplicates += 1;
      return "twice";
    }
    channel.sequence = sequence;
    if (sequence === expected) return void 0;
    this.counts.missing += sequence - expected;
    return "missing";
  }
  /** The bridge said that these are gone: they are lost, but not missing. */
  gap(name, first, last, nowMs) {
    this.counts.gaps += 1;
    this.counts.lost += last - first + 1;
    this.second(nowMs).lost += last - first + 1;
    this.channel(name).sequence = Math.max(this.channel(name).sequence, last);
  }
  /** The bridge said that the channel's log began anew. */
  reset(name, after) {
    this.counts.resets += 1;
    this.channel(name).sequence = after;
  }
  /** The bridge moved the cursor over events that newer ones have superseded. */
  moved(name, sequence) {
    this.channel(name).sequence = sequence;
  }
  /** Remembers that this second passed without a connection. */
  away(nowMs) {
    this.second(nowMs).away = true;
  }
  /** Events per second of the last five. */
  rate(name, now) {
    const { times } = this.channel(name);
    while (times.length > 0 && (times[0] ?? now) < now - RATE_WINDOW_MS) times.shift();
    return times.length / (RATE_WINDOW_MS / 1e3);
  }
  /** The seconds up to now, oldest first. */
  lastSeconds(count, nowMs) {
    const newest = Math.floor(nowMs / 1e3);
    return Array.from({ length: count }, (_, index) => this.#seconds.get(newest - count + 1 + index) ?? nothing());
  }
  second(timeMs) {
    const key = Math.floor(timeMs / 1e3);
    let second = this.#seconds.get(key);
    if (!second) {
      this.#seconds.set(key, second = nothing());
      for (const old of this.#seconds.keys()) if (old < key - KEPT_SECONDS) this.#seconds.delete(old);
    }
    return second;
  }
}
function nothing() {
  return { live: 0, replay: 0, lost: 0, away: false };
}
export {
  Ledger
};
