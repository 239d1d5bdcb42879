// WebSocket as far as the client uses it: a browser's, Node's, or a library's.

import { RialtoError } from "./errors.js";

/** An open or opening WebSocket. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

/** Opens WebSockets. */
export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/** The constructor to use: the one given, or the platform's own. */
export function webSocketOf(given: WebSocketConstructor | undefined): WebSocketConstructor {
  const own = given ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
  if (!own) {
    throw new RialtoError(
      "failed_precondition",
      "no global WebSocket: pass one as options.WebSocket, in Node 20 that of the package ws",
    );
  }
  return own;
}

/** The address to connect to. */
export function addressOf(given: string | URL | undefined, sessionId: string | undefined): string {
  const { location } = globalThis as { location?: { href: string } };
  let url: URL;
  try {
    url = new URL(given ?? "/ws", location?.href);
  } catch (cause) {
    const message = `${given} is no address: pass options.url, such as wss://example.com/ws`;
    throw new RialtoError("invalid_argument", message, {}, false, cause);
  }
  url.protocol = url.protocol.replace("http", "ws");
  if (sessionId) url.searchParams.set("session_id", sessionId);
  return url.href;
}
