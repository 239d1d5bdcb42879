// What is asked of the bridge about channels, and its answers: subscribes, unsubscribes, refusals, and what it subscribes
// by itself.
//
// Promises: whatever is wanted is subscribed in the end, or ended with the bridge's reason; what is not wanted any more is
// unsubscribed in the end.

import type { Position } from "./channel.js";
import { begin, type Cursor, move, restart, skip, take } from "./cursor.js";
import { RialtoError } from "./errors.js";
import type { ChannelSubscribed, ChannelUnsubscribed, ServerFrame, WireError, WireSubscription } from "./frames.js";
import { HEARTBEAT } from "./frames.js";
import type { Host, Wanted } from "./host.js";
import type { Subscribed } from "./told.js";

interface Channel extends Cursor {
  /** Whether the bridge subscribes it by itself. */
  auto?: boolean;
  /** The subscribe that is not answered yet. Another one waits for its answer, which says where events begin. */
  asked?: string | undefined;
  /** Its place in that frame: a name that is too long comes back shortened. */
  place?: number;
  /** To be subscribed at the next flush. */
  dirty?: boolean;
  /** Refused for now: not at the next flush, but when `again` is called. */
  refused?: boolean;
}

/** The channels of a session. */
export interface Channels {
  /** Whether somebody wants one. */
  isNeeded(): boolean;
  want(name: string, wanted: Wanted): Subscribed | undefined;
  leave(name: string): void;
  /** Sends what is to be asked. */
  flush(): void;
  /** What is subscribed by the bridge itself, and where to go on. */
  resume(): WireSubscription[];
  /** The bridge has accepted the connection. */
  acked(): void;
  /** A frame came that may concern a channel. */
  hear(frame: ServerFrame): void;
  /** A frame was refused. Returns whether nobody in particular is to be told of it. */
  refused(error: RialtoError, data: WireError, replyTo: string | undefined, isTooFast: boolean): boolean;
  /** Asks anew for what was refused for now. */
  again(): void;
  /** Nothing of the old connection holds any more. */
  detach(): void;
  /** Ends all of them. */
  end(error: RialtoError): void;
  position(name: string): Position | undefined;
}

