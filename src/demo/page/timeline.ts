// The last minute as bars: one a second, by the time at which the bridge accepted the events. What was missed while the
// connection was cut fills its own seconds afterwards.

import type { Ledger } from "./ledger.js";

const SECONDS = 60;
const HEIGHT = 100;
/** A bar of full height stands for at least so many events of a second, and for all beyond the other. */
const LEAST_SHOWN = 12;
const MOST_SHOWN = 40;
const SVG = "http://www.w3.org/2000/svg";

/** Draws the ledger's last minute. */
export function drawTimeline(svg: SVGSVGElement, ledger: Ledger, nowMs: number): void {
  const seconds = ledger.lastSeconds(SECONDS, nowMs);
  // Square roots, and an end to the scale, so that a burst leaves the quiet seconds visible.
  const busiest = Math.max(...seconds.map((second) => second.live + second.history + second.replay));
  const most = Math.sqrt(Math.min(MOST_SHOWN, Math.max(LEAST_SHOWN, busiest)));
  const bars: SVGRectElement[] = [];
  const bar = (kind: string, index: number, from: number, height: number): void => {
    const rect = document.createElementNS(SVG, "rect");
    rect.setAttribute("class", kind);
    rect.setAttribute("x", String(index + 0.08));
    rect.setAttribute("width", "0.84");
    rect.setAttribute("y", String(HEIGHT - from - height));
    rect.setAttribute("height", String(height));
    bars.push(rect);
  };
  seconds.forEach(({ live, history, replay, lost, away }, index) => {
    if (away) bar("away", index, 0, HEIGHT);
    const count = live + history + replay;
    const all = Math.min(1, Math.sqrt(count) / most) * HEIGHT;
    let from = 0;
    for (const [kind, part] of Object.entries({ history, replay, live })) {
      if (part === 0) continue;
      bar(kind, index, from, (all * part) / count);
      from += (all * part) / count;
    }
    if (lost > 0) bar("lost", index, 0, HEIGHT);
  });
  svg.setAttribute("viewBox", `0 0 ${SECONDS} ${HEIGHT}`);
  svg.replaceChildren(...bars);
  const sum = (of: "live" | "history" | "replay" | "lost"): number => seconds.reduce((total, second) => total + second[of], 0);
  const gone = seconds.filter((second) => second.away).length;
  svg.setAttribute(
    "aria-label",
    `Events of the last minute: ${sum("live")} live, ${sum("history")} from before, ${sum("replay")} replayed, ${sum("lost")} lost as told, ${gone} seconds not connected`,
  );
}
