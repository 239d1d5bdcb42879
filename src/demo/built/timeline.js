const SECONDS = 60;
const HEIGHT = 100;
const SVG = "http://www.w3.org/2000/svg";
function drawTimeline(svg, ledger, nowMs) {
  const seconds = ledger.lastSeconds(SECONDS, nowMs);
  const most = Math.sqrt(Math.max(12, ...seconds.map((second) => second.live + second.replay)));
  const bars = [];
  const bar = (kind, index, from, height) => {
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
    const all = Math.sqrt(live + replay) / most * HEIGHT;
    const replayed = live + replay > 0 ? all * replay / (live + replay) : 0;
    if (replayed > 0) bar("replay", index, 0, replayed);
    if (live > 0) bar("live", index, replayed, all - replayed);
    if (lost > 0) bar("lost", index, 0, HEIGHT);
  });
  svg.setAttribute("viewBox", `0 0 ${SECONDS} ${HEIGHT}`);
  svg.replaceChildren(...bars);
  const sum = (of) => seconds.reduce((total, second) => total + second[of], 0);
  const gone = seconds.filter((second) => second.away).length;
  svg.setAttribute(
    "aria-label",
    `Events of the last minute: ${sum("live")} live, ${sum("replay")} replayed, ${sum("lost")} lost as told, ${gone} seconds not connected`
  );
}
export {
  drawTimeline
};
