// Channels and events as types, and the names of channels.

import type { JsonObject, TimestampString } from "./data.js";
import { RialtoError } from "./errors.js";

declare const carried: unique symbol;

/** A place in a channel's log. Positions of different epochs cannot be compared. */
export interface Position {
  /** The life of the log. */
  readonly epoch: string;
  /** The newest event seen. 0: before the first. */
  readonly sequence: number;
}

/** What every event carries besides its data. */
export interface Envelope {
  /** The channel that it came in. */
  readonly channel: string;
  /** When the bridge accepted it. */
  readonly timestamp: TimestampString;
  /** Its id, a UUIDv7: the same in every channel. */
  readonly id: string;
  /** What its publisher sent along. */
  readonly metadata: { readonly [key: string]: string };
  /** The id of the client event that it answers. */
  readonly replyTo?: string;
  /** Whether it is from before the subscribe. */
  readonly replayed: boolean;
}

/** An event: its type, its data, its envelope. */
export interface Event<Type extends string, Data> extends Envelope {
  /** Its type, `file.uploaded`. */
  readonly type: Type;
  /** What it says. */
  readonly data: Data;
  /** Its number in the channel. */
  readonly sequence: number;
}

/** An event that is delivered now or never: it has no number, is never replayed, and its loss is not told. */
export interface EphemeralEvent<Type extends string, Data> extends Envelope {
  /** Its type, `cursor.moved`. */
  readonly type: Type;
  /** What it says. */
  readonly data: Data;
  /** It has none. */
  readonly sequence?: never;
}

/** An event of any type. */
export type AnyEvent = Event<string, JsonObject> | EphemeralEvent<string, JsonObject>;

/** Those events of a union that are of these types. */
export type Only<Union, Type> = Union extends { readonly type: Type } ? Union : never;

/** A channel by its name, and by the type of what it carries. Builders make them: `project({ projectId: "42" })`. */
export interface ChannelRef<E> {
  /** Its name, `project:42`. */
  readonly name: string;
  /** The event types to deliver. Empty: all. */
  readonly types: readonly string[];
  /** Whether the schema has this type in this channel. Other events go to `onUnknown`. */
  readonly knows: (type: string) => boolean;
  readonly [carried]?: E;
}

/** What a subscriber wants of a channel. */
export interface Selection<Type> {
  /** The event types to deliver. Left out: all. */
  readonly types?: readonly Type[];
}

/**
 * A parameter's value as it stands in a channel's name: what could be taken for structure is percent-encoded.
 */
export function escapeParameter(value: string | number | boolean | bigint): string {
  return String(value).replace(/[%:*{}\p{Cc}]/gu, (letter) =>
    // encodeURIComponent leaves `*` alone.
    letter === "*" ? "%2A" : encodeURIComponent(letter),
  );
}

/** A channel by its name, for those who have no type for what it carries. */
export function channel(name: string): ChannelRef<AnyEvent> {
  return { name, types: [], knows: () => true };
}

/** Makes a channel of a template. For generated code. */
export function templateChannel<E, Type extends string>(
  template: string,
  parameters: readonly (string | number | boolean | bigint)[],
  known: string,
  selection?: Selection<Type>,
): ChannelRef<E> {
  const values = parameters.map(escapeParameter);
  const name = template.replace(/\{(.+?)\}/g, (_, parameter: string) => {
    const value = values.shift();
    if (!value) throw new RialtoError("invalid_argument", `${parameter} of the channel ${template} is empty`);
    return value;
  });
  return { name, types: selection?.types ?? [], knows: (type) => ` ${known} `.includes(` ${type} `) };
}
