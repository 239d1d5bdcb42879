// A client whose bridge is the test: sockets that do and say what they are told.

import { afterEach } from "node:test";

import { templateChannel } from "../src/channel.js";
import type { Client, ConnectOptions } from "../src/client.js";
import { createClient } from "../src/client.js";
import type { RialtoError } from "../src/errors.js";
import type { WebSocketConstructor } from "../src/transport.js";

type Handler<Event> = ((event: Event) => void) | null;

/** A socket whose other end is the test. */
export class Socket {
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
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const clients: Client[] = [];
// A test that fails leaves its client open, which would try to come back for ever.
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

/** A client, its sockets, and what it reports. */
export function start(options: ConnectOptions = {}): { client: Client; sockets: Socket[]; errors: RialtoError[] } {
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
  clients.push(client);
  return { client, sockets, errors };
}

/** A channel with two types. */
export const room = templateChannel<{ type: string; data: { sequence: number } }, string>("room", [], "said left");

/** A client whose room is live at position 3. */
export async function live(options: ConnectOptions = {}) {
  const world = start(options);
  const subscription = world.client.subscribe(room, () => {});
  const [socket] = world.sockets as [Socket];
  await socket.open();
  socket.accept(3);
  await turn();
  return { ...world, socket, subscription };
}
