// Drives subject.ts against a real bridge: what it receives, what it is told after cuts, and how it comes back.
//
//   node drive.mjs RIALTO SCHEMA BUNDLE CLIENT_PACKAGES                      in this Node
//   node drive.mjs RIALTO SCHEMA BUNDLE CLIENT_PACKAGES CHROMIUM PACKAGES    in headless Chromium

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { launch } from "../browser.mjs";
import { eventually, startBridge, startWay } from "./bridge.mjs";

const [rialto, schema, bundle, clientPackages, chromium, packages] = process.argv.slice(2);
const flagsOf = (schema) => ["--schema", schema, "--max-channel-bytes", "64KiB"];
const FLAGS = flagsOf(schema);

/** The same schema, that subscribes nobody by itself. */
function withoutOnConnect() {
  const folder = mkdtempSync(join(tmpdir(), "rialto-schema-"));
  cpSync(schema, folder, { recursive: true });
  const file = join(folder, "subject", "v1", "subject.proto");
  const text = readFileSync(file, "utf8");
  const changed = text.replace(" on_connect: ON_CONNECT_SUBSCRIBE", "");
  assert.notEqual(changed, text);
  writeFileSync(file, changed);
  return folder;
}

let bridge = await startBridge(rialto, ...FLAGS);
const way = await startWay();
way.to(bridge);
const subject = await (chromium ? inChromium() : inNode());

async function inNode() {
  const module = await import(pathToFileURL(resolve(bundle)));
  const { WebSocket } = createRequire(resolve(clientPackages, "package.json"))("ws");
  return {
    start: () => module.start(way.url, WebSocket),
    call: async (name) => module[name](),
    end: async () => {},
  };
}

async function inChromium() {
  const { context, page } = await launch(chromium, packages);
  page.on("pageerror", (error) => assert.fail(error));
  // The page comes from the bridge's own origin.
  await page.goto(`${way.origin}/health`);
  const source = readFileSync(bundle, "utf8");
  await page.evaluate(async (source) => {
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    globalThis.subject = await import(url);
  }, source);
  return {
    start: () => page.evaluate(() => globalThis.subject.start("/ws".replace(/^/, location.origin))),
    call: (name) => page.evaluate((name) => globalThis.subject[name](), name),
    end: () => context.close(),
  };
}

const progress = (from, count, message = "") =>
  Array.from({ length: count }, (_, index) => ({ projectId: "42", percent: from + index, message }));
const look = () => subject.call("look");
/** Waits until as many events of project 42 have come, and returns what was seen. */
const until = async (condition, name) => {
  let last;
  await eventually(
    async () => condition((last = await look())),
    () => `${name}; seen: ${JSON.stringify(last)}`,
  );
  return last;
};
const progressOf = ({ seen }) => seen.filter(({ what }) => what === "process.progress");
const tellsOf = ({ seen }) => seen.filter(({ what, channel }) => ["gap", "reset", "subscribed"].includes(what) && channel === "project:42");
const texts = (seen, what) => seen.filter((one) => one.what === what).map(({ text }) => text);

async function step(name, run) {
  try {
    await subject.call("forget");
    await run();
    console.log(`ok   ${name}`);
  } catch (error) {
    console.log(`FAIL ${name}\n${error.stack}\n${JSON.stringify(await look(), null, 1)}`);
    process.exit(1);
  }
}

await step("receives typed events of several channels, and ends what is refused", async () => {
  await subject.start();
  await until(({ seen }) => texts(seen, "subscribed").length === 1 && texts(seen, "ended").length === 2, "subscribed");
  await bridge.publish("process.started", { projectId: "42", name: "import", at: "2026-11-20T10:30:45.123Z" });
  await bridge.publish("process.progress", progress(1, 2, "Hallå"));
  await bridge.publish("waved", { projectId: "42" });
  await bridge.publish("process.completed", { projectId: "42", outcome: "OUTCOME_FAILED" });
  const awkward = "a:b%*{}\u00e9";
  await bridge.publish("process.started", { projectId: awkward });
  await bridge.publish("process.completed", { projectId: awkward, outcome: "OUTCOME_FAILED" });
  await bridge.publish("news.whispered", { text: "not wanted" });
  await bridge.publish("news.told", { text: "a line" });
  await bridge.publish("process.started", { projectId: "7" });
  const { seen } = await until(
    ({ seen }) => ["only", "news", "iterated", "process.completed", "waved"].every((what) => texts(seen, what).length === 1),
    "events",
  );
  // What is delivered now or never stands in no order with the others.
  const own = seen.filter(({ channel, what }) => channel === "project:42" && what !== "subscribed" && what !== "waved");
  assert.deepEqual(
    own,
    [
      ["process.started", `import ${Date.parse("2026-11-20T10:30:45.123Z")}`],
      ["process.progress", "1.0 Hallå"],
      ["process.progress", "2.0 Hallå"],
      ["process.completed", "failed"],
    ].map(([what, text], index) => ({ what, channel: "project:42", sequence: index + 1, text, replayed: false })),
  );
  assert.deepEqual(texts(seen, "only"), ["failed"]);
  assert.equal(seen.find(({ what }) => what === "only").channel, "project:a%3Ab%25%2A%7B%7Dé");
  assert.deepEqual(seen.find(({ what }) => what === "waved"), { what: "waved", channel: "project:42", text: "hello", replayed: false });
  assert.deepEqual(texts(seen, "ended"), ["not_found", "invalid_argument"]);
  assert.deepEqual(texts(seen, "news"), ["a line"]);
  assert.deepEqual(texts(seen, "iterated"), ["process.started"]);
});

