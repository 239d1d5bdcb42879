// The playground: wires the parts of the page.

import { watchSchema } from "./changed.js";
import { makeCopy, showCommands, type Draft, type NodeInfo } from "./commands.js";
import { describe } from "./describe.js";
import { details } from "./details.js";
import { byId, element, hue } from "./dom.js";
import { startFeed, type StoryEvent } from "./feed.js";
import { Ledger } from "./ledger.js";
import { cut, LinkedSocket, useSlowLine } from "./link.js";
import { EventList } from "./list.js";
import { PublishForm, publishAll } from "./publish.js";
import { SchemaReader, type SchemaDocument } from "./schema.js";
import type { AnyEvent, Gap, Moved, Reset, Status, Subscribed } from "./sdk/index.js";
import { tabs } from "./tabs.js";
import { drawTimeline } from "./timeline.js";

const CUT_MS = 4_000;
/** The slow line is left by itself when the gap was told, at the latest after this. */
const SLOW_MS = 30_000;
const BURST_EVENTS = 3_000;
const BURST_PROJECT = "burst";
/** What the bridge takes at once. */
const BURST_STEP = 1_000;

const ledger = new Ledger();
const list = new EventList(byId("events"), byId<HTMLTemplateElement>("event"), byId("empty"));
const rows = new Map<string, HTMLElement>();
let connected = false;
let slowUntil: number | undefined;

const [node, served] = await Promise.all([
  json<NodeInfo>("demo/node.json"),
  json<SchemaDocument>("demo/schema.json"),
]);
let schema = new SchemaReader(served);

const followed = new Set<string>();
/** Channels that were gone on with after a cut: what is replayed on them was missed. */
const resumed = new Set<string>();
const waitingForStatus: (() => void)[] = [];

const feed = startFeed(
  node.story ? undefined : schema.onConnect(),
  { onStatus, onSubscribed, onEvent, onGap, onReset, onPosition, onEnd },
  { url: "ws", WebSocket: LinkedSocket, onError: (error) => list.notice("bad", error.message) },
);

function onStatus(status: Status): void {
  const was = connected;
  connected = status.state === "connected";
  document.body.dataset.state = status.state;
  byId("state").textContent = statusText(status);
  byId<HTMLButtonElement>("cut").disabled = !connected;
  if (status.state === "connected") {
    list.notice("good", `Connected as ${status.connectionId}`);
    for (const wake of waitingForStatus.splice(0)) wake();
  } else if (status.state === "closed") {
    list.notice("bad", `Disconnected for good: ${status.reason?.message ?? "closed"}`);
  } else if (was) {
    list.notice("warn", "Disconnected; coming back by itself");
  }
}

function statusText(status: Status): string {
  switch (status.state) {
    case "connected":
      return `connected · session ${status.sessionId}`;
    case "waiting":
      return `waiting · ${status.reason.message}`;
    case "closed":
      return `closed · ${status.reason?.message ?? ""}`;
    default:
      return status.state;
  }
}

function onSubscribed({ channel, start, head, recovered }: Subscribed): void {
  followed.add(channel);
  row(channel).dataset.first ??= String(start.sequence + 1);
  if (recovered === undefined) ledger.begins(channel, start.sequence);
  else resumed.add(channel);
  if (recovered !== true) return;
  ledger.counts.resumed += 1;
  const behind = Math.max(0, head.sequence - start.sequence);
  list.notice("good", `${channel} resumed after #${start.sequence}: ${behind} to catch up`);
}

function onEvent(event: StoryEvent | AnyEvent): void {
  const { channel, replayed, sequence = 0 } = event;
  const arrival = !replayed ? "live" : resumed.has(channel) ? "replay" : "history";
  const wrong = ledger.event(channel, sequence, Date.parse(event.timestamp), arrival, performance.now());
  if (wrong === "twice") list.notice("bad", `${channel} #${sequence} came twice`);
  if (wrong === "missing") list.notice("bad", `${channel} #${sequence}: some before it are missing without a word`);
  Object.assign(row(channel).dataset, { count: ledger.channel(channel).count, sequence });
  list.event({
    type: event.type,
    channel,
    sequence,
    timestamp: event.timestamp,
    arrival,
    what: describe(event),
    body: () => details(schema, event.type, event.data, JSON.stringify(event, null, 2)),
    text: JSON.stringify(event.data),
  });
}

