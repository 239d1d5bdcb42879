// Rialto's protocol in a page: one connection at a time, every channel at its position, and back after every cut.
//
// follow() promises that each event of a channel reaches `on.event` once and in order, or that `on.lost` is told what is
// missing. It knows nothing of the document.

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;

/** Close codes after which a client comes back: 4100-4499 always, 4500-4999 never, known or not. */
export function mayReturn(code) {
  return [1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014].includes(code) || (code >= 4100 && code <= 4499);
}

/**
 * Follows channels, and those that the bridge subscribes everybody to.
 *
 * on.state(state, detail)    "connecting" | "open" | "waiting" | "ended"
 * on.subscribed(channel, data)
 * on.event(frame, { replayed })
 * on.lost({ kind: "gap" | "reset", channel, first, last })
 * on.defect({ kind: "missing" | "duplicate", channel, sequence })   what must never happen
 * on.refused(error)
 */
export function follow(url, channels, on) {
  const wanted = new Set(channels);
  const positions = new Map(); // channel → { epoch, sequence }: the last event seen
  const heads = new Map(); // channel → the newest event when it was subscribed: up to it events are replay
  let socket = null;
  let delay = FIRST_DELAY_MS;
  let askedDelay = null;
  let heartbeatMs = 30_000;
  let silence = 0;
  let timer = 0;
  let nextId = 0;
  let session = null; // as acked first: the same one after every cut

  const send = (type, data) => socket.send(JSON.stringify({ type, id: String(++nextId), data }));

  function open() {
    on.state("connecting");
    askedDelay = null;
    const address = new URL(url);
    if (session) address.searchParams.set("session_id", session);
    const own = (socket = new (globalThis.__WS)(address, ["rialto.v1.json"]));
    // A socket that was given up may still speak; only the current one counts.
    own.onopen = () => own === socket && greet();
    own.onmessage = (message) => own === socket && receive(message.data);
    own.onclose = (close) => own === socket && closed(close.code, close.reason);
  }

  // The first frames of a connection: where to go on with what the bridge subscribes by itself, then everything else.
  function greet() {
    const resume = [...positions].filter(([name]) => !wanted.has(name)).map(([name, after]) => ({ name, after }));
    send("connection.init", { protocol: 1, resume });
    if (wanted.size > 0) send("channel.subscribe", { channels: [...wanted].map(subscription) });
  }

  function subscription(name) {
    return positions.has(name) ? { name, after: positions.get(name) } : { name };
  }

  function receive(text) {
    stillAlive();
    const frame = JSON.parse(text);
    const data = frame.data ?? {};
    switch (frame.type) {
      case "connection.ack":
        delay = FIRST_DELAY_MS;
        session = data.sessionId;
        heartbeatMs = data.heartbeatMs || heartbeatMs;
        on.state("open", data);
        break;
      case "channel.subscribed":
        positions.set(data.channel, data.start);
        heads.set(data.channel, data.head.sequence);
        on.subscribed(data.channel, data);
        break;
      case "channel.gap":
        positions.set(data.channel, { epoch: data.epoch, sequence: data.last });
        on.lost({ kind: "gap", channel: data.channel, first: data.first, last: data.last });
        break;
      case "channel.reset":
        positions.set(data.channel, data.start);
        on.lost({ kind: "reset", channel: data.channel, first: data.start.sequence + 1, last: null });
        break;
      case "channel.position":
        positions.set(data.channel, data.position);
        break;
      case "channel.unsubscribed":
        positions.delete(data.channel);
        wanted.delete(data.channel);
        break;
      case "connection.reconnect":
        askedDelay = data.delayMs;
        break;
      case "connection.heartbeat":
        break;
      case "error":
      case "connection.error":
        if (data.channel) wanted.delete(data.channel);
        on.refused(data);
        break;
      default:
        event(frame);
    }
  }

  function event(frame) {
    const { channel, sequence } = frame;
    const position = positions.get(channel);
    if (!position || sequence <= position.sequence) return on.defect({ kind: "duplicate", channel, sequence });
    if (sequence > position.sequence + 1) on.defect({ kind: "missing", channel, sequence: position.sequence + 1 });
    position.sequence = sequence;
    on.event(frame, { replayed: sequence <= (heads.get(channel) ?? 0) });
  }

  function stillAlive() {
    clearTimeout(silence);
    silence = setTimeout(() => leave(0, "nothing came for too long"), heartbeatMs * 2);
  }

  function closed(code, reason) {
    clearTimeout(silence);
    socket = null;
    // 1006 is the browser's own word for a connection without an end, or without a beginning.
    reason ||= code === 1006 ? "no connection" : `closed with ${code}`;
    if (!mayReturn(code)) return on.state("ended", { reason });
    // Spread, so that many who were cut together do not come back together.
    back(askedDelay ?? delay * (0.75 + Math.random() / 2), reason);
    delay = Math.min(delay * 2, LONGEST_DELAY_MS);
  }

  function back(afterMs, reason) {
    clearTimeout(timer);
    timer = setTimeout(open, afterMs);
    on.state("waiting", { reason, afterMs });
  }

  // Gives up the current socket without waiting for its end.
  function leave(afterMs, reason) {
    clearTimeout(silence);
    const old = socket;
    socket = null;
    old?.close();
    back(afterMs, reason);
  }

  open();
  return {
    /** Breaks the connection and comes back after a while. */
    cut: (afterMs) => leave(afterMs, "cut by you"),
    /** Follows one more channel. */
    add(channel) {
      if (wanted.has(channel)) return;
      wanted.add(channel);
      if (socket?.readyState === WebSocket.OPEN) send("channel.subscribe", { channels: [subscription(channel)] });
    },
  };
}