await step("gets a typed error for an event that nobody handles", async () => {
  assert.deepEqual(await subject.call("send"), { code: "unavailable", number: 4007, retryable: true });
});

await step("comes back after a cut with everything that it has missed, once", async () => {
  way.cut();
  await until(({ statuses }) => statuses.includes("waiting"), "waiting");
  await bridge.publish("process.progress", progress(10, 5));
  way.to(bridge);
  await until((all) => progressOf(all).length === 5, "the missed events");
  await bridge.publish("process.progress", progress(15, 1));
  const all = await until((all) => progressOf(all).length === 6, "the next event");
  assert.deepEqual(progressOf(all).map(({ sequence }) => sequence), [5, 6, 7, 8, 9, 10]);
  assert.deepEqual(progressOf(all).map(({ replayed }) => replayed), [true, true, true, true, true, false]);
  assert.deepEqual(tellsOf(all).map(({ what, text }) => [what, text]), [["subscribed", "true"]]);
});

await step("is told what is lost after it was away for too long", async () => {
  way.cut();
  await until(({ statuses }) => statuses.includes("waiting"), "waiting");
  await bridge.publish("process.progress", progress(100, 200, "x".repeat(2_000)));
  way.to(bridge);
  const all = await until((all) => progressOf(all).some(({ text }) => text.startsWith("299.0")), "the newest event");
  const [subscribed, gap] = tellsOf(all);
  assert.deepEqual([subscribed.text, gap.what], ["false", "gap"]);
  const [first, last] = gap.text.split(" ").map(Number);
  assert.equal(first, 11);
  assert.ok(last > 100, `${last}`);
  const whole = Array.from({ length: 210 - last }, (_, index) => last + 1 + index);
  assert.deepEqual(progressOf(all).map(({ sequence }) => sequence), whole);
});

await step("is told when the bridge has begun anew", async () => {
  way.cut();
  await bridge.stop("SIGKILL");
  bridge = await startBridge(rialto, ...FLAGS);
  await bridge.publish("process.progress", progress(1, 3));
  way.to(bridge);
  const all = await until((all) => progressOf(all).length === 3, "the new events");
  assert.deepEqual(tellsOf(all).map(({ what, text, sequence }) => [what, text ?? sequence]), [["subscribed", "false"], ["reset", 0]]);
  assert.deepEqual(progressOf(all).map(({ sequence }) => sequence), [1, 2, 3]);
});

await step("obeys a bridge that drains, and comes back to the next one", async () => {
  await bridge.stop("SIGTERM");
  await until(({ statuses }) => statuses.includes("waiting"), "waiting");
  bridge = await startBridge(rialto, ...FLAGS);
  way.to(bridge);
  await until(({ statuses }) => statuses.at(-1) === "connected", "connected");
  await bridge.publish("process.progress", progress(1, 1));
  await until((all) => progressOf(all).length >= 1, "an event");
});

await step("goes on where a changed schema subscribes nobody by itself any more", async () => {
  way.cut();
  await bridge.stop("SIGKILL");
  bridge = await startBridge(rialto, ...flagsOf(withoutOnConnect()));
  way.to(bridge);
  await until(({ statuses }) => statuses.at(-1) === "connected", "connected");
  await bridge.publish("news.told", { text: "told anew" });
  await until(({ seen }) => texts(seen, "news").includes("told anew"), "the news");
});

await step("stays away while suspended and comes back at its positions", async () => {
  await subject.call("suspend");
  await until(({ statuses }) => statuses.at(-1) === "idle", "idle");
  await bridge.publish("process.progress", progress(50, 3));
  await subject.call("resume");
  const all = await until((all) => progressOf(all).length === 3, "the missed events");
  assert.deepEqual(tellsOf(all).map(({ what, text }) => [what, text]), [["subscribed", "true"]]);
});

await step("ends an iterator by its signal, and everything at the end", async () => {
  await subject.call("stopIterating");
  await until(({ seen }) => seen.some(({ what }) => what === "iterated to the end"), "the iterator's end");
  await subject.call("close");
  const { statuses } = await look();
  assert.deepEqual(statuses, ["closed"]);
});

await subject.end();
way.close();
await bridge.stop("SIGTERM");
