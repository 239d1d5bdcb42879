// When a session asks for tokens, and what it does where one is refused.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ALL, type Recorded, recorded, subscribed } from "./harness.js";

/** A session that can get tokens, connected with one that lasts so long. */
function lasting(expiresInMs: number): Recorded {
  const world = recorded({ hasToken: true });
  world.session.want("c", ALL, 0);
  world.ack(0, { expiresInMs });
  world.take();
  return world;
}

test("a new token is brought before the old one ends, and again after that", () => {
  const world = recorded({ hasToken: true });
  world.session.want("c", ALL, 0);
  world.ack(0, { expiresInMs: 600_000 });
  // What the heartbeat watches is not looked at here.
  const wait = (to: number): void => {
    for (let now = to - 20_000; now <= to; now += 10_000) world.receive("connection.heartbeat", {}, now);
    world.take();
    world.session.tick(to);
  };
  wait(539_999);
  assert.deepEqual(world.take(), []);
  wait(540_000);
  assert.deepEqual(world.take(), ["refresh"]);
  world.session.refreshed("new", 540_100);
  assert.deepEqual(world.take(), ["send connection.refresh"]);
  const { id, data } = world.sent.at(-1) ?? {};
  assert.deepEqual(data, { token: "new" });
  world.receive("connection.refreshed", { permissions: [], expiresInMs: 40_000 }, 540_200, { replyTo: id ?? "" });
  wait(570_199);
  assert.deepEqual(world.take(), []);
  wait(570_200);
  assert.deepEqual(world.take(), ["refresh"], "three quarters of a short life");
});

test("a refresh that fails is tried again while the old token holds", () => {
  const world = recorded({ hasToken: true });
  world.session.want("c", ALL, 0);
  world.ack(0, { expiresInMs: 20_000 });
  world.session.tick(15_000);
  world.take();
  world.session.refreshed(undefined, 15_100);
  world.session.tick(20_100);
  assert.deepEqual(world.take(), ["refresh"]);
  world.session.refreshed("wrong", 20_200);
  const refused = { code: 4001, status: "UNAUTHENTICATED", reason: "invalid_token", message: "", retryAfterMs: 0 };
  world.receive("error", refused, 20_300, { replyTo: world.sent.at(-1)?.id ?? "" });
  assert.deepEqual(world.take(), ["send connection.refresh", "error: unauthenticated"]);
  world.session.tick(25_300);
  assert.deepEqual(world.take(), ["refresh"]);
  // A connection that is over needs none any more.
  world.session.lost(4002, "token_expired", 25_400);
  world.take();
  world.session.refreshed("late", 25_500);
  assert.deepEqual(world.take(), []);
});

test("without a way to a new token none is asked for", () => {
  const world = recorded({ hasToken: false });
  world.session.want("c", ALL, 0);
  world.ack(0, { expiresInMs: 20_000 });
  world.take();
  world.session.tick(19_999);
  assert.deepEqual(world.take(), []);
});

test("an expired token is renewed at once; one that is wrong twice is not tried again", () => {
  const world = recorded({ hasToken: true });
  world.session.want("c", ALL, 0);
  world.ack(10);
  world.take();
  world.session.lost(4002, "token_expired", 1_000);
  world.session.tick(1_000);
  assert.deepEqual(world.take(), ["waiting until 1000", "connecting", "connect with a new token"]);
  world.session.opened("new", 1_010);
  world.session.lost(4001, "invalid_token", 1_020);
  assert.deepEqual(world.take(), ["send connection.init", "closed", "c ended: unauthenticated"]);
});

test("without a token callback a refused token is the end", () => {
  const world = subscribed();
  world.session.lost(4001, "invalid_token", 100);
  assert.deepEqual(world.take(), ["closed", "c ended: unauthenticated"]);
});

test("a token that was refused and renewed may expire again", () => {
  const world = recorded({ hasToken: true });
  world.session.want("c", ALL, 0);
  world.ack(10);
  for (const now of [10_000, 20_000]) {
    world.session.tick(now - 1);
    world.session.lost(4002, "token_expired", now);
    world.take();
    world.session.tick(now);
    assert.deepEqual(world.take(), ["connecting", "connect with a new token"]);
    world.ack(now + 10);
  }
  world.session.lost(1006, "", 21_000);
  world.session.tick(world.session.deadline());
  assert.deepEqual(world.take().slice(-1), ["connect"], "the new one is good");
});

