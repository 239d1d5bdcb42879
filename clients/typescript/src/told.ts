// What a client tells its user about the connection and about channels.

import type { Position } from "./channel.js";
import type { RialtoError } from "./errors.js";

/** What the connection is doing. */
export type Status =
  | { readonly state: "idle" }
  | { readonly state: "connecting" }
  | {
      readonly state: "connected";
      /** The connection, as in the bridge's logs. */
      readonly connectionId: string;
      /** The session that it is bound to. */
      readonly sessionId: string;
      /** The user, where somebody is authenticated. Else empty. */
      readonly userId: string;
      /** The fingerprint of the bridge's schema. */
      readonly fingerprint: string;
    }
  | {
      readonly state: "waiting";
      /** The attempts that have failed in a row. */
      readonly attempt: number;
      /** When the next one begins, in milliseconds as `Date.now()` counts. */
      readonly retryAt: number;
      /** Why the last one ended. */
      readonly reason: RialtoError;
    }
  | { readonly state: "offline" }
  | { readonly state: "closed"; readonly reason?: RialtoError };

/** Events that are lost to this subscriber. */
export interface Gap {
  readonly channel: string;
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
}

/** A channel whose log began anew: what was known of it is void. */
export interface Reset {
  readonly channel: string;
  /** Where delivery begins now. */
  readonly start: Position;
  /** The position before. */
  readonly previous?: Position;
}

/** A position that moved on without an event: what lies between was filtered out, or superseded by newer values. */
export interface Moved {
  readonly channel: string;
  /** The position now. */
  readonly position: Position;
  /** The events that newer ones of the same key have superseded. */
  readonly conflated: number;
}

/** A subscription that the bridge has accepted. */
export interface Subscribed {
  readonly channel: string;
  /** Where delivery begins: after this event. */
  readonly start: Position;
  /** The newest event at that time. */
  readonly head: Position;
  /** Whether everything since the last position is there. Absent on a first subscribe. */
  readonly recovered?: boolean;
}
