// The protocol of one client, pure: what happens comes in with the time, what to do goes out to a host.
//
// Promises: every event of a channel is handed on once and in order, or a gap or reset is told first. Owns the positions;
// knows no socket, no timer and no listener. The host calls `tick` at `deadline()` at the latest.

import { backoffMs } from "./backoff.js";
import type { Position } from "./channel.js";
import { errorOf, needsNewToken } from "./codes.js";
import { RialtoError } from "./errors.js";
import type {
  ChannelGap,
  ChannelPosition,
  ChannelReset,
  ChannelSubscribed,
  ChannelUnsubscribed,
  ConnectionAck,
  ConnectionReconnect,
  ServerFrame,
  WireError,
  WireSubscription,
} from "./frames.js";
import { PROTOCOL_VERSION } from "./frames.js";
import type { Host, Session, SessionSettings, Wanted } from "./host.js";
import type { Status } from "./told.js";

const CONNECT_TIMEOUT_MS = 10_000;
const STABLE_AFTER_MS = 5_000;
const PROBE_MS = 3_000;
const WAKE_JITTER_MS = 1_000;
const LONGEST_GOODBYE_MS = 5_000;
const FIRST_HEARTBEAT_MS = 30_000;
const RATE_LIMITED = 4004;
const MAX_WAITING_SENDS = 256;
const HEARTBEAT = "connection.heartbeat";

type Timer = "connect" | "retry" | "silence" | "probe" | "stable" | "leave" | "limited" | "resubscribe";

interface Channel {
  wanted: Wanted | undefined;
  /** Whether the bridge subscribes it by itself. */
  auto: boolean;
  /** The last event seen. */
  position: Position | undefined;
  /** The newest event when it was subscribed: up to it events are replay. */
  head: Position | undefined;
  /** Subscribed on this connection. */
  live: boolean;
  /** The types that were asked for last on this connection. */
  types: readonly string[];
  /** Whether the bridge leaves events out: jumps are normal. */
  filtered: boolean;
  /** The subscribe that is not answered yet. Another one waits for its answer, which says where events begin. */
  asked: string | undefined;
  /** To be subscribed at the next flush. */
  dirty: boolean;
  /** Refused for now: not at the next flush, but when the timer is ripe. */
  refused: boolean;
}

interface Send {
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
  /** Absent: a heartbeat of ours, whose answer says that what was sent before it is taken. */
  readonly settle?: (error?: RialtoError) => void;
}

