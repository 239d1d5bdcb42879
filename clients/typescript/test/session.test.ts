// The rules of a session, one by one.

import assert from "node:assert/strict";
import { test } from "node:test";

import { backoffMs } from "../src/backoff.js";
import { mayReturn } from "../src/codes.js";
import type { RialtoError } from "../src/errors.js";
import { at, recorded } from "./harness.js";

const ALL = { types: [] };

/** A session that has one channel, `c`, subscribed at position 3 of epoch `e`. */
function subscribed() {
  const world = recorded();
  world.session.want("c", ALL, 0);
  world.ack(10);
  const id = world.sent[world.sent.length - 1]?.id ?? "";
  world.receive("channel.subscribed", { channel: "c", start: at("e", 3), head: at("e", 5) }, 20, { replyTo: id });
  world.take();
  return world;
}

test("connects when somebody needs it and leaves when nobody does", () => {
  const world = recorded();
  assert.equal(world.session.deadline(), Number.POSITIVE_INFINITY);
  world.session.want("c", ALL, 0);
  world.ack(10);
  world.session.leave("c", 20);
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

test("a refused channel ends with the bridge's reason and the others live on", () => {
  const world = recorded();
  world.session.want("no", ALL, 0);
  world.session.want("yes", ALL, 0);
  world.ack(10);
  const id = world.sent[world.sent.length - 1]?.id ?? "";
  const error = { code: 4006, status: "NOT_FOUND", reason: "channel_not_found", message: "", retryAfterMs: 0 };
  world.receive("error", { ...error, channel: "no" }, 20, { replyTo: id });
  world.receive("channel.subscribed", { channel: "yes", start: at("e", 0), head: at("e", 0) }, 20, { replyTo: id });
  assert.deepEqual(world.take().slice(-2), ["no ended: not_found", "yes subscribed"]);
});

test("a subscribe that came too fast is asked again when the bridge says so", () => {
  const world = recorded();
  world.session.want("c", ALL, 0);
  world.ack(10);
  const id = world.sent[world.sent.length - 1]?.id ?? "";
  const error = { code: 4004, status: "RESOURCE_EXHAUSTED", reason: "rate_limited", message: "", retryAfterMs: 300 };
  world.take();
  world.receive("error", { ...error, channel: "c" }, 20, { replyTo: id });
  world.session.flush();
  assert.deepEqual(world.take(), ["error: resource_exhausted"], "not before");
  assert.equal(world.session.deadline(), 320);
  world.session.tick(320);
  assert.deepEqual(world.take(), ["send channel.subscribe"]);
});

test("one channel that is refused for now keeps nobody else waiting", () => {
  const world = subscribed();
  world.session.want("later", ALL, 30);
  world.session.flush();
  const id = world.sent.at(-1)?.id ?? "";
  const error = { code: 4300, status: "UNAVAILABLE", reason: "", message: "", retryAfterMs: 300, channel: "later" };
  world.receive("error", error, 40, { replyTo: id });
  world.session.want("now", ALL, 50);
  world.session.flush();
  assert.deepEqual(world.sent.at(-1)?.data, { channels: [{ name: "now" }] });
  world.session.tick(340);
  assert.deepEqual(world.sent.at(-1)?.data, { channels: [{ name: "later" }] });
});

const TOO_FAST = { code: 4004, status: "RESOURCE_EXHAUSTED", reason: "rate_limited", message: "", retryAfterMs: 300 };

test("a frame that came too fast names no channel, and all of it is asked again when the bridge says so", () => {
  const world = recorded();
  world.session.want("a", ALL, 0);
  world.session.want("b", ALL, 0);
  world.ack(10);
  const id = world.sent.at(-1)?.id ?? "";
  world.take();
  world.receive("error", { ...TOO_FAST, channel: "" }, 20, { replyTo: id });
  world.session.want("c", ALL, 30);
  world.session.dispatch("chat", {}, () => {}, 30);
  world.session.flush();
  assert.deepEqual(world.take(), ["error: resource_exhausted"], "nothing more goes out before");
  world.session.tick(320);
  assert.deepEqual(world.sent.filter(({ type }) => type === "channel.subscribe").at(-1)?.data, {
    channels: [{ name: "a" }, { name: "b" }, { name: "c" }],
  });
  assert.deepEqual(world.take(), ["send channel.subscribe", "send chat", "send connection.heartbeat"]);
});

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

test("a frame that is refused for good ends all its channels, and no others", () => {
  const world = subscribed();
  world.session.want("a", ALL, 30);
  world.session.want("b", ALL, 30);
  world.session.flush();
  const error = { code: 4008, status: "RESOURCE_EXHAUSTED", reason: "limit_reached", message: "", retryAfterMs: 0 };
  world.take();
  world.receive("error", { ...error, channel: "" }, 40, { replyTo: world.sent.at(-1)?.id ?? "" });
  assert.deepEqual(world.take(), ["a ended: resource_exhausted", "b ended: resource_exhausted"]);
});

test("a channel that the bridge refuses by itself is ended", () => {
  const world = recorded();
  world.session.want("auto", { types: ["gone"] }, 0);
  world.ack(10);
  const id = world.sent.at(-1)?.id ?? "";
  const start = at("e", 3);
  world.receive("channel.subscribed", { channel: "auto", start, head: start }, 20);
  world.receive("channel.subscribed", { channel: "auto", start, head: start }, 20, { replyTo: id });
  world.session.lost(1006, "", 100);
  world.session.tick(world.session.deadline());
  world.ack(500);
  world.take();
  const error = { code: 4005, status: "INVALID_ARGUMENT", reason: "", message: "", retryAfterMs: 0, channel: "auto" };
  world.receive("error", error, 510);
  assert.deepEqual(world.take(), ["auto ended: invalid_argument"]);
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

test("a channel that the bridge subscribes by itself does not keep the filter of somebody who left", () => {
  const world = recorded();
  world.session.want("other", ALL, 0);
  world.ack(10);
  const start = at("e", 0);
  world.receive("channel.subscribed", { channel: "auto", start, head: start }, 20);
  const asks = (): unknown => {
    world.session.flush();
    const { id, data } = world.sent.at(-1) ?? {};
    world.receive("channel.subscribed", { channel: "auto", start, head: start }, 30, { replyTo: id ?? "" });
    return (data as { channels: unknown[] }).channels;
  };
  const place = world.session.want("auto", ALL, 20);
  assert.deepEqual(place, { channel: "auto", start, head: start }, "it is at hand without another word");
  world.session.leave("auto", 20);
  assert.equal(world.session.want("auto", { types: ["t"] }, 30), undefined);
  assert.deepEqual(asks(), [{ name: "auto", types: ["t"] }]);
  world.session.leave("auto", 40);
  assert.equal(world.session.want("auto", ALL, 50), undefined);
  assert.deepEqual(asks(), [{ name: "auto" }]);
});

test("events after a reset of a live channel are new", () => {
  const world = subscribed();
  world.receive("channel.reset", { channel: "c", start: at("f", 0), previous: at("e", 3) }, 30);
  world.receive("t", {}, 30, { channel: "c", sequence: 1 });
  assert.deepEqual(world.take(), ["c reset to f 0", "c t 1"]);
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

test("a channel that the bridge ends is ended with its reason", () => {
  for (const [reason, code] of [
    ["permission_lost", "permission_denied"],
    ["schema_changed", "failed_precondition"],
  ]) {
    const world = subscribed();
    world.receive("channel.unsubscribed", { channel: "c", reason }, 30);
    assert.deepEqual(world.take(), [`c ended: ${code}`]);
  }
});

test("Rialto's own frames that are not known are no events", () => {
  const world = subscribed();
  world.receive("channel.presence", { channel: "c" }, 30);
  world.receive("toString", {}, 30);
  assert.deepEqual(world.take(), []);
});
