import { LinkedSocket } from "./link.js";
import { follow } from "./rialto.js";
export function startFeed(channels, on) {
  globalThis.__WS = LinkedSocket;
  let waiting = [];
  const c = follow(new URL("/ws", location.href.replace("http","ws")).href, channels, {
    state(state, d) {
      const s = { open: "connected", ended: "closed" }[state] ?? state;
      on.status({ state: s, text: s === "connected" ? `connected · session ${d.sessionId}` : `${s} ${d?.reason ?? ""}`, notice: s === "waiting" ? `Disconnected: ${d.reason}` : s === "connected" ? `Connected as ${d.connectionId}` : undefined, mood: s === "connected" ? "good" : "warn" });
      if (s === "connected") waiting.splice(0).forEach((f) => f());
    },
    subscribed: (name, d) => on.subscribed(name, d.start.sequence, d.head.sequence, d.recovered),
    event: (frame, { replayed }) => on.event({ ...frame, replayed }),
    lost: (l) => on.lost(l), defect: console.error, refused: (e) => on.refused(e.message),
  });
  addEventListener("online", () => c.now?.());
  return { follow: async (name) => { c.add(name); }, back: () => new Promise((r) => waiting.push(r)) };
}