/** Makes a session that does nothing yet. */
export function createSession(host: Host, settings: SessionSettings): Session {
  const channels = new Map<string, Channel>();
  const timers = new Map<Timer, number>();
  let waiting: Send[] = [];
  let sent: Send[] = [];
  let status: Status = { state: "idle" };
  let attempt = 0;
  let refusedTokens = 0;
  let expired = false;
  let advisedMs: number | undefined;
  let heartbeatMs = FIRST_HEARTBEAT_MS;
  let heardAt = 0;
  let hidden = false;
  let offline = false;
  let held = false;
  let frames = 0;

  const nextId = (): string => `${settings.clientId}-${++frames}`;
  const isOpen = (): boolean => status.state === "connected";
  const say = (next: Status): void => {
    status = next;
    host.onStatus(next);
  };
  const isNeeded = (): boolean => {
    for (const channel of channels.values()) if (channel.wanted) return true;
    return [...waiting, ...sent].some(({ settle }) => settle);
  };

  const connect = (now: number): void => {
    timers.clear();
    timers.set("connect", now + CONNECT_TIMEOUT_MS);
    advisedMs = undefined;
    say({ state: "connecting" });
    host.connect({ expired });
  };

  /** Connects where somebody needs it, and lets go where nobody does. */
  const consider = (now: number): void => {
    if (held || status.state === "closed") return;
    if (isNeeded()) {
      timers.delete("leave");
      if (status.state === "idle") connect(now);
    } else if (status.state !== "idle" && !timers.has("leave")) {
      timers.set("leave", now + settings.lingerMs);
    }
  };

  /** Nothing of the old connection holds any more. */
  const detach = (error: RialtoError = new RialtoError("unavailable", "the connection is gone")): void => {
    timers.clear();
    for (const [name, channel] of channels) {
      channel.live = false;
      channel.asked = undefined;
      channel.types = [];
      channel.refused = false;
      channel.dirty = channel.wanted !== undefined;
      if (!channel.wanted && !channel.auto) channels.delete(name);
    }
    for (const send of sent.splice(0)) send.settle?.(error);
  };

  const rest = (): void => {
    detach();
    attempt = 0;
    say({ state: "idle" });
  };

  const end = (reason: RialtoError | undefined): void => {
    const error = reason ?? closed();
    detach(error);
    for (const send of waiting.splice(0)) send.settle?.(error);
    say({ state: "closed", ...(reason && { reason }) });
    for (const [name, channel] of [...channels]) {
      channels.delete(name);
      if (channel.wanted) host.onEnded(name, error, channel.position);
    }
  };

  const retry = (reason: RialtoError, now: number, delayMs?: number): void => {
    detach(reason);
    if (!isNeeded()) return rest();
    const delay = delayMs ?? advisedMs ?? backoffMs(attempt, settings.random(), hidden || offline);
    attempt += 1;
    timers.set("retry", now + delay);
    say(offline ? { state: "offline" } : { state: "waiting", attempt, retryAt: now + delay, reason });
  };

  /** Gives up a socket that may be dead, without waiting for its end. */
  const drop = (message: string, now: number): void => {
    host.disconnect();
    retry(new RialtoError("unavailable", message), now);
  };

  /** What to ask of the bridge for a channel. Notes that it is asked. */
  const subscription = (name: string, channel: Channel): WireSubscription => {
    const { types = [], history } = channel.wanted ?? {};
    channel.types = types;
    return {
      name,
      ...(types.length > 0 && { types }),
      // A live subscription goes on where it is: only the bridge knows how far it has come.
      ...(channel.position && !channel.live ? { after: channel.position } : history !== undefined && { history }),
    };
  };

  const flush = (): void => {
    if (!isOpen() || timers.has("limited")) return;
    const asked: WireSubscription[] = [];
    const id = nextId();
    for (const [name, channel] of channels) {
      if (!channel.dirty || channel.refused || channel.asked !== undefined) continue;
      channel.dirty = false;
      asked.push(subscription(name, channel));
      channel.asked = id;
    }
    if (asked.length > 0) host.send({ type: "channel.subscribe", id, data: { channels: asked } });
    // Frames are worked off in order, so that a heartbeat's answer says that no refusal of what is before it follows.
    if (!(waiting.at(-1) ?? sent.at(-1))?.settle) return;
    waiting.push({ id: nextId(), type: HEARTBEAT, data: {} });
    for (const send of waiting.splice(0)) {
      const { type, id, data, settle } = send;
      try {
        host.send({ type, id, data });
        sent.push(send);
      } catch (cause) {
        settle?.(new RialtoError("invalid_argument", `the data of ${type} is not JSON`, {}, false, cause));
      }
    }
  };

  const acked = (ack: ConnectionAck, now: number): void => {
    timers.delete("connect");
    timers.set("stable", now + STABLE_AFTER_MS);
    heartbeatMs = ack.heartbeatMs || heartbeatMs;
    refusedTokens = 0;
    expired = false;
    const { connectionId, sessionId, userId, fingerprint } = ack;
    say({ state: "connected", connectionId, sessionId, userId, fingerprint });
    flush();
  };

  const subscribed = (data: ChannelSubscribed, replyTo: string | undefined): void => {
    let channel = channels.get(data.channel);
    if (replyTo === undefined) {
      if (!channel) {
        channel = newChannel();
        channels.set(data.channel, channel);
      }
      channel.auto = true;
      // Our own subscribe, which says where to go on, is still on its way.
      if (channel.asked !== undefined && channel.position) return;
    } else if (channel?.asked !== replyTo) return;
    if (!channel) return;
    if (replyTo !== undefined) channel.asked = undefined;
    const { position, live } = channel;
    const { start, head, recovered } = data;
    channel.live = true;
    if (!live) channel.head = head;
    if (channel.wanted) host.onSubscribed(data);
    // What is lost is told by the frame that follows, and only that moves the position: should the connection break in
    // between, the next one tells it again.
    if (recovered !== false) {
      if (position && position.epoch !== start.epoch)
        host.onReset({ channel: data.channel, start, previous: position });
      else if (position && !live && !channel.filtered && start.sequence > position.sequence) {
        tellGap(data.channel, channel, start.epoch, position.sequence + 1, start.sequence);
      }
      advance(channel, start);
    }
    channel.filtered = channel.types.length > 0;
  };

  /** Moves a position on, never back. */
  const advance = (channel: Channel, to: Position): void => {
    const { position } = channel;
    if (!position || position.epoch !== to.epoch || position.sequence < to.sequence) channel.position = to;
  };

  const tellGap = (name: string, channel: Channel, epoch: string, first: number, last: number): void => {
    advance(channel, { epoch, sequence: last });
    if (channel.wanted) host.onGap({ channel: name, epoch, first, last });
  };

  const gap = ({ channel: name, epoch, first, last }: ChannelGap): void => {
    const channel = channels.get(name);
    if (!channel?.live) return;
    const { position } = channel;
    const seen = position?.epoch === epoch ? position.sequence : 0;
    if (last > seen) tellGap(name, channel, epoch, Math.max(first, seen + 1), last);
  };

  const reset = ({ channel: name, start, previous }: ChannelReset): void => {
    const channel = channels.get(name);
    if (!channel?.live) return;
    channel.position = start;
    if (channel.wanted) host.onReset({ channel: name, start, ...(previous && { previous }) });
  };

  const event = (frame: ServerFrame): void => {
    const { channel: name, sequence } = frame;
    const channel = name === undefined ? undefined : channels.get(name);
    if (name === undefined || !channel?.live) return;
    const { position } = channel;
    let replayed = false;
    if (sequence !== undefined && position) {
      if (sequence <= position.sequence) return;
      if (sequence > position.sequence + 1 && !channel.filtered) {
        tellGap(name, channel, position.epoch, position.sequence + 1, sequence - 1);
      }
      replayed = channel.head?.epoch === position.epoch && sequence <= channel.head.sequence;
      channel.position = { epoch: position.epoch, sequence };
    }
    if (channel.wanted) host.onEvent({ ...frame, channel: name }, replayed);
  };

  const unsubscribed = ({ channel: name, reason }: ChannelUnsubscribed): void => {
    const channel = channels.get(name);
    if (reason === "requested" || !channel) return;
    channels.delete(name);
    const code = reason === "permission_lost" ? "permission_denied" : "failed_precondition";
    if (channel.wanted) {
      const error = new RialtoError(code, `the bridge has ended ${name}: ${reason}`, { channel: name, reason });
      host.onEnded(name, error, channel.position);
    }
  };

  const refused = (data: WireError, replyTo: string | undefined, now: number): void => {
    const error = errorOf(data);
    // Of too many frames it matters not which one this was: all that follow wait.
    const timer = data.code === RATE_LIMITED ? "limited" : "resubscribe";
    const index = sent.findIndex((send) => send.id === replyTo);
    if (error.retryable && (index < 0 || timer === "limited")) {
      const again = now + (data.retryAfterMs || backoffMs(4, settings.random(), hidden));
      timers.set(timer, Math.max(timers.get(timer) ?? 0, again));
    }
    if (index >= 0) return sent.splice(index, 1)[0]?.settle?.(error);
    // A frame that was refused as a whole names none of its channels.
    const concerned = [...channels].filter(
      ([name, { asked }]) => asked === replyTo && (data.channel ? data.channel === name : asked !== undefined),
    );
    for (const [name, channel] of concerned) {
      if (error.retryable) {
        // It stays as it is until then.
        channel.asked = undefined;
        channel.dirty = true;
        channel.refused = timer === "resubscribe";
      } else {
        channels.delete(name);
        host.onEnded(name, error, channel.position);
      }
    }
    if (error.retryable || concerned.length === 0) host.onError(error);
  };

  const hear = (frame: ServerFrame, now: number): void => {
    const { type, replyTo } = frame;
    // Own frames are as `rialto/v1/socket.proto` says: the bridge's word for it.
    const data = (frame.data ?? {}) as never;
    switch (type) {
      case "connection.ack":
        return acked(data, now);
      case HEARTBEAT:
        for (const send of sent.splice(0, sent.findIndex(({ id }) => id === replyTo) + 1)) send.settle?.();
        return;
      case "connection.reconnect":
        advisedMs = (data as ConnectionReconnect).delayMs;
        // The bridge closes next. Should it not, we do.
        timers.set("silence", now + LONGEST_GOODBYE_MS);
        return;
      case "connection.error":
        advisedMs = (data as WireError).retryAfterMs || advisedMs;
        return host.onError(errorOf(data));
      case "channel.subscribed":
        return subscribed(data, replyTo);
      case "channel.unsubscribed":
        return unsubscribed(data);
      case "channel.gap":
        return gap(data);
      case "channel.reset":
        return reset(data);
      case "channel.position": {
        const { channel: name, position, conflated = 0 } = data as ChannelPosition;
        const channel = channels.get(name);
        const before = channel?.position;
        if (channel?.live && before?.epoch === position.epoch && before.sequence < position.sequence) {
          channel.position = position;
          host.onPosition({ channel: name, position, conflated });
        }
        return;
      }
      case "error":
        return refused(data, replyTo, now);
      default:
        event(frame);
    }
  };

  const ripe: { readonly [timer in Timer]: (now: number) => void } = {
    connect: (now) => drop("no answer in time", now),
    retry: (now) => connect(now),
    silence: (now) => drop("nothing came for too long", now),
    probe: (now) => drop("no answer in time", now),
    stable: () => {
      attempt = 0;
    },
    leave: () => {
      host.disconnect();
      rest();
    },
    limited: () => flush(),
    resubscribe: () => {
      for (const channel of channels.values()) channel.refused = false;
      flush();
    },
  };

  /** Asks whether anybody is there, unless somebody has just spoken. */
  const probe = (now: number): void => {
    if (!isOpen() || timers.has("probe") || now - heardAt < PROBE_MS) return;
    timers.set("probe", now + PROBE_MS);
    host.send({ type: HEARTBEAT, id: nextId(), data: {} });
  };

  const wake = (now: number): void => {
    const retryAt = timers.get("retry");
    const soon = now + settings.random() * WAKE_JITTER_MS;
    if (retryAt === undefined) probe(now);
    else if (advisedMs === undefined && soon < retryAt) timers.set("retry", soon);
  };

  return {
    assertOpen() {
      if (status.state === "closed") throw status.reason ?? closed();
    },
    want(name, wanted, now) {
      const channel = channels.get(name) ?? newChannel();
      channels.set(name, channel);
      channel.wanted = wanted;
      channel.position ??= wanted.after;
      // What the bridge subscribes by itself needs no asking, unless it is to be filtered.
      const { live, asked, position, head } = channel;
      if (!sameTypes(channel.types, wanted.types) || !(live || asked !== undefined)) channel.dirty = true;
      consider(now);
      if (!live || asked !== undefined || channel.dirty || !position || !head) return undefined;
      const isPast = head.epoch !== position.epoch || head.sequence < position.sequence;
      return { channel: name, start: position, head: isPast ? position : head };
    },
    leave(name, now) {
      const channel = channels.get(name);
      if (!channel) return;
      channel.wanted = undefined;
      channel.dirty = false;
      if (!channel.auto) {
        channels.delete(name);
        if (isOpen() && (channel.live || channel.asked !== undefined)) {
          host.send({ type: "channel.unsubscribe", id: nextId(), data: { channels: [name] } });
        }
      }
      consider(now);
    },
    dispatch(type, data, settle, now) {
      const id = nextId();
      if (status.state === "closed") settle(status.reason ?? closed());
      else if (waiting.length >= MAX_WAITING_SENDS) {
        settle(new RialtoError("resource_exhausted", "too many events wait to be sent", {}, true));
      } else waiting.push({ id, type, data, settle });
      consider(now);
      return id;
    },
    forget(id, now) {
      waiting = waiting.filter((send) => send.id !== id);
      sent = sent.filter((send) => send.id !== id);
      consider(now);
    },
    flush,
    opened(token, now) {
      if (status.state !== "connecting") return;
      heardAt = now;
      const resume: WireSubscription[] = [];
      for (const [name, channel] of channels) {
        if (!channel.auto || !channel.position) continue;
        resume.push(subscription(name, channel));
        channel.dirty = false;
      }
      const { clientId, fingerprint } = settings;
      const data = { protocol: PROTOCOL_VERSION, clientId, fingerprint, resume, ...(token !== undefined && { token }) };
      host.send({ type: "connection.init", id: nextId(), data });
    },
    received(frame, now) {
      if (status.state !== "connecting" && !isOpen()) return;
      heardAt = now;
      timers.delete("probe");
      if (frame.type !== "connection.reconnect" && advisedMs === undefined) {
        timers.set("silence", now + 1.5 * heartbeatMs + 5_000);
      }
      hear(frame, now);
      consider(now);
    },
    lost(code, reason, now) {
      if (status.state !== "connecting" && !isOpen()) return;
      const message = reason || (code === 1006 ? "no connection" : `closed with ${code}`);
      const error = errorOf({ code, status: "", reason, message, retryAfterMs: 0 });
      if (needsNewToken(code)) {
        // A token that was expired may be renewed; one that is wrong twice will not become right.
        refusedTokens += 1;
        expired = true;
        return settings.hasToken && refusedTokens === 1 ? retry(error, now, 0) : end(error);
      }
      return error.retryable ? retry(error, now) : end(error);
    },
    failed(error, now) {
      if (status.state !== "connecting") return;
      host.disconnect();
      if (error.retryable) retry(error, now);
      else end(error);
    },
    network(online, now) {
      offline = !online;
      if (online) wake(now);
      else probe(now);
    },
    visibility(isHidden, now) {
      hidden = isHidden;
      if (!hidden) wake(now);
    },
    close(reason) {
      if (status.state === "closed") return;
      host.disconnect();
      end(reason);
    },
    hold(isHeld, now) {
      held = isHeld;
      if (held && status.state !== "idle" && status.state !== "closed") {
        host.disconnect();
        rest();
      }
      consider(now);
    },
    tick(now) {
      for (const [timer, at] of [...timers]) {
        if (at > now || timers.get(timer) !== at) continue;
        timers.delete(timer);
        ripe[timer](now);
      }
    },
    deadline: () => Math.min(...timers.values()),
    position: (name) => channels.get(name)?.position,
    status: () => status,
  };
}

function closed(): RialtoError {
  return new RialtoError("closed", "the client is closed");
}

function newChannel(): Channel {
  return {
    wanted: undefined,
    auto: false,
    position: undefined,
    head: undefined,
    live: false,
    types: [],
    filtered: false,
    asked: undefined,
    dirty: false,
    refused: false,
  };
}

function sameTypes(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((type) => right.includes(type));
}
