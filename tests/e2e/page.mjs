// Drives the demo page in headless Chromium: what a person would do, and what the page must then show.
//
//   node page.mjs URL CHROMIUM NODE_PACKAGES SCREENSHOTS
//
// Prints one line a step; exits with 1 at the first that fails.

import assert from "node:assert/strict";
import { join } from "node:path";

import { launch, PATIENCE_MS } from "./browser.mjs";

const [url, chromium, packages, screenshots] = process.argv.slice(2);
const { context, page } = await launch(chromium, packages);

const complaints = [];
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("requestfailed", (request) => {
  const { errorText } = request.failure() ?? {};
  // What a page is asking for when somebody leaves it is not answered.
  if (!(leaving && errorText === "net::ERR_ABORTED")) complaints.push(`${request.url()}: ${errorText}`);
});
let leaving = false;
// Every state in its turn: one that passes between two looks counts as well.
await page.addInitScript(() => {
  window.states = [];
  const note = () => window.states.push(document.body.dataset.state);
  new MutationObserver(note).observe(document, { subtree: true, attributeFilter: ["data-state"] });
});

const state = () => page.evaluate(() => ({ ...document.body.dataset }));
const rows = () => page.evaluate(() => [...document.querySelectorAll("#channels li")].map((row) => ({ ...row.dataset })));
const until = (condition, argument, polling = "raf") => page.waitForFunction(condition, argument, { timeout: PATIENCE_MS, polling });
const shown = (selector) => page.locator(selector).first().waitFor({ state: "attached" });

/** Does what breaks the connection, and waits until the page is back. */
const comesBack = async (act) => {
  const before = await page.evaluate(() => window.states.length);
  await act();
  await until((before) => {
    const since = window.states.slice(before);
    return since.some((state) => state !== "connected") && since.at(-1) === "connected";
  }, before);
};
const cut = () => page.getByRole("button", { name: "Cut my connection" }).click();

/** Nothing is drawn from here on, and something waits for it. */
const holdFrames = async () => {
  await page.evaluate(() => {
    window.held = [];
    window.drawing ??= window.requestAnimationFrame;
    window.requestAnimationFrame = (draw) => window.held.push(draw);
  });
  await until(() => window.held.length > 0, undefined, 20);
};
/** Draws what was held, and goes on drawing. */
const releaseFrames = () =>
  page.evaluate(() => {
    window.requestAnimationFrame = window.drawing;
    for (const draw of window.held) draw(performance.now());
  });

const step = async (name, run) => {
  try {
    await run();
    console.log(`ok   ${name}`);
  } catch (error) {
    await page.screenshot({ path: join(screenshots, "failed.png") });
    console.log(`FAIL ${name}\n${error.stack}\nstate ${JSON.stringify(await state())}\nrows ${JSON.stringify(await rows())}`);
    process.exit(1);
  }
};

/** Nothing was lost, nothing came twice, and each channel is whole from the page's first event to its last. */
async function expectWhole() {
  const { missing, duplicates, gaps, resets } = await state();
  assert.deepEqual({ missing, duplicates, gaps, resets }, { missing: "0", duplicates: "0", gaps: "0", resets: "0" });
  for (const row of (await rows()).filter((row) => row.count)) {
    assert.equal(Number(row.count), Number(row.sequence) - Number(row.first) + 1, `${row.channel} has holes`);
  }
}

await step("shows live events of several channels", async () => {
  await page.goto(url);
  await until(() => document.body.dataset.state === "connected");
  await until(() => [...document.querySelectorAll("#channels li")].filter((row) => Number(row.dataset.count) > 0).length >= 3);
  await until(() => Number(document.body.dataset.received) >= 30);
  await expectWhole();
  assert.equal((await state()).replayed, "0", "nothing was resumed yet");
  await page.screenshot({ path: join(screenshots, "wide-light.png") });
});

await step("comes back after a cut and has missed nothing", async () => {
  const before = await rows();
  await comesBack(cut);
  // The list and the timeline show what is new: first what leaves them again.
  await shown("#events .replayed");
  await shown("#timeline .away");
  await shown("#timeline .replay");
  const followed = before.filter((row) => Number(row.count) > 0).length;
  await until((followed) => Number(document.body.dataset.resumed) >= followed, followed);
  const received = Number((await state()).received);
  await until((received) => Number(document.body.dataset.received) > received + 5, received);
  await expectWhole();
  const after = new Map((await rows()).map((row) => [row.channel, row]));
  assert.ok(before.some((row) => Number(after.get(row.channel).sequence) > Number(row.sequence)));
  await shown("[data-notice='warn']");
  await page.screenshot({ path: join(screenshots, "after-cut.png") });
});

