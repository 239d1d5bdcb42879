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
page.on("requestfailed", (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));

const state = () => page.evaluate(() => ({ ...document.body.dataset }));
const rows = () => page.evaluate(() => [...document.querySelectorAll("#channels li")].map((row) => ({ ...row.dataset })));
const until = (condition, argument) => page.waitForFunction(condition, argument, { timeout: PATIENCE_MS });
const step = async (name, run) => {
  try {
    await run();
    console.log(`ok   ${name}`);
  } catch (error) {
    await page.screenshot({ path: join(screenshots, "failed.png") });
    console.log(`FAIL ${name}\n${error.stack}\nstate ${JSON.stringify(await state())}\nrows ${JSON.stringify(await rows())}`);
    await context.close();
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
  await until(() => document.body.dataset.state === "open");
  await until(() => [...document.querySelectorAll("#channels li")].filter((row) => Number(row.dataset.count) > 0).length >= 3);
  await until(() => Number(document.body.dataset.received) >= 30);
  await expectWhole();
  await page.screenshot({ path: join(screenshots, "wide-light.png") });
});

await step("comes back after a cut and has missed nothing", async () => {
  const before = await rows();
  await page.getByRole("button", { name: "Cut my connection" }).click();
  await until(() => document.body.dataset.state === "waiting");
  await until(() => document.body.dataset.state === "open");
  const followed = before.filter((row) => Number(row.count) > 0).length;
  await until((followed) => Number(document.body.dataset.resumed) >= followed, followed);
  await until(() => document.querySelector(".replayed") !== null);
  const received = Number((await state()).received);
  await until((received) => Number(document.body.dataset.received) > received + 5, received);
  await expectWhole();
  const after = new Map((await rows()).map((row) => [row.channel, row]));
  assert.ok(before.some((row) => Number(after.get(row.channel).sequence) > Number(row.sequence)));
  assert.ok((await page.locator("[data-notice='warn']").count()) >= 1, "the cut is not visible");
  await page.screenshot({ path: join(screenshots, "after-cut.png") });
});

await step("holds back while paused and goes on with everything", async () => {
  await page.getByRole("button", { name: "Pause" }).click();
  const shown = await page.locator("#events > .event").count();
  const received = Number((await state()).received);
  await until((received) => Number(document.body.dataset.received) > received + 3, received);
  assert.equal(await page.locator("#events > .event").count(), shown);
  await page.getByRole("button", { name: "Go on" }).click();
  await until((shown) => document.querySelectorAll("#events > .event").length > shown, shown);
});

await step("publishes with the keyboard alone, and sees its own event", async () => {
  await page.locator("#type").focus();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("process.progress");
  await page.keyboard.press("Tab");
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.insertText('{"projectId":"42","processId":"by-keyboard","progress":12.5,"message":"Hallå"}');
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await until(() => document.getElementById("published").textContent.startsWith("project:42 #"));
  await page.locator("#events .event", { hasText: "by-keyboard" }).first().waitFor();
});

await step("shows which field of an event is wrong", async () => {
  await page.locator("#data").fill('{"projectId":"42","processId":"p","progress":"much"}');
  await page.locator("#publish button").click();
  await until(() => document.getElementById("published").className === "bad");
  assert.match(await page.locator("#published").textContent(), /progress/);
});

await step("follows a channel that somebody names", async () => {
  await page.locator("#channel").fill("project:99");
  await page.keyboard.press("Enter");
  await page.locator("#channels li[data-channel='project:99']").waitFor();
});

await step("opens an event's whole frame", async () => {
  // Paused, so that the event does not slide out of the list meanwhile.
  await page.getByRole("button", { name: "Pause" }).click();
  const event = page.locator("#events > .event").last();
  await event.locator("summary").focus();
  await page.keyboard.press("Enter");
  await event.locator("pre", { hasText: "sequence" }).waitFor();
  assert.equal(JSON.parse(await event.locator("pre").textContent()).channel, await event.getAttribute("data-channel"));
  await page.getByRole("button", { name: "Go on" }).click();
});

await step("fits a narrow dark screen", async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: "dark" });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(overflow, 0, `${overflow} px too wide`);
  await page.screenshot({ path: join(screenshots, "narrow-dark.png"), fullPage: false });
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

await context.close();
