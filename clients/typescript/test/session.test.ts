// When a session connects, comes back, waits and leaves.

import assert from "node:assert/strict";
import { test } from "node:test";

import { backoffMs } from "../src/backoff.js";
import { mayReturn } from "../src/codes.js";
import { ALL, at, recorded, subscribed } from "./harness.js";

test("connects when somebody needs it and leaves when nobody does", () => {
  const world = recorded();
  assert.equal(world.session.deadline(), Number.POSITIVE_INFINITY);
  world.session.want("c", ALL, 0);
  world.ack(10);
  world.session.leave("c", 20);
  world.session.flush();
  assert.deepEqual(world.take(), [
    "connecting",
    "connect",
    "send connection.init",
    "connected",
    "send channel.subscribe",
    "send channel.unsubscribe",
  ]);
  world.session.tick(1_019);
  assert.deepEqual(world.take(), []);
  world.session.tick(1_020);
  assert.deepEqual(world.take(), ["disconnect", "idle"]);
});

test("stays when a channel is wanted again before it has left", () => {
  const world = subscribed();
  world.session.leave("c", 100);
  world.session.want("c", ALL, 500);
  world.session.flush();
  world.session.tick(2_000);
  assert.deepEqual(world.take(), ["send channel.unsubscribe", "send channel.subscribe"]);
});

test("close codes decide by their range", () => {
  const back = [1000, 1001, 1005, 1006, 1011, 4004, 4100, 4101, 4104, 4300, 4499];
  const never = [1002, 1003, 1007, 1009, 4003, 4005, 4500, 4503, 4777, 4999];
  for (const code of back) assert.ok(mayReturn(code), `${code}`);
  for (const code of never) assert.ok(!mayReturn(code), `${code}`);
});

test("a close for good ends every subscription with its reason", () => {
  const world = subscribed();
  world.session.lost(4503, "schema_refused", 100);
  assert.deepEqual(world.take(), ["closed", "c ended: schema_mismatch"]);
  assert.throws(() => world.session.assertOpen(), { code: "schema_mismatch" });
});

test("waits for any time up to a bound that doubles", () => {
  assert.equal(backoffMs(0, 1, false), 500);
  assert.equal(backoffMs(3, 1, false), 4_000);
  assert.equal(backoffMs(3, 0, false), 0);
  assert.equal(backoffMs(60, 1, false), 20_000);
  assert.equal(backoffMs(60, 1, true), 60_000);
});

test("attempts count until a connection has been stable for a while", () => {
  const world = recorded();
  world.session.want("c", ALL, 0);
  const fail = (now: number): number => {
    world.session.lost(1006, "", now);
    const next = world.session.deadline();
    world.session.tick(next);
    return next - now;
  };
  assert.equal(fail(100), 250);
  assert.equal(fail(1_000), 500);
  world.ack(2_000);
  assert.equal(fail(3_000), 1_000, "1 s is not stable");
  world.ack(5_000);
  world.session.tick(10_000);
  assert.equal(fail(11_000), 250);
});

test("the bridge's advice wins", () => {
  const world = subscribed();
  world.receive("connection.reconnect", { reason: "draining", delayMs: 7_000 }, 100);
  world.session.lost(4100, "draining", 110);
  assert.deepEqual(world.take(), ["waiting until 7110"]);
  world.session.network(true, 200);
  assert.equal(world.session.deadline(), 7_110, "nor does the network change it");
});

test("a bridge that asks to come back and does not close is left", () => {
  const world = subscribed();
  world.receive("connection.reconnect", { reason: "draining", delayMs: 200 }, 100);
  world.session.tick(5_100);
  assert.deepEqual(world.take(), ["disconnect", "waiting until 5300"]);
});

test("silence of one and a half heartbeats and 5 s ends a connection", () => {
  const world = subscribed();
  world.receive("connection.heartbeat", {}, 1_000);
  world.session.tick(1_000 + 49_999);
  assert.deepEqual(world.take(), []);
  world.session.tick(1_000 + 50_000);
  assert.deepEqual(world.take(), ["disconnect", "waiting until 51250"]);
});

test("an opening that takes longer than 10 s is given up", () => {
  const world = recorded();
  world.session.want("c", ALL, 0);
  world.session.tick(10_000);
  assert.deepEqual(world.take(), ["connecting", "connect", "disconnect", "waiting until 10250"]);
});

test("going offline asks whether anybody is there, and an answer keeps the connection", () => {
  const world = subscribed();
  world.session.network(false, 10_000);
  assert.deepEqual(world.take(), ["send connection.heartbeat"]);
  world.receive("connection.heartbeat", {}, 11_000);
  world.session.tick(13_000);
  assert.deepEqual(world.take(), []);
});