/** Makes the channels of a session. `send` sends a frame and returns its id. */
export function createChannels(host: Host, send: (type: string, data: unknown) => string): Channels {
  const channels = new Map<string, Channel>();
  /** To be unsubscribed at the next flush. */
  const leaving = new Set<string>();
  /** The unsubscribes that are not answered yet. */
  const left = new Map<string, readonly string[]>();
  /** Whether the bridge is still to say which channels it has subscribed by itself. */
  let unsure = false;
  /** The frame whose answer comes after that. */
  let confirming: string | undefined;

  const isAsked = ({ live, asked }: Channel): boolean => live === true || asked !== undefined;

  const obtain = (name: string): Channel => {
    const channel = channels.get(name) ?? { types: [] };
    channels.set(name, channel);
    return channel;
  };

  const end = (name: string, channel: Channel, error: RialtoError): void => {
    channels.delete(name);
    if (channel.wanted) host.onEnded(name, error, channel.position);
  };

  /** What to ask of the bridge for a channel. Notes that it is asked. */
  const subscription = ([name, channel]: [string, Channel]): WireSubscription => {
    const { types = [], history } = channel.wanted ?? {};
    channel.types = types;
    channel.dirty = false;
    return {
      name,
      ...(types.length > 0 && { types }),
      // A live subscription goes on where it is: only the bridge knows how far it has come.
      ...(channel.position && !channel.live ? { after: channel.position } : history !== undefined && { history }),
    };
  };

  const subscribed = (data: ChannelSubscribed, replyTo: string | undefined): void => {
    const channel = replyTo === undefined ? obtain(data.channel) : channels.get(data.channel);
    if (!channel) return;
    if (replyTo === undefined) {
      channel.auto = true;
      // Our own subscribe, which says where to go on, is still on its way.
      if (channel.asked !== undefined && channel.position) return;
    } else if (channel.asked !== replyTo) return;
    else channel.asked = undefined;
    begin(host, channel, data);
  };

  const unsubscribed = ({ channel: name, reason }: ChannelUnsubscribed, replyTo = ""): void => {
    left.delete(replyTo);
    const channel = channels.get(name);
    if (reason === "requested" || !channel) return;
    const code = reason === "permission_lost" ? "permission_denied" : "failed_precondition";
    end(name, channel, new RialtoError(code, `the bridge has ended ${name}: ${reason}`, { channel: name, reason }));
  };

  /** What the bridge has not subscribed until now it does not subscribe by itself, whatever it did before. */
  const confirmed = (): void => {
    unsure = false;
    for (const [name, channel] of channels) {
      if (!channel.auto || isAsked(channel)) continue;
      channel.auto = false;
      channel.dirty = true;
      if (!channel.wanted) channels.delete(name);
    }
  };

  return {
    isNeeded: () => [...channels.values()].some(({ wanted }) => wanted),
    want(name, wanted) {
      const channel = obtain(name);
      channel.wanted = wanted;
      channel.position ??= wanted.after;
      // What the bridge subscribes by itself needs no asking, unless it is to be filtered.
      if (!sameTypes(channel.types, wanted.types) || !isAsked(channel)) channel.dirty = true;
      const { live, asked, position, head } = channel;
      if (!live || asked !== undefined || channel.dirty || !position || !head) return undefined;
      const isPast = head.epoch !== position.epoch || head.sequence < position.sequence;
      return { channel: name, start: position, head: isPast ? position : head };
    },
    leave(name) {
      const channel = channels.get(name);
      if (!channel) return;
      channel.wanted = undefined;
      channel.dirty = false;
      if (channel.auto) return;
      channels.delete(name);
      if (isAsked(channel)) leaving.add(name);
    },
    flush() {
      if (leaving.size > 0) {
        const names = [...leaving];
        leaving.clear();
        left.set(send("channel.unsubscribe", { channels: names }), names);
      }
      const due = [...channels].filter(([, { dirty, refused, asked }]) => dirty && !refused && asked === undefined);
      if (due.length > 0) {
        const id = send("channel.subscribe", { channels: due.map(subscription) });
        due.forEach(([, channel], place) => {
          channel.asked = id;
          channel.place = place;
        });
      }
      // Frames are worked off in order: its answer follows what the bridge subscribes by itself.
      if (unsure) confirming ??= send(HEARTBEAT, {});
    },
    resume: () => [...channels].filter(([, { auto, position }]) => auto && position).map(subscription),
    acked() {
      unsure = [...channels.values()].some(({ auto, wanted }) => auto && wanted);
    },
    hear(frame) {
      const { type, replyTo, channel: name = "" } = frame;
      // Own frames are as `rialto/v1/socket.proto` says: the bridge's word for it.
      const data = (frame.data ?? {}) as never;
      const about = type.startsWith("channel.") ? (data as { channel: string }).channel : name;
      if (type === HEARTBEAT) return confirming !== undefined && confirming === replyTo ? confirmed() : undefined;
      if (type === "channel.subscribed") return subscribed(data, replyTo);
      if (type === "channel.unsubscribed") return unsubscribed(data, replyTo);
      const channel = channels.get(about);
      if (!channel?.live) return;
      if (type === "channel.gap") skip(host, channel, data);
      else if (type === "channel.reset") restart(host, channel, data);
      else if (type === "channel.position") move(host, channel, data);
      else if (name) take(host, name, channel, frame);
    },
    refused(error, { channel: named, path = "" }, replyTo, isTooFast) {
      const names = left.get(replyTo ?? "");
      if (names) {
        left.delete(replyTo ?? "");
        // What is wanted again meanwhile stays; what is not there is as it should be.
        for (const name of error.retryable ? names : []) if (!channels.has(name)) leaving.add(name);
        return error.code !== "not_found";
      }
      if (replyTo !== undefined && replyTo === confirming) confirming = undefined;
      const place = /\[(\d+)]/.exec(path)?.[1];
      const isNamed = (name: string, channel: Channel): boolean =>
        replyTo !== undefined && place ? channel.place === Number(place) : name === named;
      // A frame that was refused as a whole names none of its channels.
      const concerned = [...channels].filter(
        ([name, channel]) =>
          channel.asked === replyTo && (named ? isNamed(name, channel) : channel.asked !== undefined),
      );
      for (const [name, channel] of concerned) {
        if (error.retryable) {
          // It stays as it is until then.
          channel.asked = undefined;
          channel.dirty = true;
          channel.refused = !isTooFast;
        } else end(name, channel, error);
      }
      return error.retryable || concerned.length === 0;
    },
    again() {
      for (const channel of channels.values()) channel.refused = false;
    },
    detach() {
      leaving.clear();
      left.clear();
      unsure = false;
      confirming = undefined;
      for (const [name, channel] of channels) {
        channel.live = false;
        channel.asked = undefined;
        channel.refused = false;
        channel.dirty = channel.wanted !== undefined;
        if (!channel.wanted && !channel.auto) channels.delete(name);
      }
    },
    end(error) {
      for (const [name, channel] of [...channels]) end(name, channel, error);
    },
    position: (name) => channels.get(name)?.position,
  };
}

function sameTypes(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((type) => right.includes(type));
}
