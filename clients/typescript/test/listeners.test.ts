// Who listens to a client: callbacks and iterators, what each of them gets, and how they end.

import assert from "node:assert/strict";
import { test } from "node:test";

import { channel, templateChannel } from "../src/channel.js";
import { live, room, type Socket, start, turn } from "./socket.js";

test("many listeners are one subscription, and each gets what it wants", async () => {
  const { client, sockets } = start();
  const got: string[] = [];
  const all = client.subscribe(room, ({ type }) => got.push(`all ${type}`));
  client.subscribe(templateChannel("room", [], "said left", { types: ["left"] }), () => got.push("left"));
  const [socket] = sockets as [Socket];
  await socket.open();
  assert.deepEqual(socket.sent[1]?.data, { channels: [{ name: "room" }] });
  socket.accept();
  socket.event("room", "said", 1);
  socket.event("room", "left", 2);
  assert.deepEqual(got, ["all said", "all left", "left"]);
  all.close();
  await turn();
  assert.deepEqual(socket.sent[2]?.data, { channels: [{ name: "room", types: ["left"] }] });
  client.close();
});

test("a type that the schema does not have goes to onUnknown, never to a listener", async () => {
  const unknown: string[] = [];
  const { client, sockets } = start({ onUnknown: ({ type }) => unknown.push(type) });
  client.subscribe(room, ({ type }) => assert.equal(type, "said"));
  const [socket] = sockets as [Socket];
  await socket.open();
  socket.accept();
  socket.event("room", "new.type", 1);
  socket.event("room", "said", 2);
  assert.deepEqual(unknown, ["new.type"]);
  client.close();
});

test("a subscription's own onUnknown goes before the client's", async () => {
  const unknown: string[] = [];
  const { client, sockets } = start({ onUnknown: ({ type }) => unknown.push(`client ${type}`) });
  client.subscribe(room, () => {}, { onUnknown: ({ type }) => unknown.push(`own ${type}`) });
  const [socket] = sockets as [Socket];
  await socket.open();
  socket.accept();
  socket.event("room", "new.type", 1);
  assert.deepEqual(unknown, ["own new.type"]);
  client.close();
});

test("a listener that throws is reported and stops nobody else", async () => {
  const { client, sockets } = start();
  const got: string[] = [];
  client.subscribe(room, () => {
    throw new Error("a listener's own");
  });
  client.subscribe(room, ({ type }) => got.push(type));
  const [socket] = sockets as [Socket];
  await socket.open();
  socket.accept();
  // As the process would report it, before the test runner hears of it.
  const reported = new Promise<Error>((resolve) => process.setUncaughtExceptionCaptureCallback(resolve));
  socket.event("room", "said", 1);
  assert.equal((await reported).message, "a listener's own");
  process.setUncaughtExceptionCaptureCallback(null);
  assert.deepEqual(got, ["said"]);
  client.close();
});

test("an event has its envelope whole", async () => {
  const { client, sockets } = start();
  const got: unknown[] = [];
  client.subscribe(channel("x"), (event) => got.push(event));
  const [socket] = sockets as [Socket];
  await socket.open();
  socket.accept();
  socket.event("x", "t", 1);
  socket.receive({ type: "t", channel: "x", id: "i", timestamp: "t", metadata: { a: "b" }, replyTo: "r" });
  const envelope = { type: "t", channel: "x", id: "i" };
  assert.deepEqual(got, [
    {
      ...envelope,
      sequence: 1,
      timestamp: "2026-11-20T10:30:45.123Z",
      metadata: {},
      replayed: false,
      data: { sequence: 1 },
    },
    { ...envelope, timestamp: "t", metadata: { a: "b" }, replyTo: "r", replayed: false, data: {} },
  ]);
  client.close();
});

test("leaving a loop ends its subscription, and a signal ends a loop", async () => {
  const { client, sockets } = start();
  const abort = new AbortController();
  const events = client.events(room, { signal: abort.signal });
  const first = events.next();
  const [socket] = sockets as [Socket];
  await socket.open();
  socket.accept();
  socket.event("room", "said", 1);
  assert.equal((await first).value?.type, "said");
  const second = events.next();
  abort.abort();
  assert.equal((await second).done, true);
  await turn();
  assert.equal(socket.sent.at(-1)?.type, "channel.unsubscribe");
  for await (const _ of client.events(room, { signal: abort.signal })) assert.fail("it was aborted before");
  client.close();
});

test("the last position stays with a subscription that has ended", async () => {
  const { client, socket, subscription } = await live();
  const atEnd: unknown[] = [];
  const second = client.subscribe(room, () => {}, { onEnd: () => atEnd.push(second.position) });
  socket.event("room", "said", 4);
  subscription.close();
  socket.event("room", "said", 5);
  client.close();
  assert.deepEqual(
    [subscription.position, second.position],
    [
      { epoch: "e", sequence: 4 },
      { epoch: "e", sequence: 5 },
    ],
  );
  assert.deepEqual(atEnd, [{ epoch: "e", sequence: 5 }]);
});

test("the last position stays when the bridge ends the channel, for each of its subscriptions", async () => {
  const { client, socket, subscription } = await live();
  const ends: unknown[] = [];
  const end = (): unknown => ends.push(subscription.position, second.position);
  const second = client.subscribe(room, () => {}, { onEnd: end });
  socket.receive({ type: "channel.unsubscribed", data: { channel: "room", reason: "schema_changed" } });
  assert.deepEqual(ends, [
    { epoch: "e", sequence: 3 },
    { epoch: "e", sequence: 3 },
  ]);
  client.close();
});

test("who joins a live channel is told where it is, and not twice", async () => {
  const { client, socket } = await live();
  socket.event("room", "said", 4);
  const told: unknown[] = [];
  const second = client.subscribe(room, () => {}, { onSubscribed: (subscribed) => told.push(subscribed) });
  client.subscribe(room, () => {}, { onSubscribed: () => assert.fail("it was closed at once") }).close();
  assert.deepEqual(told, [], "not before the caller has the subscription");
  await turn();
  const here = { epoch: "e", sequence: 4 };
  assert.deepEqual(told, [{ channel: "room", start: here, head: here }]);
  second.close();
  client.close();
});

test("a listener that another one closes hears nothing more", async () => {
  const { client, socket } = await live();
  const heard: string[] = [];
  client.subscribe(room, () => victim.close(), { onGap: () => late.close() });
  const victim = client.subscribe(room, () => heard.push("an event"));
  const late = client.subscribe(room, () => {}, { onGap: () => heard.push("a gap") });
  socket.receive({ type: "channel.gap", data: { channel: "room", epoch: "e", first: 4, last: 5 } });
  socket.event("room", "said", 6);
  assert.deepEqual(heard, []);
  client.close();
});

test("an iterator ends though its onEnd throws", async () => {
  const { client } = await live();
  const events = client.events(room, {
    onEnd: () => {
      throw new Error("a listener's own");
    },
  });
  const next = events.next();
  const reported = new Promise<Error>((resolve) => process.setUncaughtExceptionCaptureCallback(resolve));
  client.close();
  await assert.rejects(next, { code: "closed" });
  await reported;
  process.setUncaughtExceptionCaptureCallback(null);
});
