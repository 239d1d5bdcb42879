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
  const busiest = Math.max(...seconds.map((second) => second.live + second.replay));
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
  seconds.forEach(({ live, replay, lost, away }, index) => {
    if (away) bar("away", index, 0, HEIGHT);
    const all = Math.min(1, Math.sqrt(live + replay) / most) * HEIGHT;
    const replayed = live + replay > 0 ? (all * replay) / (live + replay) : 0;
    if (replayed > 0) bar("replay", index, 0, replayed);
    if (live > 0) bar("live", index, replayed, all - replayed);
    if (lost > 0) bar("lost", index, 0, HEIGHT);
  });
  svg.setAttribute("viewBox", `0 0 ${SECONDS} ${HEIGHT}`);
  svg.replaceChildren(...bars);
  const sum = (of: "live" | "replay" | "lost"): number => seconds.reduce((total, second) => total + second[of], 0);
  const gone = seconds.filter((second) => second.away).length;
  svg.setAttribute(
    "aria-label",
    `Events of the last minute: ${sum("live")} live, ${sum("replay")} replayed, ${sum("lost")} lost as told, ${gone} seconds not connected`,
  );
}
