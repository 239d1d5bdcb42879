// The demo page: what follow() tells, made visible.

import { follow } from "./rialto.js";

const SHOWN_EVENTS = 150;
const RATE_WINDOW_MS = 5_000;
const CUT_MS = 3_000;
const CHANNELS = ["project:42", "project:7", "project:nørd"];
const EXAMPLES = {
  "process.progress": { projectId: "42", processId: "mine", progress: 50, message: "Halfway" },
  "process.started": { projectId: "42", processId: "mine", name: "import", message: "Begins" },
  "process.completed": { projectId: "42", processId: "mine", progress: 100, outcome: "PROCESS_OUTCOME_SUCCEEDED" },
  "project.created": { projectId: "42", project: { name: "Mine", ownerId: "me" } },
  "system_log": { level: "LOG_LEVEL_INFO", source: "page", message: "Somebody is here" },
  "system.heartbeat": { source: "page" },
};

const $ = (id) => document.getElementById(id);
const counts = document.body.dataset;
const channels = new Map(); // name → { row, count, times }
let paused = false;
let held = [];
let lost = 0; // events that the bridge said are gone

const connection = follow(webSocketUrl(), CHANNELS, {
  state: showState,
  subscribed(name, data) {
    const channel = channelRow(name);
    channel.row.dataset.first ??= String(data.start.sequence + 1);
    if (data.recovered === undefined) return;
    if (data.recovered) count("resumed");
    const caughtUp = Math.max(0, data.head.sequence - data.start.sequence);
    if (data.recovered) announce("good", `${name} resumed after #${data.start.sequence}: ${caughtUp} to catch up`);
  },
  event(frame, { replayed }) {
    const channel = channelRow(frame.channel);
    channel.count += 1;
    channel.times.push(performance.now());
    Object.assign(channel.row.dataset, { count: channel.count });
    if (frame.sequence !== undefined) {
      channel.row.dataset.sequence = frame.sequence;
      channel.row.querySelector(".head").textContent = `#${frame.sequence}`;
    }
    count("received");
    if (paused) held.push([frame, replayed]);
    else showEvent(frame, replayed);
    if (held.length > SHOWN_EVENTS) held.shift();
  },
  lost({ kind, channel, first, last }) {
    count(kind === "gap" ? "gaps" : "resets");
    if (kind === "gap") lost += last - first + 1;
    announce(
      "bad",
      kind === "gap"
        ? `${channel}: events #${first} to #${last} are lost to this page`
        : `${channel}: its log began anew, from #${first}`,
    );
  },
  defect({ kind, channel, sequence }) {
    count(kind === "missing" ? "missing" : "duplicates");
    announce("bad", `${channel} #${sequence} ${kind === "missing" ? "is missing without a word" : "came again"}`);
  },
  refused: (error) => announce("bad", `${error.code}: ${error.message}`),
});

function webSocketUrl() {
  const session = new URLSearchParams(location.search).get("session_id");
  const url = new URL("/ws", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  if (session) url.searchParams.set("session_id", session);
  return url.href;
}

function count(name) {
  counts[name] = String(Number(counts[name]) + 1);
}

function showState(state, detail) {
  document.body.dataset.state = state;
  const text = {
    connecting: "connecting",
    open: `connected · session ${detail?.sessionId}`,
    waiting: `waiting · ${detail?.reason}`,
    ended: `ended · ${detail?.reason}`,
  };
  $("state").textContent = text[state];
  $("cut").disabled = state !== "open";
  if (state === "waiting") announce("warn", `Disconnected: ${detail.reason}. Back in ${(detail.afterMs / 1000).toFixed(1)} s`);
  if (state === "ended") announce("bad", `Disconnected for good: ${detail.reason}`);
  if (state === "open") announce("good", `Connected as ${detail.connectionId}`);
}

function channelRow(name) {
  let channel = channels.get(name);
  if (channel) return channel;
  const row = element("li", "", [
    element("span", "name", name),
    element("span", "head", "#0"),
    element("span", "rate", "0.0/s"),
    element("span", "bar"),
  ]);
  row.dataset.channel = name;
  row.style.setProperty("--hue", hue(name));
  channel = { row, count: 0, times: [] };
  channels.set(name, channel);
  const after = [...$("channels").children].find((other) => other.dataset.channel > name);
  $("channels").insertBefore(row, after ?? null);
  return channel;
}

// A colour of its own for each channel: golden-angle steps keep neighbours apart.
function hue(name) {
  const hash = [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) >>> 0, 1);
  return ((hash % 1_000) * 137.508) % 360;
}

function showEvent(frame, replayed) {
  const item = $("event").content.cloneNode(true).firstElementChild;
  const part = (selector) => item.querySelector(selector);
  item.style.setProperty("--hue", hue(frame.channel));
  item.classList.toggle("replayed", replayed);
  Object.assign(item.dataset, { channel: frame.channel, sequence: frame.sequence, type: frame.type });
  const time = part("time");
  time.dateTime = frame.timestamp;
  time.textContent = new Date(frame.timestamp).toLocaleTimeString([], { hour12: false });
  part(".channel").textContent = frame.channel;
  part(".sequence").textContent = frame.sequence === undefined ? "now" : `#${frame.sequence}`;
  part(".type").textContent = frame.type;
  part(".what").append(...describe(frame));
  // The whole frame is printed only for those who open it.
  item.querySelector("details").addEventListener("toggle", () => {
    part("pre").textContent = JSON.stringify(frame, null, 2);
  }, { once: true });
  add(item);
}

