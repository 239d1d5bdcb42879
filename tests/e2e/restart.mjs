// Watches the demo page while its bridge is restarted by whoever started this.
//
//   node restart.mjs URL CHROMIUM NODE_PACKAGES SCREENSHOTS
//
// Prints "looking" when the page is live; then the bridge may go. Exits with 1 when the page does not come back, or
// does not say that the logs are new ones.

import assert from "node:assert/strict";
import { join } from "node:path";

import { launch, PATIENCE_MS } from "./browser.mjs";

const [url, chromium, packages, screenshots] = process.argv.slice(2);
const { context, page } = await launch(chromium, packages);
const until = (condition, argument) => page.waitForFunction(condition, argument, { timeout: PATIENCE_MS });

await page.goto(url);
await until(() => Number(document.body.dataset.received) >= 10);
console.log("looking");
// The client tries again after up to 20 s; before, one bridge stops and another starts.
await page.waitForFunction(() => document.body.dataset.state === "connected" && Number(document.body.dataset.resets) >= 3, undefined, {
  timeout: 4 * PATIENCE_MS,
});
const received = await page.evaluate(() => Number(document.body.dataset.received));
await until((received) => Number(document.body.dataset.received) > received + 3, received);
await page.screenshot({ path: join(screenshots, "after-restart.png") });
await page.locator("[data-notice='bad']", { hasText: "project:42: its log began anew" }).first().waitFor();
const { missing, duplicates } = await page.evaluate(() => ({ ...document.body.dataset }));
assert.deepEqual({ missing, duplicates }, { missing: "0", duplicates: "0" });
await context.close();
