// The frames of the JSON subprotocol, as far as the client reads and writes them: `rialto/v1/socket.proto`.

import type { Position } from "./channel.js";
import type { JsonObject } from "./data.js";

/** The subprotocol that this client speaks. */
export const SUBPROTOCOL = "rialto.v1.json";
/** The version of the protocol that it speaks. */
export const PROTOCOL_VERSION = 1;
/** The frame that both sides answer. */
export const HEARTBEAT = "connection.heartbeat";

/** A channel that the client wants, and from where. */
export interface WireSubscription {
  readonly name: string;
  readonly types?: readonly string[];
  readonly after?: Position;
  readonly history?: number;
}

/** A frame to the bridge. */
export interface ClientFrame {
  readonly type: string;
  readonly id: string;
  readonly data: unknown;
}

/** The members of every frame from the bridge; `data` is what `type` says. */
export interface ServerFrame {
  readonly type: string;
  readonly id?: string;
  readonly replyTo?: string;
  readonly channel?: string;
  readonly sequence?: number;
  readonly timestamp?: string;
  readonly metadata?: { readonly [key: string]: string };
  readonly data?: JsonObject;
}

/** `data` of `connection.ack`, as far as it is used. */
export interface ConnectionAck {
  readonly connectionId: string;
  readonly sessionId: string;
  readonly userId: string;
  readonly heartbeatMs: number;
  readonly fingerprint: string;
}

/** `data` of `connection.reconnect`. */
export interface ConnectionReconnect {
  readonly reason: string;
  readonly delayMs: number;
}

/** `data` of `error` and `connection.error`. */
export interface WireError {
  readonly code: number;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly retryAfterMs: number;
  readonly path?: string;
  readonly channel?: string;
}

/** `data` of `channel.subscribed`, as far as it is used. */
export interface ChannelSubscribed {
  readonly channel: string;
  readonly start: Position;
  readonly head: Position;
  readonly recovered?: boolean;
}

/** `data` of `channel.unsubscribed`. */
export interface ChannelUnsubscribed {
  readonly channel: string;
  readonly reason: string;
}

/** `data` of `channel.gap`. */
export interface ChannelGap {
  readonly channel: string;
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
}

/** `data` of `channel.reset`. */
export interface ChannelReset {
  readonly channel: string;
  readonly start: Position;
  readonly previous?: Position;
}

/** `data` of `channel.position`. */
export interface ChannelPosition {
  readonly channel: string;
  readonly position: Position;
  readonly conflated: number;
}
