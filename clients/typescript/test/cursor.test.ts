// What a subscriber is handed, and what it is told of what it is not.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Position } from "../src/channel.js";
import { at, type Recorded, recorded, subscribed } from "./harness.js";

test("hands events on once, in order, and tells what is replay", () => {
  const world = subscribed();
  for (const sequence of [4, 4, 3, 5, 6]) {
    world.receive("t", {}, 30, { channel: "c", sequence });
  }
  assert.deepEqual(world.take(), ["c t 4 replayed", "c t 5 replayed", "c t 6"]);
});

test("an event without a number is delivered and moves nothing", () => {
  const world = subscribed();
  world.receive("t", {}, 30, { channel: "c" });
  world.receive("t", {}, 30, { channel: "c", sequence: 4 });
  assert.deepEqual(world.take(), ["c t -", "c t 4 replayed"]);
});

test("a position moves on by itself, never back", () => {
  const world = subscribed();
  world.receive("channel.position", { channel: "c", position: at("e", 8), conflated: 2 }, 30);
  world.receive("channel.position", { channel: "c", position: at("e", 2) }, 30);
  world.receive("channel.position", { channel: "c", position: at("other", 99) }, 30);
  assert.deepEqual(world.session.position("c"), at("e", 8));
  world.receive("t", {}, 30, { channel: "c", sequence: 9 });
  assert.deepEqual(world.take(), ["c moved to 8, 2 superseded", "c t 9"]);
});

test("a jump that nobody has told is told, unless the bridge filters", () => {
  const world = subscribed();
  world.receive("t", {}, 30, { channel: "c", sequence: 7 });
  assert.deepEqual(world.take(), ["c lost 4 to 6", "c t 7"]);
});

test("comes back at its position", () => {
  const world = subscribed();
  world.receive("t", {}, 30, { channel: "c", sequence: 4 });
  world.session.lost(1006, "", 100);
  world.session.tick(world.session.deadline());
  world.ack(400);
  const last = world.sent[world.sent.length - 1];
  assert.deepEqual(last?.data, { channels: [{ name: "c", after: at("e", 4) }] });
});

test("a stored position counts even where the bridge subscribes by itself", () => {
  const world = recorded();
  world.session.want("c", { types: [], after: at("e", 2) }, 0);
  world.ack(10);
  const id = world.sent[world.sent.length - 1]?.id ?? "";
  world.receive("channel.subscribed", { channel: "c", start: at("e", 8), head: at("e", 9) }, 20);
  world.receive("t", {}, 20, { channel: "c", sequence: 9 });
  const answer = { channel: "c", start: at("e", 2), head: at("e", 9), recovered: true };
  world.receive("channel.subscribed", answer, 20, { replyTo: id });
  world.receive("t", {}, 20, { channel: "c", sequence: 3 });
  assert.deepEqual(world.take().slice(-2), ["c subscribed", "c t 3 replayed"]);
});

test("what is wanted more before the first answer is asked after it, and nothing of the first answer is dropped", () => {
  const world = recorded();
  world.session.want("c", { types: ["t"], history: 10 }, 0);
  world.ack(10);
  const id = world.sent.at(-1)?.id ?? "";
  world.session.want("c", { types: [], history: 10 }, 15);
  world.session.flush();
  world.take();
  world.receive("channel.subscribed", { channel: "c", start: at("e", 0), head: at("e", 2) }, 20, { replyTo: id });
  world.receive("t", {}, 20, { channel: "c", sequence: 1 });
  world.session.flush();
  assert.deepEqual(world.sent.at(-1)?.data, { channels: [{ name: "c", history: 10 }] });
  world.receive("t", {}, 30, { channel: "c", sequence: 3 });
  const start = at("e", 3);
  world.receive("channel.subscribed", { channel: "c", start, head: start }, 30, {
    replyTo: world.sent.at(-1)?.id ?? "",
  });
  world.receive("u", {}, 40, { channel: "c", sequence: 5 });
  assert.deepEqual(world.take(), [
    "c subscribed",
    "c t 1 replayed",
    "send channel.subscribe",
    "c t 3",
    "c subscribed",
    "c lost 4 to 4",
    "c u 5",
  ]);
});

test("events after a reset of a live channel are new", () => {
  const world = subscribed();
  world.receive("channel.reset", { channel: "c", start: at("f", 0), previous: at("e", 3) }, 30);
  world.receive("t", {}, 30, { channel: "c", sequence: 1 });
  assert.deepEqual(world.take(), ["c reset to f 0 from e 3", "c t 1"]);
});

test("Rialto's own frames that are not known are no events", () => {
  const world = subscribed();
  world.receive("channel.presence", { channel: "c" }, 30);
  world.receive("toString", {}, 30);
  assert.deepEqual(world.take(), []);
});

test("of a gap that is known in part the rest is told", () => {
  const world = subscribed();
  world.receive("channel.gap", { channel: "c", epoch: "e", first: 2, last: 5 }, 30);
  world.receive("channel.gap", { channel: "c", epoch: "e", first: 2, last: 5 }, 30);
  assert.deepEqual(world.take(), ["c lost 4 to 5"]);
});

/** Asks for one type of a live channel, and gets the answer that it begins here. */
function narrowed(start: Position, head: Position): Recorded {
  const world = subscribed();
  world.session.want("c", { types: ["t"] }, 30);
  world.session.flush();
  world.take();
  world.receive("channel.subscribed", { channel: "c", start, head }, 40, { replyTo: world.sent.at(-1)?.id ?? "" });
  return world;
}

test("a log that began anew before a live channel was asked for again is told", () => {
  const world = narrowed(at("f", 0), at("f", 2));
  assert.deepEqual(world.take(), ["c subscribed", "c reset to f 0 from e 3"]);
});

test("what is live stays live when the channel is asked for again", () => {
  const world = narrowed(at("e", 3), at("e", 9));
  world.receive("t", {}, 50, { channel: "c", sequence: 5 });
  world.receive("t", {}, 50, { channel: "c", sequence: 7 });
  assert.deepEqual(world.take(), ["c subscribed", "c t 5 replayed", "c t 7"]);
});