await step("is one tab stop away from what follows the list, and its links go to the list and the form", async () => {
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.closest("[data-channel]")?.tagName);
  assert.equal(await page.locator("#events > .event > details > summary[tabindex='0']").count(), 1);
  await page.locator("#filter").focus();
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "LI");
  const event = () => page.evaluateHandle(() => document.activeElement.closest(".event"));
  const before = await event();
  await page.keyboard.press("ArrowDown");
  // Older than the one before: it stands below, whatever has come in between.
  const isBelow = (before, after) => Boolean(before.compareDocumentPosition(after) & Node.DOCUMENT_POSITION_FOLLOWING);
  assert.ok(await before.evaluate(isBelow, await event()), "the arrow does not move");
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "tab-publish");
  await page.locator("#skip-to-form").focus();
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "type");
  await page.getByRole("link", { name: "Skip to the live events" }).focus();
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "events-title");
});

await step("holds back while paused and goes on with everything", async () => {
  const newest = () => page.evaluate(() => ({ ...document.querySelector("#events > .event").dataset }));
  // An event that waits for the next frame when somebody pauses came before the pause.
  await holdFrames();
  await page.getByRole("button", { name: "Pause" }).click();
  const before = await newest();
  await releaseFrames();
  const received = Number((await state()).received);
  await until((received) => Number(document.body.dataset.received) > received + 3, received);
  assert.deepEqual(await newest(), before);
  await page.getByRole("button", { name: "Go on" }).click();
  await until(({ channel, sequence }) => {
    const { dataset } = document.querySelector("#events > .event");
    return dataset.channel !== channel || dataset.sequence !== sequence;
  }, before);
});

await step("publishes with the keyboard alone, and sees its own event", async () => {
  // By arrows: letters that come slowly are several words.
  const type = page.locator("#type");
  await type.focus();
  await page.keyboard.press("Home");
  const first = await type.inputValue();
  assert.notEqual(first, "process.progress");
  for (let last; (await type.inputValue()) !== "process.progress"; ) {
    assert.notEqual(await type.inputValue(), last, "the arrow does not move");
    last = await type.inputValue();
    await page.keyboard.press("ArrowDown");
  }
  for (const value of ["42", "by-keyboard", "12.5", "Hallå"]) {
    await page.keyboard.press("Tab");
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.insertText(value);
  }
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await until(() => document.getElementById("published").textContent.startsWith("Accepted: project:42 #"));
  await page.locator("#events .event", { hasText: "by-keyboard" }).first().waitFor();
});

await step("shows what is wrong at the field, and takes it away when it is mended", async () => {
  const field = page.locator("#fields [data-path='progress']");
  await field.fill("much");
  await page.keyboard.press("Enter");
  await until(() => document.getElementById("published").className === "bad");
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  assert.match(await page.locator(`#${await field.getAttribute("aria-describedby")}`).textContent(), /expected a number/);
  assert.ok(await field.evaluate((field) => document.activeElement === field), "the wrong field has not got the focus");
  await page.screenshot({ path: join(screenshots, "invalid.png") });
  await field.fill("50");
  await page.keyboard.press("Enter");
  await until(() => document.getElementById("published").className === "good");
  assert.equal(await page.locator("#fields [aria-invalid]").count(), 0);
});

await step("makes controls for lists, maps, nested messages and enums, and the bridge names their places", async () => {
  await page.locator("#type").selectOption("system_health");
  await page.locator("#fields [data-path='status']").selectOption("HEALTH_STATUS_DEGRADED");
  await page.getByRole("button", { name: "Add to components" }).click();
  await page.getByRole("button", { name: "Add to components" }).click();
  await page.locator("#fields [data-path='components[0].name']").fill("by-form");
  await page.locator("#fields [data-path='components[1].latency']").fill("soon");
  await page.locator("#publish button.primary").click();
  await until(() => document.querySelector("[data-path='components[1].latency']").getAttribute("aria-invalid") === "true");
  await page.locator("#fields [data-path='components[1].latency']").fill("0.250s");
  await page.locator("#publish button.primary").click();
  await until(() => document.getElementById("published").className === "good");
  await page.locator("#events .event", { hasText: "by-form" }).first().waitFor();

  await page.locator("#type").selectOption("system_log");
  await page.getByRole("button", { name: "Add to metadata" }).click();
  await page.getByLabel("metadata, key 1").fill("made");
  await page.getByLabel("metadata, value 1").fill("by-map");
  await page.locator("#as-json").check();
  assert.equal(JSON.parse(await page.locator("#data").inputValue()).metadata.made, "by-map");
  await page.locator("#as-json").uncheck();
  assert.equal(await page.getByLabel("metadata, value 1").inputValue(), "by-map");
  await page.locator("#publish button.primary").click();
  await until(() => document.getElementById("published").className === "good");
});

