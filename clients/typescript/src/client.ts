// The client: sockets, timers and listeners around a session.

import type { AnyEvent, ChannelRef } from "./channel.js";
import type { Draft } from "./data.js";
import { isRialtoError, RialtoError } from "./errors.js";
import type { ServerFrame } from "./frames.js";
import { SUBPROTOCOL } from "./frames.js";
import type { Host } from "./host.js";
import type { Lifecycle } from "./lifecycle.js";
import { pageLifecycle } from "./lifecycle.js";
import type { OverflowPolicy, Queue } from "./queue.js";
import { createQueue } from "./queue.js";
import { createSession } from "./session.js";
import type { SubscribeOptions, Subscription } from "./subscription.js";
import { createSubscriptions } from "./subscription.js";
import type { Status } from "./told.js";
import type { WebSocketConstructor, WebSocketLike } from "./transport.js";
import { addressOf, webSocketOf } from "./transport.js";

const LINGER_MS = 5_000;
const ITERATOR_CAPACITY = 1_024;

/** What a client was generated from. */
export interface SchemaStamp {
  /** Names the revision of the schema. */
  readonly fingerprint: string;
  /** The generator and its version. */
  readonly generator: string;
  /** The version of the protocol. */
  readonly protocol: number;
}

/** What a token is asked for with. */
export interface TokenRequest {
  /** Aborts when the token is not needed any more. A connection waits 10 s for its token, and then tries again. */
  readonly signal: AbortSignal;
  /**
   * Whether a new token is needed, never one that was given before: the bridge has refused the last one, or its time is
   * over or soon will be. Otherwise one from a cache is good enough.
   */
  readonly expired: boolean;
}

/** How to connect. */
export interface ConnectOptions {
  /** The bridge's address. Default: `/ws` of the page's own origin. */
  readonly url?: string | URL;
  /**
   * Who the client is, for a bridge that asks. A function is called before each connection, and again before its token
   * ends; with `expired` it must bring a new one.
   */
  readonly token?: string | ((request: TokenRequest) => string | Promise<string>);
  /**
   * Binds the connection to a session, and keeps it over reconnects, until a token leads to another one. Default: the
   * bridge makes one.
   */
  readonly sessionId?: string;
  /** Opens sockets where the platform has no `WebSocket`, as Node 20. */
  readonly WebSocket?: WebSocketConstructor;
  /** How long a connection stays that nobody needs any more. Default: 5 s. */
  readonly lingerMs?: number;
  /** What the page goes through. Default: the browser's own events. */
  readonly lifecycle?: Lifecycle;
  /** Ends the client. */
  readonly signal?: AbortSignal;
  /** Gets events of types that the schema of this client does not have. */
  readonly onUnknown?: (event: AnyEvent) => void;
  /** Gets errors that concern no single subscription. Default: the console. */
  readonly onError?: (error: RialtoError) => void;
}

/** How an iterator reads. */
export interface IteratorOptions extends SubscribeOptions {
  /** How many events wait for the reader. Default: 1,024. */
  readonly capacity?: number;
  /** What happens to more than that. Default: the iterator ends with an error. */
  readonly overflow?: OverflowPolicy;
}

