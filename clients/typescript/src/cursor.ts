// A subscriber's place in a channel's log.
//
// Promises: every event of a channel is handed on once and in order, or a gap or reset is told first.

import type { Position } from "./channel.js";
import type { ChannelGap, ChannelPosition, ChannelReset, ChannelSubscribed, ServerFrame } from "./frames.js";
import type { Host, Wanted } from "./host.js";

/** One channel's place, as far as this client knows it. */
export interface Cursor {
  /** Who is told: nobody where nothing is wanted. */
  wanted?: Wanted | undefined;
  /** The last event seen. */
  position?: Position | undefined;
  /** The newest event when it was subscribed: up to it events are replay. */
  head?: Position | undefined;
  /** Subscribed on this connection. */
  live?: boolean;
  /** The types that were asked for last on this connection. */
  types: readonly string[];
  /** Whether the bridge leaves events out: jumps are normal. */
  filtered?: boolean;
}

/** Moves a position on, never back. */
function advance(cursor: Cursor, to: Position): void {
  const { position } = cursor;
  if (!position || position.epoch !== to.epoch || position.sequence < to.sequence) cursor.position = to;
}

function tellGap(host: Host, channel: string, cursor: Cursor, epoch: string, first: number, last: number): void {
  advance(cursor, { epoch, sequence: last });
  if (cursor.wanted) host.onGap({ channel, epoch, first, last });
}

/** The bridge has subscribed it, and says where events begin. */
export function begin(host: Host, cursor: Cursor, data: ChannelSubscribed): void {
  const { position, live } = cursor;
  const { channel, start, head, recovered } = data;
  cursor.live = true;
  if (!live) cursor.head = head;
  if (cursor.wanted) host.onSubscribed(data);
  // What is lost is told by the frame that follows, and only that moves the position: should the connection break in
  // between, the next one tells it again.
  if (recovered !== false) {
    if (position && position.epoch !== start.epoch) host.onReset({ channel, start, previous: position });
    else if (position && !live && !cursor.filtered && start.sequence > position.sequence) {
      tellGap(host, channel, cursor, start.epoch, position.sequence + 1, start.sequence);
    }
    advance(cursor, start);
  }
  cursor.filtered = cursor.types.length > 0;
}

/** Events are lost: those that are not known to be, are told. */
export function skip(host: Host, cursor: Cursor, { channel, epoch, first, last }: ChannelGap): void {
  const { position } = cursor;
  const seen = position?.epoch === epoch ? position.sequence : 0;
  if (last > seen) tellGap(host, channel, cursor, epoch, Math.max(first, seen + 1), last);
}

/** The log began anew. */
export function restart(host: Host, cursor: Cursor, { channel, start, previous }: ChannelReset): void {
  cursor.position = start;
  if (cursor.wanted) host.onReset({ channel, start, ...(previous && { previous }) });
}

/** The position moved on without an event. */
export function move(host: Host, cursor: Cursor, { channel, position, conflated = 0 }: ChannelPosition): void {
  const before = cursor.position;
  if (before?.epoch !== position.epoch || before.sequence >= position.sequence) return;
  cursor.position = position;
  host.onPosition({ channel, position, conflated });
}

/** An event came. One that has come before is dropped; a jump that nobody has told is told. */
export function take(host: Host, channel: string, cursor: Cursor, frame: ServerFrame): void {
  const { sequence } = frame;
  const { position } = cursor;
  let replayed = false;
  if (sequence !== undefined && position) {
    const { epoch } = position;
    if (sequence <= position.sequence) return;
    if (sequence > position.sequence + 1 && !cursor.filtered) {
      tellGap(host, channel, cursor, epoch, position.sequence + 1, sequence - 1);
    }
    replayed = cursor.head?.epoch === epoch && sequence <= cursor.head.sequence;
    cursor.position = { epoch, sequence };
  }
  if (cursor.wanted) host.onEvent({ ...frame, channel }, replayed);
}