/** Publishes, and waits until the page has said what came of it. The body that was sent. */
const sent = async () => {
  await page.evaluate(() => (document.getElementById("published").className = ""));
  const [request] = await Promise.all([page.waitForRequest("**/v1/publish"), page.locator("#publish button.primary").click()]);
  await until(() => document.getElementById("published").className !== "");
  return request.postData();
};

await step("sends JSON as it was typed, and goes back to the form only with what the form can show", async () => {
  await page.locator("#type").selectOption("system_log");
  await page.locator("#as-json").check();
  const text = '{ "source" : "as typed",\n "metadata": {"10": "b", "9": "9007199254740993"}, "level": 1.0 }';
  await page.locator("#data").fill(text);
  assert.equal(await sent(), `{"type":"system_log","data":${text}}`);
  await page.locator("#data").fill('{"source": ');
  await page.locator("#as-json").click();
  assert.ok(await page.locator("#as-json").isChecked(), "what is no JSON went into a form");
  assert.equal(await page.locator("#data").inputValue(), '{"source": ');
  const told = async () => page.locator(`#${await page.locator("#data").getAttribute("aria-describedby")}`).textContent();
  assert.match(await told(), /not JSON/);
  await page.locator("#publish button.primary").click();
  assert.match(await told(), /^Not JSON/);
  await page.locator("#data").fill('{"source": "a", "nobody": 1}');
  await page.locator("#as-json").click();
  assert.match(await told(), /no place for nobody/);
  await page.locator("#data").fill(text);
  await page.locator("#as-json").uncheck();
  assert.equal(await page.getByLabel("metadata, key 1").inputValue(), "10");
});

await step("sends rows in their order, and no key twice", async () => {
  const body = await sent();
  assert.ok(body.includes('"metadata":{"10":"b","9":"9007199254740993"}'), body);
  await page.getByLabel("metadata, key 2").fill("10");
  let requests = 0;
  const count = (request) => (requests += Number(request.url().endsWith("/v1/publish")));
  page.on("request", count);
  await page.locator("#publish button.primary").click();
  await until(() => document.getElementById("published").textContent.startsWith("Not sent"));
  page.off("request", count);
  assert.equal(requests, 0);
  assert.equal(await page.getByLabel("metadata, key 2").getAttribute("aria-invalid"), "true");
  assert.equal(await page.getByLabel("metadata, key 1").getAttribute("aria-invalid"), null);
  await page.screenshot({ path: join(screenshots, "double-key.png") });
  await page.getByRole("button", { name: "Remove metadata 2" }).click();
  await sent();
  await until(() => document.getElementById("published").className === "good");
});