test("a token that a cache gives again is not asked for without end", () => {
  const ends = 10_000;
  const world = lasting(ends);
  const asked: number[] = [];
  for (let now = 0; now <= 30_000; now += 100) {
    world.session.tick(now);
    for (const what of world.take()) if (what === "refresh") asked.push(now);
    if (asked.at(-1) !== now) continue;
    world.session.refreshed("cached", now);
    const data = { permissions: [], expiresInMs: Math.max(0, ends - now) };
    world.receive("connection.refreshed", data, now, { replyTo: world.sent.at(-1)?.id ?? "" });
  }
  assert.deepEqual(asked, [7_500, 12_500, 17_500, 22_500, 27_500]);
});

test("a bridge that refuses a new token is not asked again sooner than in 5 s, and later where it says so", () => {
  for (const [retryAfterMs, again] of [
    [100, 20_000],
    [9_000, 24_000],
  ] as const) {
    const world = lasting(20_000);
    world.session.tick(15_000);
    world.session.refreshed("new", 15_000);
    const refused = { code: 4004, status: "", reason: "rate_limited", message: "", retryAfterMs };
    world.receive("error", refused, 15_000, { replyTo: world.sent.at(-1)?.id ?? "" });
    world.take();
    world.session.tick(again - 1);
    assert.deepEqual(world.take(), []);
    world.session.tick(again);
    assert.deepEqual(world.take(), ["refresh"]);
  }
});

test("tokens that end as soon as they are taken do not make it come back without a pause", () => {
  const world = lasting(0);
  world.session.lost(4002, "token_expired", 1_000);
  assert.deepEqual(world.take(), ["waiting until 1000"]);
  world.session.tick(1_000);
  world.ack(1_010);
  world.take();
  world.session.lost(4002, "token_expired", 1_020);
  assert.deepEqual(world.take(), ["waiting until 1520"]);
});

test("a session that a new token does not lead to is forgotten once, and refused twice is the end", () => {
  const world = lasting(0);
  world.session.lost(4002, "token_expired", 10_000);
  world.session.tick(10_000);
  world.session.opened("new", 10_010);
  world.take();
  world.session.lost(4003, "the token is for another session", 10_020);
  world.session.tick(10_020);
  assert.deepEqual(world.take(), ["waiting until 10020", "connecting", "connect with a new token"]);
  world.session.opened("new", 10_030);
  world.session.lost(4003, "the token is for another session", 10_040);
  assert.deepEqual(world.take(), ["send connection.init", "closed", "c ended: permission_denied"]);
});

test("a session that the page asked for and never had is not given up for another", () => {
  const world = recorded({ hasToken: true });
  world.session.want("c", ALL, 0);
  world.session.opened("token", 10);
  world.take();
  world.session.lost(4003, "the session is another's", 20);
  assert.deepEqual(world.take(), ["closed", "c ended: permission_denied"]);
});

test("a first frame that came too late is tried again, and one without the token that is asked for is not", () => {
  const opening = (): Recorded => {
    const world = recorded();
    world.session.want("c", ALL, 0);
    world.take();
    return world;
  };
  const lose = (world: Recorded, now: number): string | undefined => {
    world.take();
    world.session.lost(4501, "no_credentials", now);
    return world.take()[0];
  };
  assert.equal(lose(opening(), 100), "waiting until 350", "it was not sent");
  const shown = opening();
  shown.session.opened("token", 100);
  assert.equal(lose(shown, 200), "waiting until 450", "it had a token");
  const slept = opening();
  slept.session.opened(undefined, 60_000);
  assert.equal(lose(slept, 60_010), "waiting until 60260", "the page slept");
  const bare = opening();
  bare.session.opened(undefined, 100);
  assert.equal(lose(bare, 200), "closed");
  const empty = opening();
  empty.session.opened("", 100);
  assert.equal(lose(empty, 200), "closed");
  // What one attempt has shown says nothing about the next.
  const next = opening();
  next.session.opened(undefined, 100);
  next.session.lost(1006, "", 200);
  next.session.tick(450);
  assert.match(lose(next, 500) ?? "", /^waiting/);
});