function onGap({ channel, first, last }: Gap): void {
  ledger.gap(channel, first, last, Date.now());
  list.notice("bad", `${channel}: events #${first} to #${last} are lost to this page, and the bridge has said so`);
  if (slowUntil !== undefined) endSlow();
}

function onReset({ channel, start }: Reset): void {
  ledger.reset(channel, start.sequence);
  list.notice("bad", `${channel}: its log began anew, from #${start.sequence + 1}`);
}

function onPosition({ channel, position, conflated }: Moved): void {
  ledger.moved(channel, position.sequence, conflated);
  if (conflated > 0) list.notice("warn", `${channel}: ${conflated} events were superseded by newer ones, up to #${position.sequence}`);
}

function onEnd(channel: string, why: string): void {
  followed.delete(channel);
  resumed.delete(channel);
  rows.get(channel)?.remove();
  rows.delete(channel);
  list.notice("bad", `${channel}: ${why}`);
  const output = byId<HTMLOutputElement>("followed");
  output.className = "bad";
  output.textContent = why;
}

/** The next time that the page is connected. */
function reconnected(): Promise<void> {
  return new Promise((resolve) => waitingForStatus.push(resolve));
}

/** The channel's row, made when it is new. */
function row(name: string): HTMLElement {
  const known = rows.get(name);
  if (known) return known;
  const made = element("li", "", [
    element("span", "name", name),
    element("span", "head", "#0"),
    element("span", "rate", "0.0/s"),
    element("span", "bar"),
    element("span", "told"),
  ]);
  made.dataset.channel = name;
  made.style.setProperty("--hue", hue(name));
  rows.set(name, made);
  const channels = byId("channels");
  const after = [...channels.children].find((other) => ((other as HTMLElement).dataset.channel ?? "") > name);
  channels.insertBefore(made, after ?? null);
  return made;
}

function draw(): void {
  const now = performance.now();
  if (!connected) ledger.away(Date.now());
  for (const [name, made] of rows) {
    const rate = ledger.rate(name, now);
    const part = (selector: string): HTMLElement => made.querySelector(selector) as HTMLElement;
    part(".head").textContent = `#${ledger.channel(name).sequence}`;
    const { lost } = ledger.channel(name);
    part(".told").textContent = lost > 0 ? `${lost.toLocaleString()} lost, as the bridge has said` : "";
    part(".rate").textContent = `${rate.toFixed(1)}/s`;
    made.style.setProperty("--fill", `${Math.min(100, rate * 25)}%`);
  }
  for (const [name, value] of Object.entries(ledger.counts)) {
    document.body.dataset[name] = String(value);
    const shown = document.querySelector<HTMLElement>(`#ledger [data-of="${name}"]`);
    if (!shown) continue;
    shown.textContent = value.toLocaleString();
    shown.classList.toggle("wrong", value > 0 && (name === "missing" || name === "duplicates"));
  }
  const pause = byId("pause");
  if (pause.getAttribute("aria-pressed") === "true") pause.textContent = `Go on (${list.held})`;
  drawTimeline(byId<SVGSVGElement>("timeline"), ledger, Date.now());
}

byId("cut").addEventListener("click", () => cut(CUT_MS));

byId("pause").addEventListener("click", (click) => {
  const button = click.currentTarget as HTMLButtonElement;
  const paused = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(paused));
  list.pause(paused);
  if (!paused) button.textContent = "Pause the list";
});

byId("slow").addEventListener("click", () => {
  if (slowUntil === undefined) void beginSlow();
  else endSlow();
});

