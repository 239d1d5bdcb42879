// Watches the page of `rialto dev --page` while the schema is written anew by whoever started this, and publishes what
// the bundled catalogue has no fields for.
//
//   node follow.mjs URL CHROMIUM NODE_PACKAGES SCREENSHOTS
//
// Prints "looking" when the page shows the first schema; then the second may come. Exits with 1 at what is wrong.

import assert from "node:assert/strict";
import { join } from "node:path";

import { launch, PATIENCE_MS } from "./browser.mjs";

const [url, chromium, packages, screenshots] = process.argv.slice(2);
const { context, page } = await launch(chromium, packages);
const until = (condition, argument) => page.waitForFunction(condition, argument, { timeout: PATIENCE_MS });
const types = () => page.locator("#type option").allTextContents();
const field = (path) => page.locator(`#fields [data-path='${path}']`);
const publish = async () => {
  const [request, answer] = await Promise.all([
    page.waitForRequest("**/v1/publish"),
    page.waitForResponse("**/v1/publish"),
    page.locator("#publish button.primary").click(),
  ]);
  return { body: request.postData(), status: answer.status() };
};

await page.goto(url);
await until(() => document.body.dataset.state === "connected");
assert.deepEqual(await types(), ["thing.made"]);

const kinds = await page.locator("#fields label .kind").allTextContents();
assert.ok(kinds.includes("bytes, base64"), kinds.join());
assert.ok(kinds.filter((kind) => kind === "int64").length >= 2, kinds.join());

// An empty member of a oneof is its type's zero.
await field("name").fill("a");
for (const [member, zero] of [["colour", '"COLOUR_UNSPECIFIED"'], ["count", '"0"'], ["plain", "0"], ["words", '""'], ["pause", '"0s"'], ["part", "{}"]]) {
  await page.getByLabel("what", { exact: false }).first().selectOption(member);
  const { body, status } = await publish();
  assert.ok(body.includes(`"${member}":${zero}`), body);
  assert.equal(status, 200, body);
}

// A map's row is found by its key, in whatever order, and a bad key is marked itself.
for (let row = 0; row < 3; row++) await page.getByRole("button", { name: "Add to weights" }).click();
for (const [row, key] of ["30", "4", "x"].entries()) await page.getByLabel(`weights, key ${row + 1}`).fill(key);
for (const [row, value] of ["1", "2", "3"].entries()) await page.getByLabel(`weights, value ${row + 1}`).fill(value);
let { body } = await publish();
assert.ok(body.includes('"weights":{"30":"1","4":"2","x":"3"}'), body);
await until(() => document.querySelector("[aria-label='weights, key 3']").getAttribute("aria-invalid") === "true");
await page.getByLabel("weights, key 3").fill("1");
await page.getByLabel("weights, value 2").fill("heavy");
await publish();
await until(() => document.querySelector("[aria-label='weights, value 2']").getAttribute("aria-invalid") === "true");
assert.equal(await page.locator("#fields [aria-invalid]").count(), 1);
await page.getByLabel("weights, value 2").fill("9007199254740993");
assert.ok((await publish()).body.includes('"4":"9007199254740993"'));

// The bridge names keys, not places.
const refusals = [
  ['weights["4"]', "expected an int64", "weights, value 2"],
  ['weights["4"]', "expected an integer as the key", "weights, key 2"],
  ['weights["\\u0031"]', "out of range", "weights, value 3"],
];
for (const [path, description, label] of refusals) {
  const details = [{ fieldViolations: [{ field: path, description }] }];
  const json = { code: "INVALID_ARGUMENT", message: "refused", details };
  await page.route("**/v1/publish", (route) => route.fulfill({ status: 400, json }), { times: 1 });
  await publish();
  await until((label) => document.querySelector(`[aria-label='${label}']`).getAttribute("aria-invalid") === "true", label);
  assert.equal(await page.locator("#fields [aria-invalid]").count(), 1, label);
}
await publish();

console.log("looking");
const bar = page.locator("#changed");
await bar.getByText("The schema has changed").waitFor();
assert.equal(await bar.getAttribute("role"), "status");
await page.screenshot({ path: join(screenshots, "schema-changed.png") });
await page.getByRole("button", { name: "Show the new one" }).click();
await until(() => document.querySelectorAll("#type option").length === 2);
assert.deepEqual(await types(), ["thing.lost", "thing.made"]);
assert.equal(await field("name").inputValue(), "a", "what was written is gone");
assert.equal(await bar.textContent(), "");
await page.locator("#type").selectOption("thing.lost");
await field("name").fill("b");
assert.equal((await publish()).status, 200);
await context.close();
