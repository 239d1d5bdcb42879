// The client around a session: sockets, listeners, iterators, tokens.

import assert from "node:assert/strict";
import { test } from "node:test";

import { channel, templateChannel } from "../src/channel.js";
import type { Client, ConnectOptions } from "../src/client.js";
import { createClient } from "../src/client.js";
import type { RialtoError } from "../src/errors.js";
import type { WebSocketConstructor } from "../src/transport.js";

type Handler<Event> = ((event: Event) => void) | null;

/** A socket whose other end is the test. */
class Socket {
  onopen: Handler<unknown> = null;
  onmessage: Handler<{ data: unknown }> = null;
  onclose: Handler<{ code: number; reason: string }> = null;
  onerror: Handler<unknown> = null;
  readonly sent: { type: string; id: string; data: Record<string, unknown> }[] = [];
  readonly url: string;
  readonly protocols: string[];
  closed = false;

  constructor(url: string, protocols: string[]) {
    this.url = url;
    this.protocols = protocols;
  }

  send(data: string): void {
    this.sent.push(JSON.parse(data));
  }

  close(): void {
    this.closed = true;
  }

  receive(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** Opens, and acks what is said first. */
  async open(): Promise<void> {
    this.onopen?.({});
    await turn();
    const data = { connectionId: "c", sessionId: "given", userId: "", heartbeatMs: 30_000, fingerprint: "f" };
    this.receive({ type: "connection.ack", data });
    await turn();
  }

  /** Accepts every subscribe that has come. */
  accept(sequence = 0): void {
    for (const { type, id, data } of this.sent) {
      if (type !== "channel.subscribe") continue;
      for (const { name } of data.channels as { name: string }[]) {
        const at = { epoch: "e", sequence };
        this.receive({ type: "channel.subscribed", replyTo: id, data: { channel: name, start: at, head: at } });
      }
    }
  }

  event(name: string, type: string, sequence: number): void {
    this.receive({ type, channel: name, sequence, timestamp: "2026-11-20T10:30:45.123Z", id: "i", data: { sequence } });
  }
}

/** Lets what waits for its turn have it. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function start(options: ConnectOptions = {}): { client: Client; sockets: Socket[]; errors: RialtoError[] } {
  const sockets: Socket[] = [];
  const errors: RialtoError[] = [];
  const WebSocket = class extends Socket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      sockets.push(this);
    }
  } as unknown as WebSocketConstructor;
  const client = createClient({
    url: "http://bridge/ws",
    WebSocket,
    onError: (error) => errors.push(error),
    ...options,
  });
  return { client, sockets, errors };
}

const room = templateChannel<{ type: string; data: { sequence: number } }, string>("room", [], "said left");

test("what one turn subscribes to goes out in one frame, at the bridge's address", async () => {
  const { client, sockets } = start({ sessionId: "a b" });
  client.subscribe(room, () => {});
  client.subscribe(channel("x"), () => {});
  const [socket] = sockets as [Socket];
  await socket.open();
  assert.equal(socket.url, "ws://bridge/ws?session_id=a+b");
  assert.deepEqual(socket.protocols, ["rialto.v1.json"]);
  assert.deepEqual(
    socket.sent.map(({ type }) => type),
    ["connection.init", "channel.subscribe"],
  );
  assert.deepEqual(socket.sent[1]?.data, { channels: [{ name: "room" }, { name: "x" }] });
  client.close();
});

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

test("a client that is closed ends its loops with the reason", async () => {
  const { client, sockets } = start();
  const events = client.events(room);
  const next = events.next();
  const [socket] = sockets as [Socket];
  await socket.open();
  socket.onclose?.({ code: 4503, reason: "schema_refused" });
  await assert.rejects(next, { code: "schema_mismatch", retryable: false });
  assert.throws(() => client.subscribe(room, () => {}), { code: "schema_mismatch" });
  await assert.rejects(client.send("t", {}), { code: "schema_mismatch" });
});

test("the token goes into the first frame, and a failing callback is tried again", async () => {
  let calls = 0;
  const { client, sockets } = start({
    token: async ({ expired }) => {
      calls += 1;
      if (calls === 1) throw new Error("the token service is away");
      return `token ${calls} ${expired}`;
    },
  });
  const waiting = new Promise<void>((resolve) => {
    client.onStatus(({ state }) => state === "waiting" && resolve());
  });
  client.subscribe(room, () => {});
  await waiting;
  assert.ok(sockets[0]?.closed);
  client.suspend();
  client.resume();
  await sockets[1]?.open();
  assert.equal(sockets[1]?.sent[0]?.data.token, "token 2 false");
  client.close();
});

test("the session that the bridge has made is kept over reconnects", async () => {
  const { client, sockets } = start();
  client.subscribe(room, () => {});
  await sockets[0]?.open();
  client.suspend();
  client.resume();
  assert.equal(new URL(sockets[1]?.url ?? "").searchParams.get("session_id"), "given");
  client.close();
});

test("without a WebSocket the client says what to pass", () => {
  const platform = globalThis as { WebSocket?: unknown };
  const own = platform.WebSocket;
  delete platform.WebSocket;
  try {
    const client = createClient({ url: "ws://bridge/ws" });
    let reason: RialtoError | undefined;
    client.subscribe(room, () => {}, { onEnd: (error) => (reason = error) });
    assert.equal(client.status.state, "closed");
    assert.match(String(reason), /pass one as options\.WebSocket/);
  } finally {
    if (own !== undefined) platform.WebSocket = own;
  }
});

test("a send that is aborted is not sent", async () => {
  const { client, sockets } = start();
  const abort = new AbortController();
  const sending = client.send("t", {}, { signal: abort.signal });
  abort.abort(new Error("changed my mind"));
  await assert.rejects(sending, { message: "changed my mind" });
  await sockets[0]?.open();
  assert.deepEqual(
    sockets[0]?.sent.map(({ type }) => type),
    ["connection.init"],
  );
  client.close();
});

test("what is not JSON is reported and the connection lives on", async () => {
  const { client, sockets, errors } = start();
  client.subscribe(room, () => {});
  const [socket] = sockets as [Socket];
  await socket.open();
  socket.onmessage?.({ data: "{" });
  assert.deepEqual(
    errors.map(({ code }) => code),
    ["protocol"],
  );
  assert.equal(client.status.state, "connected");
  client.close();
});

/** A client whose room is live at position 3. */
async function live(options: ConnectOptions = {}) {
  const world = start(options);
  const subscription = world.client.subscribe(room, () => {});
  const [socket] = world.sockets as [Socket];
  await socket.open();
  socket.accept(3);
  await turn();
  return { ...world, socket, subscription };
}

test("of two sends in one turn the one that is no JSON rejects, and the other goes", async () => {
  const { client, socket } = await live();
  const bad = client.send("bad", { number: 1n });
  const good = client.send("good", {});
  await assert.rejects(bad, { code: "invalid_argument", retryable: false });
  assert.deepEqual(
    socket.sent.slice(2).map(({ type }) => type),
    ["good", "connection.heartbeat"],
  );
  socket.receive({ type: "connection.heartbeat", replyTo: socket.sent.at(-1)?.id });
  await good;
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