function announce(mood, text) {
  const item = element("li", `notice ${mood}`, text);
  item.dataset.notice = mood;
  add(item);
}

function add(item) {
  $("empty").hidden = true;
  $("events").prepend(item);
  while ($("events").childElementCount > SHOWN_EVENTS) $("events").lastElementChild.remove();
}

// An event in the words of its type. What has none is shown field by field.
function describe({ type, data }) {
  const words = (prefix, value) => String(value ?? "").replace(prefix, "").toLowerCase();
  const badge = (text, mood) => element("span", `badge ${mood}`, text);
  switch (type) {
    case "process.started":
      return [element("b", "", data.processId), ` ${data.message}`];
    case "process.progress": {
      const bar = element("progress");
      Object.assign(bar, { max: 100, value: data.progress });
      bar.setAttribute("aria-label", `${data.processId}: ${data.progress} percent`);
      return [bar, element("b", "", data.processId), ` ${Math.round(data.progress)} % ${data.message}`];
    }
    case "process.completed": {
      const outcome = words("PROCESS_OUTCOME_", data.outcome);
      const mood = outcome === "failed" ? "bad" : "good";
      return [badge(outcome === "unspecified" ? "done" : outcome, mood), element("b", "", data.processId), ` ${data.message}`];
    }
    case "system_log": {
      const level = words("LOG_LEVEL_", data.level);
      const mood = { warning: "warn", error: "bad", critical: "bad" }[level] ?? "quiet";
      return [badge(level, mood), element("b", "", data.source), ` ${data.message}`];
    }
    case "system_health": {
      const status = words("HEALTH_STATUS_", data.status);
      const parts = data.components.map((part) => `${part.name} ${part.latency ?? part.message}`).join(", ");
      return [badge(status, status === "healthy" ? "good" : "warn"), ` ${parts}`];
    }
    case "gateway_status_change":
      return [
        badge(data.currentStatus, data.currentStatus === "online" ? "good" : "bad"),
        element("b", "", data.gatewayId),
        ` was ${data.previousStatus}`,
      ];
    case "gateway_recovery":
      return [badge("recovered", "good"), element("b", "", data.gatewayId), ` after ${data.downtime}, ${data.attempts} attempts`];
    default:
      return Object.entries(data ?? {}).map(([name, value]) =>
        element("span", "field", `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`));
  }
}

function element(name, className = "", content = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...(Array.isArray(content) ? content : [content]));
  return made;
}

function showRates() {
  const now = performance.now();
  for (const { row, times } of channels.values()) {
    while (times.length > 0 && times[0] < now - RATE_WINDOW_MS) times.shift();
    const rate = times.length / (RATE_WINDOW_MS / 1000);
    row.querySelector(".rate").textContent = `${rate.toFixed(1)}/s`;
    row.style.setProperty("--fill", `${Math.min(100, rate * 25)}%`);
  }
  const waiting = paused ? ` · ${held.length} held back` : "";
  const gone = lost > 0 ? ` · ${lost} lost, as told` : "";
  $("counts").textContent = `${counts.received} received${gone} · ${counts.missing} missing${waiting}`;
}

$("cut").addEventListener("click", () => connection.cut(CUT_MS));

$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", String(paused));
  $("pause").textContent = paused ? "Go on" : "Pause";
  for (const [frame, replayed] of held.splice(0)) showEvent(frame, replayed);
});

$("follow").addEventListener("submit", (submit) => {
  submit.preventDefault();
  connection.add($("channel").value.trim());
  $("follow").reset();
});

$("types").append(...Object.keys(EXAMPLES).map((type) => Object.assign(element("option"), { value: type })));
$("type").addEventListener("change", () => showExample());
showExample();

function showExample() {
  const example = EXAMPLES[$("type").value];
  if (example) $("data").value = JSON.stringify(example, null, 2);
}

$("publish").addEventListener("submit", async (submit) => {
  submit.preventDefault();
  const output = $("published");
  const say = (mood, text) => {
    output.className = mood;
    output.textContent = text;
  };
  let data;
  try {
    data = JSON.parse($("data").value);
  } catch (error) {
    return say("bad", `Not JSON: ${error.message}`);
  }
  try {
    const response = await fetch("/v1/publish", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ type: $("type").value, data }),
    });
    const answer = await response.json();
    if (!response.ok) return say("bad", refusal(answer));
    say("good", answer.positions.map((at) => `${at.channel} #${at.sequence}`).join(", "));
  } catch (error) {
    say("bad", `Not published: ${error.message}`);
  }
});

// The message and, field by field, what is wrong and not in the message already.
function refusal({ code, message, details = [] }) {
  const told = ({ description }) => message.includes(description);
  const fields = details.flatMap((detail) => detail.fieldViolations ?? []).filter((violation) => !told(violation));
  return [`${code}: ${message}`, ...fields.map(({ field, description }) => `${field}: ${description}`)].join("\n");
}

setInterval(showRates, 500);