await step("shows the TypeScript that it uses, and commands with this bridge's addresses", async () => {
  await page.getByRole("tab", { name: "Publish" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.locator("#code", { hasText: "import" }).waitFor();
  await page.keyboard.press("ArrowRight");
  const { listen, grpc, admin } = await page.evaluate(() => fetch("/demo/node.json").then((response) => response.json()));
  assert.equal(listen, new URL(url).host);
  const commands = await page.locator("#commands pre").allTextContents();
  const addresses = [`--url ws://${listen}/ws`, `wscat -c 'ws://${listen}/ws`, `http://${admin}/v1/publish`, `--grpc ${grpc}`, `insecure_channel("${grpc}")`];
  assert.equal(commands.length, addresses.length);
  for (const [index, address] of addresses.entries()) assert.ok(commands[index].includes(address), commands[index]);
  // It says so for a moment only.
  const copy = page.getByRole("button", { name: "Copy: Publish over HTTP" });
  const said = await copy.evaluateHandle((button) => {
    const said = [];
    new MutationObserver(() => said.push(button.textContent)).observe(button, { childList: true });
    return said;
  });
  await copy.click();
  await until((said) => said.some((text) => text === "Copied" || text === "Press Ctrl+C"), said);
  await page.getByRole("tab", { name: "Publish" }).click();
});

await step("follows a channel that somebody names", async () => {
  await page.locator("#channel").fill("project:99");
  await page.keyboard.press("Enter");
  await page.locator("#channels li[data-channel='project:99']").waitFor();
});

await step("opens an event: its fields with their types, and the whole frame", async () => {
  // Paused, so that the event does not slide out of the list meanwhile.
  await page.getByRole("button", { name: "Pause" }).click();
  const event = page.locator("#events > .event").last();
  await event.locator("summary").focus();
  await page.keyboard.press("Enter");
  await event.locator(".fields").waitFor();
  assert.ok((await event.locator(".fields tr").count()) >= 1);
  await event.getByText("The frame, as it came").click();
  assert.equal(JSON.parse(await event.locator("pre").textContent()).channel, await event.getAttribute("data-channel"));
  await page.getByRole("button", { name: "Go on" }).click();
});

await step("shows only what contains the filter's text", async () => {
  // Also of what came before somebody typed and is drawn after it.
  await holdFrames();
  await page.locator("#filter").fill("system_log");
  await releaseFrames();
  assert.equal(await page.locator("#events > .event:visible:not([data-type='system_log'])").count(), 0);
  await page.locator("#filter").fill("there is no such thing");
  await page.getByText("Nothing matches “there is no such thing”.").waitFor();
  await page.locator("#filter").fill("");
  assert.equal(await page.locator("#empty").isVisible(), false);
});

await step("fits a narrow dark screen", async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  await until(() => innerWidth === 390);
  await page.emulateMedia({ colorScheme: "dark" });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(overflow, 0, `${overflow} px too wide`);
  await page.screenshot({ path: join(screenshots, "narrow-dark.png"), fullPage: false });
});

await step("fits a wide dark screen", async () => {
  await page.setViewportSize({ width: 1720, height: 1000 });
  await page.screenshot({ path: join(screenshots, "wide-dark.png"), fullPage: false });
  await page.emulateMedia({ colorScheme: "light" });
});

await step("keeps its session over the cut", async () => {
  assert.equal((await rows()).filter((row) => row.channel.startsWith("session:")).length, 1);
});

await step("complains about nothing", async () => {
  await expectWhole();
  // The refused publish is a 4xx that Chromium logs; it was asked for.
  const unexpected = complaints.filter((complaint) => !complaint.includes("status of 400"));
  assert.deepEqual(unexpected, []);
});

await step("is told of a gap on a slow line, and goes on over a quick one", async () => {
  // The client waits longer after each attempt that fails, here as long as it may: 16 s by now, where it is not told
  // that the line is back. That must not keep the slow line waiting.
  const chance = await page.evaluateHandle(() => {
    const { random } = Math;
    Math.random = () => 0.999;
    return random;
  });
  for (const _ of [1, 2]) await comesBack(cut);
  const from = Date.now();
  await comesBack(() => page.getByRole("button", { name: "Slow me down" }).click());
  assert.ok(Date.now() - from < 12_000, `back after ${Date.now() - from} ms`);
  await page.evaluate((random) => (Math.random = random), chance);
  // What the page has to say is not among what a paused list has no room for.
  await page.getByRole("button", { name: "Pause" }).click();
  await until(() => Number(document.body.dataset.gaps) >= 1);
  await until(() => document.getElementById("slow").getAttribute("aria-pressed") === "false");
  await until(() => document.body.dataset.state === "connected");
  // Further gaps may follow while the rest is published, and what is lost is drawn a moment later than an event.
  const burst = "#channels [data-channel='project:burst']";
  await until((burst) => document.querySelector(burst).dataset.sequence === "3000", burst);
  await until((burst) => {
    const row = document.querySelector(burst);
    const lost = Number(row.querySelector(".told").textContent.replaceAll(/\D/g, ""));
    return lost > 100 && Number(row.dataset.count) + lost === 3000;
  }, burst);
  const { missing, duplicates } = await state();
  assert.deepEqual({ missing, duplicates }, { missing: "0", duplicates: "0" });
  await page.getByRole("button", { name: "Go on" }).click();
  await page.locator("[data-notice='bad']", { hasText: "project:burst: events #" }).first().scrollIntoViewIfNeeded();
  await page.screenshot({ path: join(screenshots, "gap.png") });
});

await step("calls what was there before it from before, and not replayed", async () => {
  leaving = true;
  await page.reload();
  // What is newer pushes it off the list.
  await until(() => document.querySelectorAll("#events .history").length >= 10);
  await shown("#timeline .history");
  await until(() => Number(document.body.dataset.history) >= 10);
  assert.equal((await state()).replayed, "0");
  assert.equal(await page.locator("#timeline .replay, #events .replayed").count(), 0);
  await page.screenshot({ path: join(screenshots, "history.png") });
});

await step("has still nothing to complain of", async () => {
  assert.deepEqual(complaints.filter((complaint) => !complaint.includes("status of 400")), []);
});

await context.close();
