// Opens a page in headless Chromium and waits until it contains a text.
//
//   node look.mjs URL TEXT CHROMIUM NODE_PACKAGES SCREENSHOTS

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { launch } from "./browser.mjs";

const [url, text, chromium, packages, screenshots] = process.argv.slice(2);
const { context, page } = await launch(chromium, packages);
try {
  await page.goto(url);
  await page.waitForFunction((text) => document.body.innerText.includes(text), text);
  mkdirSync(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${new URL(url).port}.png`) });
} catch (error) {
  console.error(`${error.message}\n${await page.evaluate(() => document.body.innerText)}`);
  process.exitCode = 1;
}
await context.close();