test("offline without an answer is a state, and online tries at once", () => {
  const world = subscribed();
  world.session.network(false, 10_000);
  world.session.tick(13_000);
  assert.deepEqual(world.take(), ["send connection.heartbeat", "disconnect", "offline"]);
  world.session.network(true, 13_100);
  world.session.tick(13_600);
  assert.deepEqual(world.take(), ["connecting", "connect"]);
});

test("a page that is shown again does not wait for the rest of a long delay", () => {
  const world = recorded();
  world.session.want("c", ALL, 0);
  world.session.visibility(true, 0);
  let now = 0;
  for (let attempt = 0; attempt < 8; attempt += 1) {
    world.session.lost(1006, "", now);
    now = world.session.deadline();
    if (attempt < 7) world.session.tick(now);
  }
  const before = now - 20_000;
  world.session.visibility(false, before);
  assert.equal(world.session.deadline(), before + 500);
});

test("leaves when nobody needs it any more, whatever was the last that did", () => {
  const sending = (): [ReturnType<typeof recorded>, string] => {
    const world = recorded();
    const id = world.session.dispatch("chat", {}, () => {}, 0);
    world.ack(10);
    return [world, id];
  };
  const [taken] = sending();
  taken.receive("connection.heartbeat", {}, 100, { replyTo: taken.sent.at(-1)?.id ?? "" });
  const [refused, id] = sending();
  const heartbeat = refused.sent.at(-1)?.id ?? "";
  refused.receive("error", { code: 4005, status: "", reason: "", message: "", retryAfterMs: 0 }, 100, { replyTo: id });
  refused.receive("connection.heartbeat", {}, 100, { replyTo: heartbeat });
  const forgotten = recorded();
  forgotten.session.forget(
    forgotten.session.dispatch("chat", {}, () => {}, 0),
    100,
  );
  const [aborted, other] = sending();
  aborted.session.forget(other, 100);
  const ended = subscribed();
  ended.receive("channel.unsubscribed", { channel: "c", reason: "schema_changed" }, 100);
  for (const [name, world] of Object.entries({ taken, refused, forgotten, aborted, ended })) {
    world.take();
    world.session.tick(1_099);
    assert.deepEqual(world.take(), [], name);
    world.session.tick(1_100);
    assert.deepEqual(world.take(), ["disconnect", "idle"], name);
  }
});

test("held, it lets go and keeps its positions", () => {
  const world = subscribed();
  world.session.hold(true, 100);
  assert.deepEqual(world.take(), ["disconnect", "idle"]);
  world.session.want("d", ALL, 200);
  assert.deepEqual(world.take(), []);
  world.session.hold(false, 300);
  world.ack(310);
  const last = world.sent[world.sent.length - 1];
  assert.deepEqual(last?.data, { channels: [{ name: "c", after: at("e", 3) }, { name: "d" }] });
});

test("the bridge says how long silence may be", () => {
  const world = recorded();
  world.session.want("c", ALL, 0);
  world.ack(10, { heartbeatMs: 10_000 });
  world.receive("connection.heartbeat", {}, 1_000);
  world.take();
  world.session.tick(20_999);
  assert.deepEqual(world.take(), []);
  world.session.tick(21_000);
  assert.deepEqual(world.take(), ["disconnect", "waiting until 21250"]);
});

test("an error of the connection may say when to come back", () => {
  const world = subscribed();
  world.receive("connection.error", { code: 4103, status: "", reason: "", message: "", retryAfterMs: 9_000 }, 100);
  world.session.lost(4103, "overloaded", 110);
  assert.deepEqual(world.take(), ["error: unavailable", "waiting until 9110"]);
});

test("who has just spoken is not asked whether he is there", () => {
  const world = subscribed();
  world.receive("connection.heartbeat", {}, 10_000);
  world.session.network(false, 12_999);
  assert.deepEqual(world.take(), []);
  world.session.network(false, 13_000);
  assert.deepEqual(world.take(), ["send connection.heartbeat"]);
});

test("an offline client and a hidden page wait longer", () => {
  for (const away of ["offline", "hidden"]) {
    const world = recorded();
    world.session.want("c", ALL, 0);
    if (away === "offline") world.session.network(false, 0);
    else world.session.visibility(true, 0);
    let [now, waited] = [0, 0];
    for (let attempt = 0; attempt < 12; attempt += 1) {
      world.session.lost(1006, "", now);
      waited = world.session.deadline() - now;
      now += waited;
      world.session.tick(now);
    }
    assert.equal(waited, 30_000, away);
  }
});
