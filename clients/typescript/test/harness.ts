// A session whose world is written down, so that a test owns the clock, the chance and the bridge.

import type { ClientFrame, ServerFrame } from "../src/frames.js";
import type { Host, Session, SessionSettings, Wanted } from "../src/host.js";
import { createSession } from "../src/session.js";

/** What a session asked for, in order, in few words. */
export interface Recorded {
  readonly session: Session;
  readonly log: string[];
  readonly sent: ClientFrame[];
  /** Takes what has been written down since the last time. */
  take(): string[];
  /** Lets the connection be acked. */
  ack(now: number, data?: object): void;
  receive(type: string, data: object, now: number, more?: Partial<ServerFrame>): void;
}

/** A session that nothing has happened to. */
export function recorded(settings: Partial<SessionSettings> = {}): Recorded {
  const log: string[] = [];
  const sent: ClientFrame[] = [];
  let hasSession = false;
  const host: Host = {
    connect: ({ expired }) => log.push(expired ? "connect with a new token" : "connect"),
    refresh: () => log.push("refresh"),
    forgetSession() {
      const had = hasSession;
      hasSession = false;
      return had;
    },
    disconnect: () => log.push("disconnect"),
    send: (frame) => {
      sent.push(frame);
      log.push(`send ${frame.type}`);
    },
    onStatus(status) {
      if (status.state === "connected") hasSession = true;
      log.push(status.state === "waiting" ? `waiting until ${Math.round(status.retryAt)}` : status.state);
    },
    onEvent: ({ channel, sequence, type }, replayed) =>
      log.push(`${channel} ${type} ${sequence ?? "-"}${replayed ? " replayed" : ""}`),
    onSubscribed: ({ channel }) => log.push(`${channel} subscribed`),
    onGap: ({ channel, first, last }) => log.push(`${channel} lost ${first} to ${last}`),
    onReset: ({ channel, start, previous }) =>
      log.push(
        `${channel} reset to ${start.epoch} ${start.sequence}${previous ? ` from ${previous.epoch} ${previous.sequence}` : ""}`,
      ),
    onPosition: ({ channel, position, conflated }) =>
      log.push(`${channel} moved to ${position.sequence}, ${conflated} superseded`),
    onEnded: (channel, error) => log.push(`${channel} ended: ${error.code}`),
    onError: (error) => log.push(`error: ${error.code}`),
  };
  const session = createSession(host, {
    clientId: "test",
    fingerprint: "print",
    hasToken: false,
    lingerMs: 1_000,
    random: () => 0.5,
    ...settings,
  });
  const receive: Recorded["receive"] = (type, data, now, more = {}) =>
    session.received({ type, data: data as never, ...more }, now);
  return {
    session,
    log,
    sent,
    take: () => log.splice(0),
    ack(now, data = {}) {
      session.opened(undefined, now);
      receive(
        "connection.ack",
        { connectionId: "c", sessionId: "s", userId: "", heartbeatMs: 30_000, fingerprint: "f", ...data },
        now,
      );
    },
    receive,
  };
}

/** Every type. */
export const ALL: Wanted = { types: [] };

/** What the bridge says to a frame that is one too many. */
export const TOO_FAST = {
  code: 4004,
  status: "RESOURCE_EXHAUSTED",
  reason: "rate_limited",
  message: "",
  retryAfterMs: 300,
};

/** A session that has one channel, `c`, subscribed at position 3 of epoch `e`. */
export function subscribed(): Recorded {
  const world = recorded();
  world.session.want("c", ALL, 0);
  world.ack(10);
  const id = world.sent[world.sent.length - 1]?.id ?? "";
  world.receive("channel.subscribed", { channel: "c", start: at("e", 3), head: at("e", 5) }, 20, { replyTo: id });
  world.take();
  return world;
}

/** A position. */
export const at = (epoch: string, sequence: number): { epoch: string; sequence: number } => ({ epoch, sequence });
