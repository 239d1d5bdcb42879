// The small parts: names, conversions, queues.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { escapeParameter, templateChannel } from "../src/channel.js";
import { errorOf } from "../src/codes.js";
import {
  fromBigInt,
  fromBytes,
  fromDate,
  fromMilliseconds,
  toBigInt,
  toBytes,
  toDate,
  toMilliseconds,
} from "../src/data.js";
import { isRialtoError, RialtoError } from "../src/errors.js";
import { pageLifecycle } from "../src/lifecycle.js";
import { createQueue } from "../src/queue.js";
import { addressOf } from "../src/transport.js";

test("parameters are escaped as the bridge escapes them", () => {
  // Shared with the bridge's own tests; from where this test is built to.
  const vectors = new URL("../../../../tests/vectors/escaping.json", import.meta.url);
  const { escaped } = JSON.parse(readFileSync(vectors, "utf8")) as { escaped: { value: string; escaped: string }[] };
  assert.ok(escaped.length > 10);
  for (const { value, escaped: expected } of escaped) assert.equal(escapeParameter(value), expected);
});

test("a channel's name is its template with what its parameters hold", () => {
  const name = (...values: (string | number | boolean)[]): string =>
    templateChannel("a:{one}:b:{two}", values, "").name;
  assert.equal(name("x:y", 7), "a:x%3Ay:b:7");
  assert.equal(name("$&", true), "a:$&:b:true");
  assert.throws(() => name("", 1), /one of the channel a:\{one\}:b:\{two\} is empty/);
});

test("a channel knows its event types by their whole names", () => {
  const { knows } = templateChannel("a", [], "x.y x.yz");
  assert.deepEqual(["x.y", "x.yz", "x", "y", "x.y x.yz", ""].map(knows), [true, true, false, false, true, false]);
});

test("protobuf's JSON forms are read and written", () => {
  assert.equal(fromDate(toDate("2026-11-20T10:30:45.123Z")), "2026-11-20T10:30:45.123Z");
  assert.equal(toMilliseconds("-1.500s"), -1500);
  for (const [ms, text] of [
    [1500, "1.5s"],
    [0, "0s"],
    [-20, "-0.02s"],
    [100_000, "100s"],
  ] as const) {
    assert.equal(fromMilliseconds(ms), text);
  }
  assert.equal(fromBigInt(toBigInt("-9223372036854775808")), "-9223372036854775808");
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  assert.deepEqual(toBytes(fromBytes(bytes)), bytes);
  assert.deepEqual(toBytes("-_8="), toBytes("+/8="));
});

test("an error says its code and whether to try again", () => {
  const error = new RialtoError("unavailable", "no");
  assert.ok(isRialtoError(error) && isRialtoError(error, "unavailable") && !isRialtoError(error, "closed"));
  assert.ok(!isRialtoError(new Error("no")));
  assert.ok(error.retryable && !new RialtoError("closed", "no").retryable);
});

test("a queue hands on in order, waits, and ends once", async () => {
  let ends = 0;
  const queue = createQueue<number>(8, "error", () => (ends += 1));
  queue.push(1);
  const [first, second] = [queue.next(), queue.next()];
  queue.push(2);
  assert.deepEqual(await Promise.all([first, second]), [
    { done: false, value: 1 },
    { done: false, value: 2 },
  ]);
  const third = queue.next();
  queue.end();
  queue.end();
  queue.push(3);
  assert.deepEqual(await third, { done: true, value: undefined });
  assert.equal(ends, 1);
});

test("a queue that is full does what it was told", async () => {
  const read = async (policy: "error" | "drop-oldest" | "drop-newest"): Promise<(number | string)[]> => {
    const queue = createQueue<number>(2, policy, () => {});
    for (const item of [1, 2, 3]) queue.push(item);
    if (policy !== "error") queue.end();
    const items: (number | string)[] = [];
    try {
      for await (const item of queue) items.push(item);
    } catch (error) {
      items.push(isRialtoError(error) ? error.code : "?");
    }
    return items;
  };
  assert.deepEqual(await read("drop-oldest"), [2, 3]);
  assert.deepEqual(await read("drop-newest"), [1, 2]);
  assert.deepEqual(await read("error"), [1, 2, "buffer_overflow"]);
});

test("an address of the web is one of its sockets, as safe as it was", () => {
  assert.equal(addressOf("http://bridge:8080/ws", undefined), "ws://bridge:8080/ws");
  assert.equal(addressOf(new URL("https://bridge/ws?a=b"), "t 1"), "wss://bridge/ws?a=b&session_id=t+1");
  assert.throws(() => addressOf("/ws", undefined), { code: "invalid_argument", message: /pass options\.url/ });
});

test("an error frame's error keeps what it says", () => {
  const error = errorOf({
    code: 4007,
    status: "UNAVAILABLE",
    reason: "handler_unavailable",
    message: "Later.",
    retryAfterMs: 300,
    path: "data.a",
    channel: "c",
  });
  assert.ok(isRialtoError(error, "unavailable") && error.retryable);
  const details = { number: 4007, reason: "handler_unavailable", retryAfterMs: 300, path: "data.a", channel: "c" };
  assert.deepEqual(error.details, details);
});

test("a close's error says by its code what it is and whether to come back", () => {
  const table: [code: number, name: string, retryable: boolean][] = [
    [1000, "unavailable", true],
    [1002, "protocol", false],
    [1003, "protocol", false],
    [1006, "unavailable", true],
    [1009, "resource_exhausted", false],
    [1011, "unavailable", true],
    [4001, "unauthenticated", false],
    [4002, "unauthenticated", false],
    [4003, "permission_denied", false],
    [4004, "unavailable", true],
    [4100, "unavailable", true],
    [4499, "unavailable", true],
    [4500, "protocol", false],
    [4501, "unauthenticated", false],
    [4502, "protocol", false],
    [4503, "schema_mismatch", false],
    [4504, "permission_denied", false],
    [4999, "protocol", false],
  ];
  for (const [code, name, retryable] of table) {
    const error = errorOf({ code, status: "", reason: "", message: "", retryAfterMs: 0 });
    assert.deepEqual([code, error.code, error.retryable], [code, name, retryable]);
  }
});

test("the page's own lifecycle tells what it goes through, until it is stopped", () => {
  const document = Object.assign(new EventTarget(), { hidden: false });
  const window = new EventTarget();
  const platform = globalThis as { document?: unknown; addEventListener?: unknown };
  const own = { document: platform.document, addEventListener: platform.addEventListener };
  Object.assign(platform, { document, addEventListener: window.addEventListener.bind(window) });
  try {
    const told: string[] = [];
    const stop = pageLifecycle((event) => told.push(event));
    for (const type of ["offline", "online", "pageshow"]) window.dispatchEvent(new Event(type));
    document.hidden = true;
    document.dispatchEvent(new Event("visibilitychange"));
    assert.deepEqual(told.splice(0), ["offline", "online", "visible", "hidden"]);
    stop();
    window.dispatchEvent(new Event("online"));
    document.dispatchEvent(new Event("visibilitychange"));
    assert.deepEqual(told, []);
  } finally {
    Object.assign(platform, own);
  }
});
