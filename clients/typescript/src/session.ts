// One client's connection, pure: what happens comes in with the time, what to do goes out to a host.
//
// Promises: as long as somebody needs it, it is there or comes back, at the pace that the bridge and chance say. Knows no
// socket, no timer and no listener. The host calls `tick` at `deadline()` at the latest.

import { backoffMs } from "./backoff.js";
import { createChannels } from "./channels.js";
import { errorOf, needsNewToken } from "./codes.js";
import { RialtoError } from "./errors.js";
import type { ConnectionAck, ConnectionReconnect, ConnectionRefreshed, ServerFrame, WireError } from "./frames.js";
import { HEARTBEAT, PROTOCOL_VERSION } from "./frames.js";
import type { Host, Session, SessionSettings } from "./host.js";
import { createSends } from "./sends.js";
import type { Status } from "./told.js";

const CONNECT_TIMEOUT_MS = 10_000;
const STABLE_AFTER_MS = 5_000;
const PROBE_MS = 3_000;
const WAKE_JITTER_MS = 1_000;
const LONGEST_GOODBYE_MS = 5_000;
const FIRST_HEARTBEAT_MS = 30_000;
const PERMISSION_DENIED = 4003;
const RATE_LIMITED = 4004;
const NO_CREDENTIALS = 4501;
/** A new token is asked for so long before the old one ends, or a quarter of its time. */
const REFRESH_BEFORE_MS = 60_000;
/** The least time between two refreshes, whatever the last one brought. */
const REFRESH_AGAIN_MS = 5_000;

type Timer = "connect" | "retry" | "silence" | "probe" | "stable" | "leave" | "limited" | "resubscribe" | "refresh";

