// The promise under a made-up clock: whatever breaks whenever, what is delivered has no gap and no duplicate, or a gap was
// told. Each seed is another life of a connection.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { ClientFrame, ServerFrame } from "../src/frames.js";
import type { Host, Session } from "../src/host.js";
import { createSession } from "../src/session.js";
import type { Status } from "../src/told.js";
import { FakeBridge, seeded, TYPES } from "./fake-bridge.js";

const SEEDS = Number(process.env.SEEDS ?? 5_000);
const STEPS = 250;
const CLOSES = [1000, 1001, 1006, 1006, 1006, 1011, 4100, 4101, 4102, 4103, 4104, 4321];
/** Never filtered; filtered; one or the other by turns; sometimes superseded; subscribed on connect. */
const CHANNELS = ["plain", "filtered", "mixed", "latest", "auto", "mixed-auto"];
const ON_CONNECT = ["auto", "mixed-auto"];
const FILTER = TYPES.slice(0, 1);

interface Link {
  open: boolean;
  /** Nothing passes any more, and nobody has noticed. */
  dead: boolean;
  toBridge: ClientFrame[];
  toClient: (ServerFrame | { close: number })[];
}

/** What a subscriber of one channel must see next. */
interface Expectation {
  epoch: string;
  next: number;
}

class Life {
  readonly #chance: () => number;
  readonly #bridge = new FakeBridge(CHANNELS);
  readonly #expected = new Map<string, Expectation>();
  readonly #wanted = new Set<string>();
  readonly #logs = new Map<string, ReturnType<FakeBridge["logs"]["get"]>>();
  readonly #session: Session;
  #link: Link | undefined;
  #now = 1_000_000;
  delivered = 0;
  told = 0;
  connections = 0;

