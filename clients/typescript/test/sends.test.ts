// What becomes of client events.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { RialtoError } from "../src/errors.js";
import { recorded, subscribed, TOO_FAST } from "./harness.js";

test("what was sent is known to be taken though the frame that asks for it came too fast", () => {
  const world = subscribed();
  const settled: string[] = [];
  world.session.dispatch("chat", {}, (error) => settled.push(error?.code ?? "taken"), 100);
  world.session.flush();
  world.receive("error", TOO_FAST, 110, { replyTo: world.sent.at(-1)?.id ?? "" });
  assert.deepEqual(settled, []);
  world.take();
  world.session.tick(410);
  assert.deepEqual(world.take(), ["send connection.heartbeat"]);
  world.receive("connection.heartbeat", {}, 420, { replyTo: world.sent.at(-1)?.id ?? "" });
  assert.deepEqual(settled, ["taken"]);
});

test("what is sent is taken when the answer behind it comes, or refused with a typed error", () => {
  const world = subscribed();
  const settled: string[] = [];
  const settle = (name: string) => (error?: RialtoError) => settled.push(`${name}: ${error ? error.code : "taken"}`);
  const first = world.session.dispatch("chat", { text: "1" }, settle("first"), 100);
  const second = world.session.dispatch("chat", { text: "2" }, settle("second"), 100);
  world.session.flush();
  assert.deepEqual(world.take(), ["send chat", "send chat", "send connection.heartbeat"]);
  const heartbeat = world.sent.at(-1)?.id ?? "";
  const error = { code: 4007, status: "UNAVAILABLE", reason: "handler_unavailable", message: "", retryAfterMs: 0 };
  world.receive("error", error, 110, { replyTo: first });
  assert.deepEqual(settled, ["first: unavailable"]);
  assert.notEqual(heartbeat, second);
  world.receive("connection.heartbeat", {}, 120, { replyTo: heartbeat });
  assert.deepEqual(settled, ["first: unavailable", "second: taken"]);
});

test("what was sent is taken though what followed it in its turn was refused or forgotten", () => {
  for (const refuses of [true, false]) {
    const world = subscribed();
    const settled: string[] = [];
    world.session.dispatch("chat", 1, (error) => settled.push(`first: ${error?.code ?? "taken"}`), 100);
    const last = world.session.dispatch("chat", 2, (error) => settled.push(`last: ${error?.code}`), 100);
    world.session.flush();
    const heartbeat = world.sent.at(-1)?.id ?? "";
    const error = { code: 4005, status: "INVALID_ARGUMENT", reason: "", message: "", retryAfterMs: 0 };
    if (refuses) world.receive("error", error, 110, { replyTo: last });
    else world.session.forget(last, 110);
    world.receive("connection.heartbeat", {}, 120, { replyTo: heartbeat });
    assert.deepEqual(settled, refuses ? ["last: invalid_argument", "first: taken"] : ["first: taken"]);
  }
});

test("what was sent when the link drops is refused, what was not yet sent waits", () => {
  const world = subscribed();
  const settled: string[] = [];
  world.session.dispatch("chat", 1, (error) => settled.push(`first: ${error?.code} ${error?.retryable}`), 100);
  world.session.flush();
  world.session.lost(1006, "", 110);
  world.session.dispatch("chat", 2, () => settled.push("second"), 120);
  world.session.tick(world.session.deadline());
  world.ack(500);
  world.session.flush();
  assert.deepEqual(settled, ["first: unavailable true"]);
  assert.deepEqual(
    world.sent.filter((frame) => frame.type === "chat").map((frame) => frame.data),
    [1, 2],
  );
});

test("what waits is bounded, and what is one too many may be tried again", () => {
  const world = recorded();
  const refused: string[] = [];
  const settle = (error?: RialtoError): unknown => refused.push(`${error?.code} ${error?.retryable}`);
  for (let count = 0; count < 257; count += 1) world.session.dispatch("chat", {}, settle, 0);
  assert.deepEqual(refused, ["resource_exhausted true"]);
});