/** Makes a session that does nothing yet. */
export function createSession(host: Host, settings: SessionSettings): Session {
  const timers = new Map<Timer, number>();
  let status: Status = { state: "idle" };
  let attempt = 0;
  let refusedTokens = 0;
  let expired = false;
  let hasShownNone = false;
  let advisedMs: number | undefined;
  let heartbeatMs = FIRST_HEARTBEAT_MS;
  let heardAt = 0;
  let hidden = false;
  let offline = false;
  let held = false;
  let frames = 0;
  let refreshing: string | undefined;

  const nextId = (): string => `${settings.clientId}-${++frames}`;
  const isOpen = (): boolean => status.state === "connected";
  const say = (next: Status): void => {
    status = next;
    host.onStatus(next);
  };
  const send = (type: string, data: unknown): string => {
    const id = nextId();
    host.send({ type, id, data });
    return id;
  };
  const channels = createChannels(host, send);
  const sends = createSends(host, nextId);
  const isNeeded = (): boolean => channels.isNeeded() || sends.isNeeded();

  const connect = (now: number): void => {
    timers.clear();
    timers.set("connect", now + CONNECT_TIMEOUT_MS);
    advisedMs = undefined;
    hasShownNone = false;
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
    refreshing = undefined;
    channels.detach();
    sends.detach(error);
  };

  const rest = (): void => {
    detach();
    attempt = 0;
    say({ state: "idle" });
  };

  const end = (reason: RialtoError | undefined): void => {
    const error = reason ?? closed();
    detach(error);
    sends.end(error);
    say({ state: "closed", ...(reason && { reason }) });
    channels.end(error);
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

  const flush = (): void => {
    if (!isOpen() || timers.has("limited")) return;
    channels.flush();
    sends.flush();
  };

  /** A token that lasts so long was taken. The next is not asked for sooner: a cache may give the same one again. */
  const lasts = (expiresInMs: number, leastMs: number, now: number): void => {
    const refreshMs = expiresInMs - Math.min(REFRESH_BEFORE_MS, expiresInMs / 4);
    timers.set("refresh", now + Math.max(refreshMs, leastMs));
  };

  const acked = (ack: ConnectionAck, now: number): void => {
    timers.delete("connect");
    timers.set("stable", now + STABLE_AFTER_MS);
    heartbeatMs = ack.heartbeatMs || heartbeatMs;
    refusedTokens = 0;
    expired = false;
    if (ack.expiresInMs && settings.hasToken) lasts(ack.expiresInMs, 0, now);
    const { connectionId, sessionId, userId, fingerprint } = ack;
    channels.acked();
    say({ state: "connected", connectionId, sessionId, userId, fingerprint });
    flush();
  };

  const refused = (data: WireError, replyTo: string | undefined, now: number): void => {
    const error = errorOf(data);
    if (replyTo !== undefined && replyTo === refreshing) {
      // The old token holds on. When it ends the connection does, and the next one asks for a new token.
      refreshing = undefined;
      timers.set("refresh", now + Math.max(data.retryAfterMs || 0, REFRESH_AGAIN_MS));
      return host.onError(error);
    }
    // Of too many frames it matters not which one this was: all that follow wait.
    const isTooFast = data.code === RATE_LIMITED;
    const timer = isTooFast ? "limited" : "resubscribe";
    const isSend = sends.refused(replyTo, error);
    if (error.retryable && (!isSend || isTooFast)) {
      const again = now + (data.retryAfterMs || backoffMs(4, settings.random(), hidden));
      timers.set(timer, Math.max(timers.get(timer) ?? 0, again));
    }
    if (!isSend && channels.refused(error, data, replyTo, isTooFast)) host.onError(error);
  };

  const hear = (frame: ServerFrame, now: number): void => {
    const { type, replyTo } = frame;
    // Own frames are as `rialto/v1/socket.proto` says: the bridge's word for it.
    const data = (frame.data ?? {}) as never;
    switch (type) {
      case "connection.ack":
        return acked(data, now);
      case "connection.refreshed":
        refreshing = undefined;
        return lasts((data as ConnectionRefreshed).expiresInMs || 0, REFRESH_AGAIN_MS, now);
      case "connection.reconnect":
        advisedMs = (data as ConnectionReconnect).delayMs;
        // The bridge closes next. Should it not, we do.
        timers.set("silence", now + LONGEST_GOODBYE_MS);
        return;
      case "connection.error":
        advisedMs = (data as WireError).retryAfterMs || advisedMs;
        return host.onError(errorOf(data));
      case "error":
        return refused(data, replyTo, now);
      case HEARTBEAT:
        sends.answered(replyTo);
    }
    channels.hear(frame);
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
    refresh: () => host.refresh(),
    resubscribe: () => {
      channels.again();
      flush();
    },
  };

  /** Asks whether anybody is there, unless somebody has just spoken. */
  const probe = (now: number): void => {
    if (!isOpen() || timers.has("probe") || now - heardAt < PROBE_MS) return;
    timers.set("probe", now + PROBE_MS);
    send(HEARTBEAT, {});
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
      const there = channels.want(name, wanted);
      consider(now);
      return there;
    },
    leave(name, now) {
      channels.leave(name);
      consider(now);
    },
    dispatch(type, data, settle, now) {
      const id = nextId();
      if (status.state === "closed") settle(status.reason ?? closed());
      else sends.add(id, type, data, settle);
      consider(now);
      return id;
    },
    forget(id, now) {
      sends.forget(id);
      consider(now);
    },
    flush,
    opened(token, now) {
      if (status.state !== "connecting") return;
      heardAt = now;
      hasShownNone = !token;
      const { clientId, fingerprint } = settings;
      const resume = channels.resume();
      send("connection.init", {
        protocol: PROTOCOL_VERSION,
        clientId,
        fingerprint,
        resume,
        ...(token !== undefined && { token }),
      });
    },
    refreshed(token, now) {
      if (!isOpen()) return;
      if (token === undefined) timers.set("refresh", now + REFRESH_AGAIN_MS);
      else refreshing = send("connection.refresh", { token });
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
        // A token that did not even last until the connection was stable is no reason to hurry.
        const delayMs = attempt === 0 ? 0 : undefined;
        return settings.hasToken && refusedTokens === 1 ? retry(error, now, delayMs) : end(error);
      }
      if (status.state === "connecting") {
        // A new token may lead to another session than the one that is remembered.
        if (code === PERMISSION_DENIED && host.forgetSession()) return retry(error, now, 0);
        // The bridge has waited too long for the first frame, on a page that slept. Otherwise it wants what is not there.
        const wasLate = !hasShownNone || now >= (timers.get("connect") ?? now);
        if (code === NO_CREDENTIALS && wasLate) return retry(new RialtoError("unavailable", message), now);
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
    position: channels.position,
    status: () => status,
  };
}

function closed(): RialtoError {
  return new RialtoError("closed", "the client is closed");
}