/** A connection to a bridge, opened when it is first needed. `Sends` maps the types of client events to their data. */
export interface Client<Sends = { readonly [type: string]: unknown }> {
  /** What the connection is doing. */
  readonly status: Status;
  /** Calls the listener now and at every change, until the returned function is called. */
  onStatus(listener: (status: Status) => void): () => void;
  /** Calls the listener with every event of the channel, until the subscription is closed. */
  subscribe<E>(channel: ChannelRef<E>, listener: (event: E) => void, options?: SubscribeOptions): Subscription;
  /** The events of the channel, as they come. Leaving the loop ends the subscription. */
  events<E>(channel: ChannelRef<E>, options?: IteratorOptions): AsyncIterableIterator<E>;
  /** Sends a client event. Resolves when the bridge has taken it, rejects with a {@link RialtoError}. */
  send<Type extends keyof Sends & string>(
    type: Type,
    data: Draft<Sends[Type]>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<void>;
  /** Lets the connection go, and keeps the subscriptions and their positions until {@link Client.resume}. */
  suspend(): void;
  /** Comes back after {@link Client.suspend}. */
  resume(): void;
  /** Ends the connection and every subscription for good. */
  close(): void;
}

/** Makes a client. Nothing is opened before it is needed. */
export function createClient<Sends>(options: ConnectOptions = {}, schema?: SchemaStamp): Client<Sends> {
  const now = Date.now;
  const statusListeners = new Set<(status: Status) => void>();
  let socket: WebSocketLike | undefined;
  let attempt: AbortController | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let sessionId = options.sessionId;
  let hadSession = false;
  let flushing = false;
  let stopLifecycle: (() => void) | undefined;

  /** A listener that throws is reported, and stops nobody else. */
  const call = <Argument>(listener: ((argument: Argument) => void) | undefined, argument: Argument): void => {
    try {
      listener?.(argument);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };
  const report = (error: RialtoError): void => call(options.onError ?? ((error) => console.error(error)), error);

  const tokenOf = async (signal: AbortSignal, expired: boolean): Promise<string | undefined> =>
    typeof options.token === "function" ? options.token({ signal, expired }) : options.token;

  const release = (): void => {
    const old = socket;
    socket = undefined;
    attempt?.abort();
    attempt = undefined;
    if (!old) return;
    // What a socket says that was given up concerns nobody.
    old.onopen = old.onmessage = old.onclose = null;
    // Its `onerror` stays: an error without a listener is thrown by some libraries.
    old.close();
  };

  const open = async (expired: boolean): Promise<void> => {
    release();
    const own = new AbortController();
    attempt = own;
    try {
      // An open socket does not wait for it: the bridge gives the first frame 10 s. A text is there without any wait.
      const token = typeof options.token === "function" ? await tokenOf(own.signal, expired) : options.token;
      if (attempt !== own) return;
      const opened = new (webSocketOf(options.WebSocket))(addressOf(options.url, sessionId), [SUBPROTOCOL]);
      socket = opened;
      opened.onopen = () => step(() => session.opened(token, now()));
      // A close follows, and says more.
      opened.onerror = () => {};
      opened.onmessage = ({ data }: { data: unknown }) => step(() => receive(data));
      opened.onclose = ({ code, reason }: { code: number; reason: string }) => {
        release();
        step(() => session.lost(code, reason, now()));
      };
    } catch (cause) {
      if (attempt !== own) return;
      // What is not ours comes from the token callback.
      const error = isRialtoError(cause) ? cause : noToken(cause);
      step(() => session.failed(error, now()));
    }
  };

  /** Brings a new token to the connection that is open. */
  const refresh = async (): Promise<void> => {
    const own = attempt;
    if (!own) return;
    let token: string | undefined;
    try {
      token = await tokenOf(own.signal, true);
    } catch (cause) {
      if (attempt === own) report(noToken(cause));
    }
    if (attempt === own) step(() => session.refreshed(token, now()));
  };

  const receive = (data: unknown): void => {
    let frame: ServerFrame;
    try {
      frame = JSON.parse(String(data)) as ServerFrame;
    } catch (cause) {
      return report(new RialtoError("protocol", "the bridge sent what is not JSON", {}, false, cause));
    }
    session.received(frame, now());
  };

  const host: Host = {
    connect: ({ expired }) => void open(expired),
    refresh: () => void refresh(),
    forgetSession() {
      const had = hadSession;
      if (had) sessionId = undefined;
      hadSession = false;
      return had;
    },
    disconnect: release,
    send: (frame) => socket?.send(JSON.stringify(frame)),
    onStatus(status) {
      if (status.state === "connected") {
        sessionId = status.sessionId;
        hadSession = true;
      }
      if (status.state === "idle" || status.state === "closed") {
        stopLifecycle?.();
        stopLifecycle = undefined;
      }
      for (const listener of [...statusListeners]) call(listener, status);
    },
    onEvent: (frame, replayed) => subscriptions.onEvent(frame, replayed),
    onSubscribed: (subscribed) => subscriptions.tell(subscribed.channel, "onSubscribed", subscribed),
    onGap: (gap) => subscriptions.tell(gap.channel, "onGap", gap),
    onReset: (reset) => subscriptions.tell(reset.channel, "onReset", reset),
    onPosition: (moved) => subscriptions.tell(moved.channel, "onPosition", moved),
    onEnded: (channel, error, position) => {
      if (!subscriptions.end(channel, error, position) && error.code !== "closed") report(error);
    },
    onError: report,
  };

  const session = createSession(host, {
    clientId: Math.random().toString(36).slice(2),
    fingerprint: schema?.fingerprint ?? "",
    hasToken: typeof options.token === "function",
    lingerMs: options.lingerMs ?? LINGER_MS,
    random: Math.random,
  });
  const subscriptions = createSubscriptions(session, step, call, options.onUnknown);

  /** Does something with the session, and sees to what follows from it. */
  function step<Result>(action: () => Result): Result {
    const result = action();
    clearTimeout(timer);
    const deadline = session.deadline();
    if (Number.isFinite(deadline)) {
      timer = setTimeout(() => step(() => session.tick(now())), deadline - now());
    }
    const { state } = session.status();
    if (state !== "idle" && state !== "closed") {
      stopLifecycle ??= (options.lifecycle ?? pageLifecycle)((event) =>
        step(() => {
          if (event === "online" || event === "offline") session.network(event === "online", now());
          else session.visibility(event === "hidden", now());
        }),
      );
    }
    // What one turn of the page asks for goes out together.
    if (!flushing) {
      flushing = true;
      queueMicrotask(() => {
        flushing = false;
        session.flush();
      });
    }
    return result;
  }

  const client: Client<Sends> = {
    get status() {
      return session.status();
    },
    onStatus(listener) {
      statusListeners.add(listener);
      call(listener, session.status());
      return () => void statusListeners.delete(listener);
    },
    subscribe: (channel, listener, more) => subscriptions.add(channel, listener, more),
    events(channel, { capacity = ITERATOR_CAPACITY, overflow = "error", ...more } = {}) {
      let subscription: Subscription | undefined;
      const queue: Queue<never> = createQueue(capacity, overflow, () => subscription?.close());
      const onEnd = (error?: RialtoError): void => {
        queue.end(error);
        more.onEnd?.(error);
      };
      subscription = subscriptions.add(channel, (event) => queue.push(event as never), {
        ...more,
        onEnd,
      });
      return queue;
    },
    send: (type, data, { signal } = {}) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const abort = (): void => {
          step(() => session.forget(id, now()));
          reject(signal?.reason);
        };
        const settle = (error?: RialtoError): void => {
          signal?.removeEventListener("abort", abort);
          if (error) reject(error);
          else resolve();
        };
        const id = step(() => session.dispatch(type, data, settle, now()));
        signal?.addEventListener("abort", abort, { once: true });
      }),
    suspend: () => step(() => session.hold(true, now())),
    resume: () => step(() => session.hold(false, now())),
    close: () => step(() => session.close(undefined)),
  };
  options.signal?.addEventListener("abort", client.close, { once: true });
  if (options.signal?.aborted) client.close();
  return client;
}

function noToken(cause: unknown): RialtoError {
  return new RialtoError("unauthenticated", "there is no token", {}, true, cause);
}