/** Over the slow line, with more to read than it carries: the bridge must tell of a gap. */
async function beginSlow(): Promise<void> {
  const button = byId<HTMLButtonElement>("slow");
  button.setAttribute("aria-pressed", "true");
  button.textContent = "On a slow line…";
  slowUntil = performance.now() + SLOW_MS;
  const channel = `project:${BURST_PROJECT}`;
  const rate = `${Math.round(node.slowBytesPerSecond / 1024)} KiB/s`;
  list.notice("warn", `On a slow line of ${rate}; ${BURST_EVENTS.toLocaleString()} events are published to ${channel}`);
  if (!followed.has(channel)) feed.follow(channel);
  const back = reconnected();
  useSlowLine(node.slowPort);
  await back;
  try {
    for (let from = 0; from < BURST_EVENTS; from += BURST_STEP) {
      const events = Array.from({ length: BURST_STEP }, (_, index) => ({
        type: "process.progress",
        data: {
          projectId: BURST_PROJECT,
          processId: "burst",
          progress: (100 * (from + index)) / BURST_EVENTS,
          message: `Event ${from + index + 1} of ${BURST_EVENTS}: more than a slow line carries`,
        },
      }));
      await publishAll(events);
    }
  } catch (error) {
    list.notice("bad", `The burst failed: ${(error as Error).message}`);
    endSlow();
  }
}

function endSlow(): void {
  slowUntil = undefined;
  const button = byId<HTMLButtonElement>("slow");
  button.setAttribute("aria-pressed", "false");
  button.textContent = "Slow me down";
  useSlowLine(undefined);
}

byId("follow").addEventListener("submit", (submit) => {
  submit.preventDefault();
  const input = byId<HTMLInputElement>("channel");
  const name = input.value.trim();
  byId<HTMLOutputElement>("followed").textContent = "";
  if (!followed.has(name)) feed.follow(name);
  input.value = "";
});

byId("filter").addEventListener("input", (input) => list.filter((input.currentTarget as HTMLInputElement).value));

const showDraft = (draft: Draft): void => showCommands(byId("commands"), node, draft);

/** What of the page is the schema's. */
function showSchema(): void {
  // The burst is of an event that a schema may not have.
  byId("slow").hidden = schema.event("process.progress") === undefined;
  byId("channel").setAttribute("placeholder", schema.templates().find((template) => template.includes("{")) ?? "system");
  const filled = (by: string) => (template: string) => template.replaceAll(/\{[^}]*\}/g, by);
  byId("templates").replaceChildren(...schema.templates().map((template) => new Option(filled("…")(template), filled("")(template))));
}

showSchema();
const form = new PublishForm(schema, node.story ? "process.progress" : "", showDraft);
watchSchema(byId("changed"), {
  shown: () => schema.document["x-fingerprint"],
  isReachable: () => connected,
  served: async () => (await json<NodeInfo>("demo/node.json")).fingerprint,
  show: async () => {
    schema = new SchemaReader(await json<SchemaDocument>("demo/schema.json"));
    showSchema();
    form.update(schema);
    if (!node.story) for (const name of schema.onConnect()) if (!followed.has(name)) feed.follow(name);
    list.notice("good", `The new schema is shown: ${schema.publishable().length} event types to publish`);
    byId("type").focus();
  },
});
byId("skip-to-form").addEventListener("click", (click) => {
  click.preventDefault();
  byId("tab-publish").click();
  byId("type").focus();
});
for (const tablist of document.querySelectorAll<HTMLElement>("[role=tablist]")) tabs(tablist);
const code = byId("code");
code.textContent = await fetch("demo/feed.ts").then((response) => response.text());
makeCopy(document.querySelector("[data-copies=code]") as HTMLButtonElement, () => code.textContent ?? "");

// A slow line that nothing comes of is left.
setInterval(() => {
  if (slowUntil !== undefined && performance.now() > slowUntil) endSlow();
  draw();
}, 250);

async function json<T>(path: string): Promise<T> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return (await response.json()) as T;
}
