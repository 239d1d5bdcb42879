// The two sides of a session: what it is asked, and what it asks of the world.

import type { Position } from "./channel.js";
import type { RialtoError } from "./errors.js";
import type { ClientFrame, ServerFrame } from "./frames.js";
import type { Gap, Moved, Reset, Status, Subscribed } from "./told.js";

/** One client's protocol. */
export interface Session {
  /** Throws why it has ended for good, if it has. */
  assertOpen(): void;
  /** Wants a channel, or wants something else of it. Returns where it is, when there is nothing to ask the bridge. */
  want(name: string, wanted: Wanted, now: number): Subscribed | undefined;
  /** Wants a channel no longer. */
  leave(name: string, now: number): void;
  /** Sends a client event. `settle` is called once: without an error when the bridge has taken it. Returns its id. */
  dispatch(type: string, data: unknown, settle: (error?: RialtoError) => void, now: number): string;
  /** Forgets an event that was not sent yet, and its answer otherwise. */
  forget(id: string, now: number): void;
  /** Sends what has gathered, unless the bridge has asked to wait. */
  flush(): void;
  /** The socket is open and the token is there. */
  opened(token: string | undefined, now: number): void;
  /** There is a new token for the open connection, or none to be had for now. */
  refreshed(token: string | undefined, now: number): void;
  /** A message came. */
  received(frame: ServerFrame, now: number): void;
  /** The socket has closed, or could not be opened. */
  lost(code: number, reason: string, now: number): void;
  /** The attempt failed before there was a socket. */
  failed(error: RialtoError, now: number): void;
  /** The network or the page changed. */
  network(online: boolean, now: number): void;
  visibility(hidden: boolean, now: number): void;
  /** Ends for good, or, held, until `hold(false)`. */
  close(reason: RialtoError | undefined): void;
  hold(held: boolean, now: number): void;
  tick(now: number): void;
  /** When to call `tick`. Infinity: never. */
  deadline(): number;
  position(name: string): Position | undefined;
  status(): Status;
}

/** What the session asks of the world. */
export interface Host {
  /** Gets a token, then opens a socket; `opened`, `lost` or `failed` answers. */
  connect(token: { readonly expired: boolean }): void;
  /** Gets a new token for the open connection; `refreshed` answers. */
  refresh(): void;
  /** Forgets the session that an earlier connection had. Returns whether there was one. */
  forgetSession(): boolean;
  /** Gives up the socket at once, if there is one. */
  disconnect(): void;
  send(frame: ClientFrame): void;
  onStatus(status: Status): void;
  onEvent(frame: ServerFrame & { readonly channel: string }, replayed: boolean): void;
  onSubscribed(subscribed: Subscribed): void;
  onGap(gap: Gap): void;
  onReset(reset: Reset): void;
  onPosition(moved: Moved): void;
  /** A channel's subscription has ended for good; `position` is its last. */
  onEnded(channel: string, error: RialtoError, position: Position | undefined): void;
  /** Something went wrong that concerns nobody in particular. */
  onError(error: RialtoError): void;
}

/** What a session is told at its beginning. */
export interface SessionSettings {
  /** Unique to this client: the beginning of its frames' ids, and its name in logs. */
  readonly clientId: string;
  /** The fingerprint of the schema that the client was generated from. */
  readonly fingerprint: string;
  /** Whether a new token can be had. */
  readonly hasToken: boolean;
  /** How long a connection that nobody needs stays, in milliseconds. */
  readonly lingerMs: number;
  /** Chance, between 0 and 1. */
  readonly random: () => number;
}

/** What is wanted of a channel. */
export interface Wanted {
  /** Empty: all. */
  readonly types: readonly string[];
  readonly history?: number;
  /** Where to begin, where this channel has no position yet. */
  readonly after?: Position;
}
