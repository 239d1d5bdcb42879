// @rialto/client: what generated SDKs stand on.

export type {
  AnyEvent,
  ChannelRef,
  Envelope,
  EphemeralEvent,
  Event,
  Only,
  Position,
  Selection,
} from "./channel.js";
export { channel, escapeParameter, templateChannel } from "./channel.js";
export type { Client, ConnectOptions, IteratorOptions, SchemaStamp, TokenRequest } from "./client.js";
export { createClient } from "./client.js";
export type {
  AnyMessage,
  Base64String,
  Draft,
  DurationString,
  Int64String,
  JsonObject,
  JsonValue,
  TimestampString,
  UnknownEnum,
} from "./data.js";
export {
  fromBigInt,
  fromBytes,
  fromDate,
  fromMilliseconds,
  toBigInt,
  toBytes,
  toDate,
  toMilliseconds,
} from "./data.js";
export type { RialtoErrorCode, RialtoErrorDetails } from "./errors.js";
export { isRialtoError, RialtoError } from "./errors.js";
export type { Lifecycle, LifecycleEvent } from "./lifecycle.js";
export { pageLifecycle } from "./lifecycle.js";
export type { OverflowPolicy } from "./queue.js";
export type { SubscribeOptions, Subscription } from "./subscription.js";
export type { Gap, Moved, Reset, Status, Subscribed } from "./told.js";
export type { WebSocketConstructor, WebSocketLike } from "./transport.js";
