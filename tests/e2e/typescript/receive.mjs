// A page of step.ts in headless Chromium, told what to do by lines on standard input:
//
//   node receive.mjs BUNDLE CHROMIUM PACKAGES
//   {"start": "127.0.0.1:8080", "workflowId": "w-8"}    opens the page there, and answers when it is subscribed
//   {"look": 3}                                         answers with what the page has, when it is as much

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { launch } from "../browser.mjs";

const [bundle, chromium, packages] = process.argv.slice(2);
const source = readFileSync(bundle, "utf8");
const { context, page } = await launch(chromium, packages);
const errors = [];
page.on("pageerror", (error) => errors.push(error.message));

for await (const line of createInterface({ input: process.stdin })) {
  const { start, workflowId, look } = JSON.parse(line);
  if (start) {
    // The page comes from the bridge's own origin.
    await page.goto(`http://${start}/health`);
    await page.evaluate(
      async ([source, url, workflowId]) => {
        const module = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
        globalThis.page = await import(module);
        await globalThis.page.start(url, workflowId);
      },
      [source, `ws://${start}/ws`, workflowId],
    );
    console.log("{}");
  } else {
    await page.waitForFunction((count) => globalThis.page.look().length >= count, look);
    // As text: what crosses the debugger's protocol might become something else.
    console.log(await page.evaluate((errors) => JSON.stringify({ steps: globalThis.page.look(), errors }), errors));
  }
}
await context.close();
