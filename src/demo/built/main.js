import { makeCopy, showCommands } from "./commands.js";
import { describe } from "./describe.js";
import { details } from "./details.js";
import { byId, element, hue } from "./dom.js";
import { startFeed } from "./feed.js";
import { Ledger } from "./ledger.js";
import { cut, useSlowLine } from "./link.js";
import { EventList } from "./list.js";
import { PublishForm, publishAll } from "./publish.js";
import { SchemaReader } from "./schema.js";
import { tabs } from "./tabs.js";
import { drawTimeline } from "./timeline.js";
const CUT_MS = 4e3;
const SLOW_MS = 3e4;
const BURST_EVENTS = 3e3;
const BURST_PROJECT = "burst";
const BURST_STEP = 1e3;
const STORY_CHANNELS = ["project:42", "project:7", "project:n\xF8rd"];
const ledger = new Ledger();
const list = new EventList(byId("events"), byId("event"), byId("empty"));
const rows = /* @__PURE__ */ new Map();
let connected = false;
let slowUntil;
const [node, schema] = await Promise.all([
  json("/demo/node.json"),
  json("/demo/schema.json").then((document2) => new SchemaReader(document2))
]);
const feed = startFeed(node.story ? STORY_CHANNELS : [], {
  status: showStatus,
  subscribed(channel, start, head, recovered) {
    row(channel).dataset.first ??= String(start + 1);
    ledger.begins(channel, start);
    if (!recovered) return;
    count("resumed");
    list.notice("good", `${channel} resumed after #${start}: ${Math.max(0, head - start)} to catch up`);
  },
  event: showEvent,
  lost: showLost,
  moved(channel, sequence, conflated) {
    ledger.moved(channel, sequence);
    if (conflated > 0) list.notice("warn", `${channel}: skipped ${conflated} events that newer ones had superseded`);
  },
  refused: (text) => list.notice("bad", text)
});
function showStatus(status) {
  connected = status.state === "connected";
  document.body.dataset.state = status.state;
  byId("state").textContent = status.text;
  byId("cut").disabled = !connected;
  if (status.notice) list.notice(status.mood, status.notice);
}
function showEvent(event) {
  const replayed = event.replayed;
  const wrong = ledger.event(event.channel, event.sequence, Date.parse(event.timestamp), replayed ? "replay" : "live", performance.now());
  if (wrong) list.notice("bad", `${event.channel} #${event.sequence} ${wrong === "twice" ? "came twice" : "came too early: some are missing without a word"}`);
  const channel = row(event.channel);
  Object.assign(channel.dataset, { count: ledger.channel(event.channel).count, sequence: event.sequence });
  const frame = () => JSON.stringify(event, null, 2);
  list.event({
    type: event.type,
    channel: event.channel,
    sequence: event.sequence,
    timestamp: event.timestamp,
    replayed,
    what: describe(event),
    body: () => details(schema, event.type, event.data, frame()),
    text: JSON.stringify(event.data)
  });
}
function showLost({ kind, channel, first, last }) {
  if (kind === "gap") {
    ledger.gap(channel, first, last, Date.now());
    list.notice("bad", `${channel}: events #${first} to #${last} are lost to this page, and the bridge has said so`);
    if (slowUntil !== void 0) endSlow();
  } else {
    ledger.reset(channel, first - 1);
    list.notice("bad", `${channel}: its log began anew, from #${first}`);
  }
}
function row(name) {
  const known = rows.get(name);
  if (known) return known;
  const made = element("li", "", [
    element("span", "name", name),
    element("span", "head", "#0"),
    element("span", "rate", "0.0/s"),
    element("span", "bar")
  ]);
  made.dataset.channel = name;
  made.style.setProperty("--hue", hue(name));
  rows.set(name, made);
  const channels = byId("channels");
  const after = [...channels.children].find((other) => (other.dataset.channel ?? "") > name);
  channels.insertBefore(made, after ?? null);
  return made;
}
function count(name) {
  ledger.counts[name] += 1;
}
function draw() {
  const now = performance.now();
  if (!connected) ledger.away(Date.now());
  for (const [name, made] of rows) {
    const rate = ledger.rate(name, now);
    const part = (selector) => made.querySelector(selector);
    part(".head").textContent = `#${ledger.channel(name).sequence}`;
    part(".rate").textContent = `${rate.toFixed(1)}/s`;
    made.style.setProperty("--fill", `${Math.min(100, rate * 25)}%`);
  }
  for (const [name, value] of Object.entries(ledger.counts)) {
    document.body.dataset[name] = String(value);
    const shown = document.querySelector(`#ledger [data-of="${name}"]`);
    if (!shown) continue;
    shown.textContent = value.toLocaleString();
    shown.classList.toggle("wrong", value > 0 && (name === "missing" || name === "duplicates"));
  }
  const pause = byId("pause");
  if (pause.getAttribute("aria-pressed") === "true") pause.textContent = `Go on (${list.held})`;
  drawTimeline(byId("timeline"), ledger, Date.now());
}
byId("cut").addEventListener("click", () => cut(CUT_MS));
byId("pause").addEventListener("click", (click) => {
  const button = click.currentTarget;
  const paused = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(paused));
  list.pause(paused);
  if (!paused) button.textContent = "Pause the list";
});
byId("slow").addEventListener("click", () => {
  if (slowUntil === void 0) void beginSlow();
  else endSlow();
});
async function beginSlow() {
  const button = byId("slow");
  button.setAttribute("aria-pressed", "true");
  button.textContent = "On a slow line\u2026";
  slowUntil = performance.now() + SLOW_MS;
  const channel = `project:${BURST_PROJECT}`;
  const rate = `${Math.round(node.slowBytesPerSecond / 1024)} KiB/s`;
  list.notice("warn", `On a slow line of ${rate}; ${BURST_EVENTS.toLocaleString()} events are published to ${channel}`);
  await feed.follow(channel);
  useSlowLine(node.slowPort);
  await feed.back();
  try {
    for (let from = 0; from < BURST_EVENTS; from += BURST_STEP) {
      const events = Array.from({ length: BURST_STEP }, (_, index) => ({
        type: "process.progress",
        data: {
          projectId: BURST_PROJECT,
          processId: "burst",
          progress: 100 * (from + index) / BURST_EVENTS,
          message: `Event ${from + index + 1} of ${BURST_EVENTS}: more than a slow line carries`
        }
      }));
      await publishAll(events);
    }
  } catch (error) {
    list.notice("bad", `The burst failed: ${error.message}`);
    endSlow();
  }
}
function endSlow() {
  slowUntil = void 0;
  const button = byId("slow");
  button.setAttribute("aria-pressed", "false");
  button.textContent = "Slow me down";
  useSlowLine(void 0);
}
byId("follow").addEventListener("submit", (submit) => {
  submit.preventDefault();
  const input = byId("channel");
  void feed.follow(input.value.trim()).then((problem) => {
    const output = byId("followed");
    output.className = problem ? "bad" : "good";
    output.textContent = problem ?? "";
    input.toggleAttribute("aria-invalid", problem !== void 0);
    if (!problem) input.value = "";
  });
});
byId("filter").addEventListener("input", (input) => list.filter(input.currentTarget.value));
let draft;
const showDraft = (now) => {
  draft = now;
  if (!byId("panel-commands").hidden) showCommands(byId("commands"), node, draft);
};
byId("tab-commands").addEventListener("click", () => draft && showCommands(byId("commands"), node, draft));
byId("channel").setAttribute("placeholder", schema.templates().find((template) => template.includes("{")) ?? "system");
byId("templates").append(...schema.templates().map((template) => new Option(template.replaceAll(/\{[^}]*\}/g, "\u2026"), template.replaceAll(/\{[^}]*\}/g, ""))));
new PublishForm(schema, node.story ? "process.progress" : "", showDraft);
for (const tablist of document.querySelectorAll("[role=tablist]")) tabs(tablist);
const code = byId("code");
code.textContent = await fetch("/demo/feed.ts").then((response) => response.text());
makeCopy(document.querySelector("[data-copies=code]"), () => code.textContent ?? "");
setInterval(() => {
  if (slowUntil !== void 0 && performance.now() > slowUntil) endSlow();
  draw();
}, 250);
async function json(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return await response.json();
}
