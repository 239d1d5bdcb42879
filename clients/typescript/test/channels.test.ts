// What a session asks of the bridge about channels, and what it makes of the answers.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ALL, at, type Recorded, recorded, subscribed, TOO_FAST } from "./harness.js";

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

/** What the last frame of a type asked for. */
function asked(world: Recorded, type: string): unknown {
  return (world.sent.filter((frame) => frame.type === type).at(-1)?.data as { channels?: unknown })?.channels;
}

test("an unsubscribe that came too fast is sent again when the bridge says so", () => {
  const world = subscribed();
  world.session.want("other", ALL, 90);
  world.session.leave("c", 100);
  world.session.flush();
  const { id } = world.sent.find(({ type }) => type === "channel.unsubscribe") ?? {};
  world.take();
  world.receive("error", TOO_FAST, 110, { replyTo: id ?? "" });
  world.session.flush();
  assert.deepEqual(world.take(), ["error: resource_exhausted"], "not before");
  world.session.tick(410);
  assert.deepEqual(world.take(), ["send channel.unsubscribe"]);
  assert.deepEqual(asked(world, "channel.unsubscribe"), ["c"]);
});

test("what is left while the bridge has asked to wait is unsubscribed after that", () => {
  const world = subscribed();
  world.session.want("other", ALL, 90);
  world.session.flush();
  world.receive("error", TOO_FAST, 110, { replyTo: world.sent.at(-1)?.id ?? "" });
  world.take();
  world.session.leave("c", 120);
  world.session.flush();
  assert.deepEqual(world.take(), []);
  world.session.tick(410);
  assert.deepEqual(world.take(), ["send channel.unsubscribe", "send channel.subscribe"]);
});

test("a channel that is wanted again is not left by an unsubscribe that came too fast", () => {
  const world = subscribed();
  world.session.leave("c", 100);
  world.session.want("c", ALL, 100);
  world.session.flush();
  const [unsubscribe, subscribe] = world.sent.slice(-2).map(({ id }) => id) as [string, string];
  world.receive("error", TOO_FAST, 110, { replyTo: unsubscribe });
  const start = at("e", 3);
  world.receive("channel.subscribed", { channel: "c", start, head: start }, 110, { replyTo: subscribe });
  world.take();
  world.session.tick(410);
  assert.deepEqual(world.take(), []);
});

test("nobody hears that what was left was not subscribed any more", () => {
  const world = subscribed();
  world.session.want("other", ALL, 90);
  world.session.leave("c", 100);
  world.session.flush();
  const { id } = world.sent.find(({ type }) => type === "channel.unsubscribe") ?? {};
  const error = { code: 4006, status: "NOT_FOUND", reason: "channel_not_found", message: "", retryAfterMs: 0 };
  world.take();
  world.receive("error", { ...error, channel: "c", path: "data.channels[0]" }, 110, { replyTo: id ?? "" });
  assert.deepEqual(world.take(), []);
});

test("a name that is too long comes back shortened, and ends the subscription that it is of", () => {
  const world = recorded();
  const shortened = "x".repeat(255);
  const long = `${shortened}yz`;
  for (const name of ["first", shortened, long]) world.session.want(name, ALL, 0);
  world.ack(10);
  const { id = "" } = world.sent.at(-1) ?? {};
  world.take();
  const error = { code: 4005, status: "INVALID_ARGUMENT", reason: "", message: "", retryAfterMs: 0 };
  world.receive("error", { ...error, channel: shortened, path: "data.channels[2].name" }, 20, { replyTo: id });
  assert.deepEqual(world.take(), [`${long} ended: invalid_argument`]);
});

/** A session that comes back with `auto`, which the bridge has subscribed by itself, and the frame that follows. */
function cameBack() {
  const world = recorded();
  world.session.want("auto", ALL, 0);
  world.ack(10);
  const { id = "" } = world.sent.at(-1) ?? {};
  const start = at("e", 3);
  world.receive("channel.subscribed", { channel: "auto", start, head: start }, 20);
  world.receive("channel.subscribed", { channel: "auto", start, head: start }, 20, { replyTo: id });
  world.session.lost(1006, "", 100);
  world.session.tick(world.session.deadline());
  world.take();
  world.ack(500);
  assert.deepEqual(world.take(), ["send connection.init", "connected", "send connection.heartbeat"]);
  return { world, start, confirming: world.sent.at(-1)?.id ?? "" };
}

test("what the bridge does not subscribe by itself any more is subscribed where it was", () => {
  const { world, start, confirming } = cameBack();
  world.receive("connection.heartbeat", {}, 510, { replyTo: confirming });
  world.session.flush();
  assert.deepEqual(world.take(), ["send channel.subscribe"]);
  assert.deepEqual(asked(world, "channel.subscribe"), [{ name: "auto", after: start }]);
  // And it is left as any other.
  world.session.leave("auto", 520);
  world.session.flush();
  assert.deepEqual(asked(world, "channel.unsubscribe"), ["auto"]);
});

test("what the bridge still subscribes by itself is asked for no second time", () => {
  const { world, start, confirming } = cameBack();
  world.receive("channel.subscribed", { channel: "auto", start, head: start, recovered: true }, 510);
  world.receive("connection.heartbeat", {}, 510, { replyTo: confirming });
  world.session.flush();
  assert.deepEqual(world.take(), ["auto subscribed"]);
});

test("the question what the bridge subscribes by itself is asked again where it came too fast", () => {
  const { world, confirming } = cameBack();
  world.receive("error", TOO_FAST, 510, { replyTo: confirming });
  world.take();
  world.session.tick(810);
  assert.deepEqual(world.take(), ["send connection.heartbeat"]);
  world.receive("connection.heartbeat", {}, 820, { replyTo: world.sent.at(-1)?.id ?? "" });
  world.session.flush();
  assert.deepEqual(world.take(), ["send channel.subscribe"]);
});

test("what was left when the connection broke is not left on the next one", () => {
  const world = subscribed();
  world.session.want("other", ALL, 90);
  world.session.leave("c", 100);
  world.session.lost(1006, "", 110);
  world.session.tick(world.session.deadline());
  world.take();
  world.ack(500);
  assert.deepEqual(world.take(), ["send connection.init", "connected", "send channel.subscribe"]);
});

test("what the bridge subscribes by itself stays when somebody leaves, and is at hand for the next", () => {
  const world = recorded();
  world.session.want("other", ALL, 0);
  world.ack(10);
  const start = at("e", 3);
  world.receive("channel.subscribed", { channel: "auto", start, head: start }, 20);
  world.session.want("auto", ALL, 20);
  world.session.leave("auto", 30);
  world.session.flush();
  assert.deepEqual(world.session.want("auto", ALL, 40), { channel: "auto", start, head: start });
  assert.equal(asked(world, "channel.unsubscribe"), undefined);
});

test("of several requests to wait the longest counts", () => {
  const world = subscribed();
  world.session.want("a", ALL, 100);
  world.session.flush();
  const id = world.sent.at(-1)?.id ?? "";
  world.receive("error", TOO_FAST, 110, { replyTo: id });
  world.receive("error", { ...TOO_FAST, retryAfterMs: 50 }, 120, { replyTo: "another" });
  world.take();
  world.session.tick(409);
  assert.deepEqual(world.take(), []);
  world.session.tick(410);
  assert.deepEqual(world.take(), ["send channel.subscribe"]);
});