  constructor(seed: number) {
    this.#chance = seeded(seed);
    const host: Host = {
      connect: () => {
        this.connections += 1;
        this.#link = { open: false, dead: this.#chance() < 0.1, toBridge: [], toClient: [] };
      },
      refresh: () => {},
      forgetSession: () => false,
      disconnect: () => {
        this.#link = undefined;
      },
      send: (frame) => this.#link?.toBridge.push(frame),
      onStatus: (status: Status) => assert.notEqual(status.state, "closed"),
      onSubscribed: ({ channel, start, recovered }) => {
        const expected = this.#expected.get(channel);
        if (!expected && this.#wanted.has(channel)) this.#expect(channel, start);
        else if (recovered) assert.equal(start.epoch, expected?.epoch);
      },
      onGap: ({ channel, epoch, first, last }) => {
        this.told += 1;
        const expected = this.#expectation(channel);
        assert.equal(epoch, expected.epoch);
        assert.ok(
          last >= first && first >= expected.next,
          `${channel}: a gap of ${first} to ${last} after ${expected.next}`,
        );
        this.#mayBeMissing(channel, expected, first - 1);
        const oldest = this.#logs.get(epoch)?.oldest ?? 0;
        assert.ok(last < oldest, `${channel}: ${last} is said to be lost, and ${oldest} is still there`);
        expected.next = last + 1;
      },
      onPosition: () => {},
      onReset: ({ channel, start }) => {
        this.told += 1;
        this.#expectation(channel);
        this.#expect(channel, start);
      },
      onEvent: ({ channel, sequence, id }) => {
        if (sequence === undefined) return;
        this.delivered += 1;
        const expected = this.#expectation(channel);
        assert.equal(id, `${channel}/${expected.epoch}/${sequence}`);
        assert.ok(sequence >= expected.next, `${channel}: ${sequence} came again, expected ${expected.next}`);
        this.#mayBeMissing(channel, expected, sequence - 1);
        expected.next = sequence + 1;
      },
      onEnded: (channel, error) => assert.fail(`${channel}: ${error.message}`),
      onError: (error) => assert.equal(error.details.number, 4004, error.message),
    };
    this.#session = createSession(host, {
      clientId: "test",
      fingerprint: "",
      hasToken: false,
      lingerMs: 1_000,
      random: this.#chance,
    });
    for (const name of CHANNELS) this.#remember(name);
  }

  /** A life with everything that can happen to it, and then peace: all subscribers are complete, or were told. */
  run(): void {
    for (const name of CHANNELS) if (this.#chance() < 0.7) this.#want(name);
    for (let step = 0; step < STEPS; step += 1) this.#step();
    this.#session.hold(false, this.#now);
    this.#session.network(true, this.#now);
    if (this.#link?.dead) this.#drop(1006);
    for (const name of CHANNELS) if (name === "plain" || this.#chance() < 0.8) this.#want(name);
    for (let step = 0; step < 400 && !this.#isCalm(); step += 1) {
      this.#pass(step % 10 === 0 ? 30_000 : 1_000);
      if (this.#link?.dead) this.#drop(1006);
      this.#transport(1);
    }
    assert.ok(this.#isCalm(), "the client does not come to rest");
    for (const name of this.#wanted) {
      const log = this.#bridge.logs.get(name);
      const expected = this.#expectation(name);
      assert.equal(expected.epoch, log?.epoch);
      this.#mayBeMissing(name, expected, log?.head ?? 0);
    }
  }

  #isCalm(): boolean {
    if (this.#session.status().state !== "connected" || !this.#link) return false;
    // Nothing stays that nobody wants and the bridge has not subscribed by itself.
    if (!this.#bridge.asked.every((name) => this.#wanted.has(name))) return false;
    return [...this.#wanted].every((name) => {
      const position = this.#session.position(name);
      const log = this.#bridge.logs.get(name);
      if (position?.epoch !== log?.epoch || !this.#expected.has(name)) return false;
      for (let sequence = (position?.sequence ?? 0) + 1; sequence <= (log?.head ?? 0); sequence += 1) {
        if (!this.#isExcused(name, log?.epoch ?? "", sequence)) return false;
      }
      return true;
    });
  }

  #step(): void {
    const chance = this.#chance;
    const channel = CHANNELS[Math.floor(chance() * CHANNELS.length)] ?? "plain";
    const dice = chance();
    if (dice < 0.35) for (let count = chance() * 4; count > 0; count -= 1) this.#bridge.publish(channel);
    else if (dice < 0.38) this.#bridge.evict(channel, Math.floor(chance() * 10));
    else if (dice < 0.385) this.#restart(channel);
    else if (dice < 0.42) this.#bridge.supersede("latest", Math.floor(chance() * 20));
    else if (dice < 0.44) this.#drop(CLOSES[Math.floor(chance() * CLOSES.length)] ?? 1006);
    else if (dice < 0.45) this.#breakSilently();
    else if (dice < 0.455) this.#drain();
    else if (dice < 0.48) this.#want(channel);
    else if (dice < 0.49) this.#leave(channel);
    else if (dice < 0.5) this.#session.network(chance() < 0.6, this.#now);
    else if (dice < 0.51) this.#session.visibility(chance() < 0.5, this.#now);
    else if (dice < 0.513) this.#session.hold(chance() < 0.4, this.#now);
    else this.#transport(0.5);
    this.#pass(chance() < 0.02 ? 40_000 * chance() : 300 * chance());
  }

  #pass(ms: number): void {
    this.#session.flush();
    const until = this.#now + ms;
    while (this.#session.deadline() <= until) {
      this.#now = Math.max(this.#now, this.#session.deadline());
      this.#session.tick(this.#now);
    }
    this.#now = until;
  }

  /** Moves frames, in order, as far as chance lets them. */
  #transport(share: number): void {
    const link = this.#link;
    if (!link || link.dead) return;
    if (!link.open) {
      if (this.#chance() >= share) return;
      link.open = true;
      this.#bridge.connect(ON_CONNECT.filter(() => this.#chance() < 0.8));
      this.#session.opened(undefined, this.#now);
    }
    while (link.toBridge.length > 0 && this.#chance() < share) {
      const frame = link.toBridge.shift() as ClientFrame;
      // In peace everybody keeps to the rate.
      const isTooFast = share < 1 && this.#chance() < 0.1;
      link.toClient.push(...this.#bridge.receive(frame, isTooFast));
    }
    link.toClient.push(...this.#bridge.read(this.#chance));
    // In peace a link lives: what is asked and forgotten is not healed by the next connection.
    if (share === 1 || this.#chance() < 0.1) link.toClient.push({ type: "connection.heartbeat", data: {} });
    while (link.toClient.length > 0 && this.#link === link && (share === 1 || this.#chance() < 0.9)) {
      const frame = link.toClient.shift();
      if (!frame) break;
      if ("close" in frame) return this.#drop(frame.close);
      // As it comes from the wire: nothing is shared with the bridge.
      this.#session.received(JSON.parse(JSON.stringify(frame)), this.#now);
    }
  }

  /** The connection ends; what was on its way is lost. */
  #drop(code: number): void {
    if (!this.#link) return;
    this.#link = undefined;
    this.#session.lost(code, "", this.#now);
  }

  #breakSilently(): void {
    if (this.#link) this.#link.dead = true;
  }

  #drain(): void {
    if (!this.#link?.open) return;
    this.#link.toClient.push({ type: "connection.reconnect", data: { reason: "draining", delayMs: 700 } });
    if (this.#chance() < 0.8) this.#link.toClient.push({ close: 4100 });
  }

  #want(name: string): void {
    this.#wanted.add(name);
    const isFiltered = name === "filtered" || (name.startsWith("mixed") && this.#chance() < 0.5);
    this.#session.want(name, { types: isFiltered ? FILTER : [] }, this.#now);
    // What the bridge has subscribed by itself is at hand without another word.
    const position = this.#session.position(name);
    if (ON_CONNECT.includes(name) && position && !this.#expected.has(name)) this.#expect(name, position);
  }

  #leave(name: string): void {
    this.#wanted.delete(name);
    this.#expected.delete(name);
    this.#session.leave(name, this.#now);
  }

  #restart(name: string): void {
    this.#bridge.restart(name);
    this.#remember(name);
  }

  #remember(name: string): void {
    const log = this.#bridge.logs.get(name);
    if (log) this.#logs.set(log.epoch, log);
  }

  #expect(name: string, start: { epoch: string; sequence: number }): void {
    this.#expected.set(name, { epoch: start.epoch, next: start.sequence + 1 });
  }

  #expectation(name: string): Expectation {
    const expected = this.#expected.get(name);
    assert.ok(expected, `${name} is told of before it is subscribed`);
    return expected;
  }

  /** Everything up to `last` that did not come had no reason to. */
  #mayBeMissing(name: string, expected: Expectation, last: number): void {
    for (let sequence = expected.next; sequence <= last; sequence += 1) {
      assert.ok(this.#isExcused(name, expected.epoch, sequence), `${name}: ${sequence} is missing without a word`);
    }
  }

  #isExcused(name: string, epoch: string, sequence: number): boolean {
    const log = this.#logs.get(epoch);
    if (log?.superseded.has(sequence)) return true;
    return (name === "filtered" || name.startsWith("mixed")) && !FILTER.includes(log?.types.get(sequence) ?? "");
  }
}

test(`in ${SEEDS} lives nothing is missing without a word and nothing comes twice`, () => {
  let [delivered, told, connections] = [0, 0, 0];
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const life = new Life(seed);
    try {
      life.run();
    } catch (cause) {
      throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
    delivered += life.delivered;
    told += life.told;
    connections += life.connections;
  }
  // That the lives were as eventful as they should be.
  assert.ok(delivered > SEEDS * 30, `${delivered} events`);
  assert.ok(told > SEEDS, `${told} gaps and resets`);
  assert.ok(connections > SEEDS * 3, `${connections} connections`);
});
