// The client around a session: addresses, tokens, sessions, sends.

import assert from "node:assert/strict";
import { test } from "node:test";

import { channel } from "../src/channel.js";
import type { TokenRequest } from "../src/client.js";
import { createClient } from "../src/client.js";
import type { RialtoError } from "../src/errors.js";
import { live, room, type Socket, start, turn } from "./socket.js";

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
  client.suspend();
  client.resume();
  await turn();
  await sockets[0]?.open();
  assert.equal(sockets[0]?.sent[0]?.data.token, "token 2 false");
  client.close();
});

test("no socket is opened before its token is there, nor for one that is not needed any more", async () => {
  const given: ((token: string) => void)[] = [];
  const signals: AbortSignal[] = [];
  const token = ({ signal }: TokenRequest): Promise<string> => {
    signals.push(signal);
    return new Promise((resolve) => given.push(resolve));
  };
  const { client, sockets } = start({ token });
  client.subscribe(room, () => {});
  await turn();
  client.suspend();
  client.resume();
  given[0]?.("late");
  await turn();
  assert.deepEqual([sockets.length, signals[0]?.aborted, signals[1]?.aborted], [0, true, false]);
  given[1]?.("slow");
  await turn();
  assert.equal(sockets.length, 1);
  await sockets[0]?.open();
  assert.equal(sockets[0]?.sent[0]?.data.token, "slow");
  client.close();
});

test("a token may be a text, and a function is asked again before its token ends", async () => {
  const plain = start({ token: "secret" });
  plain.client.subscribe(room, () => {});
  await plain.sockets[0]?.open();
  assert.equal(plain.sockets[0]?.sent[0]?.data.token, "secret");
  plain.client.close();

  let calls = 0;
  let asked = (): void => {};
  const again = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const token = ({ expired }: TokenRequest): string => {
    calls += 1;
    if (calls === 2) asked();
    return `token ${calls} ${expired}`;
  };
  const { client, sockets } = start({ token });
  client.subscribe(room, () => {});
  await turn();
  const [socket] = sockets as [Socket];
  await socket.open({ expiresInMs: 20 });
  await again;
  await turn();
  const refresh = socket.sent.find(({ type }) => type === "connection.refresh");
  assert.equal(refresh?.data.token, "token 2 true");
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

test("a session that is refused at the opening is forgotten, also one that the page asked for at first", async () => {
  const { client, sockets } = start({ sessionId: "given" });
  client.subscribe(room, () => {});
  await sockets[0]?.open();
  client.suspend();
  client.resume();
  const again = new Promise<void>((resolve) => {
    client.onStatus(() => sockets.length === 2 && client.status.state === "waiting" && resolve());
  });
  sockets[1]?.onclose?.({ code: 4003, reason: "the token is for another session" });
  await again;
  const reconnected = new Promise<void>((resolve) => {
    client.onStatus(({ state }) => state === "connecting" && resolve());
  });
  await reconnected;
  await turn();
  assert.equal(sockets[2]?.url, "ws://bridge/ws");
  await sockets[2]?.open({ sessionId: "another" });
  assert.ok(client.status.state === "connected" && client.status.sessionId === "another");
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

test("a refusal that no listener takes is reported", async () => {
  const { client, sockets, errors } = start();
  client.subscribe(room, () => {});
  const [socket] = sockets as [Socket];
  await socket.open();
  const data = { code: 4006, status: "NOT_FOUND", reason: "channel_not_found", message: "", channel: "room" };
  socket.receive({ type: "error", replyTo: socket.sent.at(-1)?.id, data });
  assert.deepEqual(
    errors.map(({ code }) => code),
    ["not_found"],
  );
  client.close();
});

test("the page is listened to while there is a connection, and no longer", async () => {
  const told: ((event: "online" | "offline") => void)[] = [];
  let stopped = 0;
  const { client, sockets } = start({
    lifecycle: (listener) => {
      told.push(listener);
      return () => (stopped += 1);
    },
  });
  client.subscribe(room, () => {});
  await sockets[0]?.open();
  assert.deepEqual([told.length, stopped], [1, 0]);
  client.suspend();
  assert.deepEqual([told.length, stopped], [1, 1]);
  client.resume();
  told[1]?.("offline");
  await sockets[1]?.open();
  sockets[1]?.onclose?.({ code: 1006, reason: "" });
  assert.equal(client.status.state, "offline");
  client.close();
  assert.deepEqual([told.length, stopped], [2, 2]);
});

test("what a socket says that was given up concerns nobody", async () => {
  const { client, sockets } = start();
  const got: string[] = [];
  client.subscribe(room, ({ type }) => got.push(type));
  const [old] = sockets as [Socket];
  await old.open();
  old.accept();
  client.suspend();
  client.resume();
  old.event("room", "said", 1);
  old.onclose?.({ code: 4503, reason: "" });
  assert.equal(client.status.state, "connecting");
  assert.deepEqual(got, []);
  client.close();
});

test("a signal ends the client, before it began as well as later", async () => {
  assert.equal(start({ signal: AbortSignal.abort() }).client.status.state, "closed");
  const abort = new AbortController();
  const { client, sockets } = start({ signal: abort.signal });
  client.subscribe(room, () => {});
  await sockets[0]?.open();
  abort.abort();
  assert.equal(client.status.state, "closed");
});
