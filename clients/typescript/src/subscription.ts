// Who listens to which channel: many listeners, one subscription of the bridge.

import type { AnyEvent, ChannelRef, Position } from "./channel.js";
import type { RialtoError } from "./errors.js";
import type { ServerFrame } from "./frames.js";
import type { Session } from "./host.js";
import type { Gap, Moved, Reset, Subscribed } from "./told.js";

/** What else a subscriber wants to know. */
export interface SubscribeOptions {
  /** Ends the subscription. */
  readonly signal?: AbortSignal;
  /** A position from earlier: delivery begins after it. Counts for the first subscription of a channel. */
  readonly after?: Position;
  /** How many of the newest events to begin with, at most what the channel's template says. */
  readonly history?: number;
  /** The bridge has accepted the subscription; again after every reconnect. */
  readonly onSubscribed?: (subscribed: Subscribed) => void;
  /** Events are lost. The next one delivered is later. */
  readonly onGap?: (gap: Gap) => void;
  /** The channel's log began anew: what was made from its events is void. */
  readonly onReset?: (reset: Reset) => void;
  /** The position moved on without an event; `conflated` events were superseded by newer ones of the same key. */
  readonly onPosition?: (moved: Moved) => void;
  /** An event of a type that the schema does not have in this channel. Default: the client's own `onUnknown`. */
  readonly onUnknown?: (event: AnyEvent) => void;
  /** The subscription has ended: with an error, unless it was closed. */
  readonly onEnd?: (error?: RialtoError) => void;
}

/** One listener's part in a channel. */
export interface Subscription {
  /** The channel's name. */
  readonly channel: string;
  /** The last position seen, to be passed as `after` another time. */
  readonly position: Position | undefined;
  /** Ends it. */
  close(): void;
}

interface Listener {
  readonly ref: ChannelRef<unknown>;
  readonly listener: (event: never) => void;
  readonly options: SubscribeOptions;
  readonly forget: () => void;
  /** Where it was when it ended. */
  last?: Position | undefined;
}

type Call = <Argument>(listener: ((argument: Argument) => void) | undefined, argument: Argument) => void;

/** The listeners of a client. */
export interface Subscriptions {
  add<E>(ref: ChannelRef<E>, listener: (event: E) => void, options?: SubscribeOptions): Subscription;
  onEvent(frame: ServerFrame & { readonly channel: string }, replayed: boolean): void;
  tell<Name extends "onSubscribed" | "onGap" | "onReset" | "onPosition">(
    channel: string,
    name: Name,
    what: Parameters<NonNullable<SubscribeOptions[Name]>>[0],
  ): void;
  /** Ends the subscriptions of a channel. Returns whether somebody was told. */
  end(channel: string, error: RialtoError, position: Position | undefined): boolean;
}

/** Makes the listeners of a client. */
export function createSubscriptions(
  session: Session,
  step: <Result>(action: () => Result) => Result,
  call: Call,
  onUnknown: ((event: AnyEvent) => void) | undefined,
): Subscriptions {
  const channels = new Map<string, Set<Listener>>();
  const isOpen = (entry: Listener): boolean => channels.get(entry.ref.name)?.has(entry) ?? false;
  /** Those that listen now, without those that one of them closes. */
  function* listenersOf(name: string): Generator<Listener> {
    for (const entry of [...(channels.get(name) ?? [])]) if (isOpen(entry)) yield entry;
  }

  /** Tells the session what all listeners of a channel want together. */
  const update = (name: string): Subscribed | undefined => {
    const listeners = [...listenersOf(name)];
    const [first] = listeners;
    if (!first) {
      channels.delete(name);
      session.leave(name, Date.now());
      return undefined;
    }
    const all = listeners.some(({ ref }) => ref.types.length === 0);
    const types = all ? [] : [...new Set(listeners.flatMap(({ ref }) => ref.types))];
    return session.want(name, { ...first.options, types }, Date.now());
  };

  return {
    add(ref, listener, options = {}) {
      const { name } = ref;
      const { signal } = options;
      const close = (): void => {
        if (!isOpen(entry)) return;
        entry.last = session.position(name);
        channels.get(name)?.delete(entry);
        entry.forget();
        step(() => update(name));
        call(options.onEnd, undefined);
      };
      const entry: Listener = { ref, listener, options, forget: () => signal?.removeEventListener("abort", close) };
      session.assertOpen();
      if (signal?.aborted) call(options.onEnd, undefined);
      else {
        channels.set(name, (channels.get(name) ?? new Set()).add(entry));
        const there = step(() => update(name));
        signal?.addEventListener("abort", close, { once: true });
        // As it is when the bridge is asked: later than the caller has the subscription, earlier than the next event.
        if (there) queueMicrotask(() => isOpen(entry) && call(options.onSubscribed, there));
      }
      return {
        channel: name,
        get position() {
          return isOpen(entry) ? session.position(name) : entry.last;
        },
        close,
      };
    },
    onEvent(frame, replayed) {
      const { data = {}, metadata = {} } = frame;
      const event = { ...frame, data, metadata, replayed } as AnyEvent;
      for (const { ref, listener, options } of listenersOf(frame.channel)) {
        if (!ref.knows(event.type)) call(options.onUnknown ?? onUnknown, event);
        else if (ref.types.length === 0 || ref.types.includes(event.type)) call(listener, event as never);
      }
    },
    tell(channel, name, what) {
      for (const { options } of listenersOf(channel)) call(options[name] as (what: never) => void, what as never);
    },
    end(channel, error, position) {
      const listeners = [...listenersOf(channel)];
      channels.delete(channel);
      for (const entry of listeners) entry.last = position;
      for (const { options, forget } of listeners) {
        forget();
        call(options.onEnd, error);
      }
      return listeners.some(({ options }) => options.onEnd);
    },
  };
}
