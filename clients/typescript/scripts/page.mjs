// The playground's script: the page's TypeScript, the bundled events and the runtime as one JavaScript module, committed so
// that the bridge is built without Node.
//
//   node page.mjs RIALTO            type-checks src/demo/page and writes src/demo/generated/page.js
//   node page.mjs RIALTO --check    exits with 1 when it is not current

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const [rialto, mode] = process.argv.slice(2);
const path = (relative) => fileURLToPath(new URL(`../../../src/demo/${relative}`, import.meta.url));
const committed = path("generated/page.js");
// Beside the page's own files, where their imports find it; it is not committed.
execFileSync(rialto, ["generate", "typescript", "--out", path("page/sdk")], { stdio: ["ignore", "ignore", "inherit"] });
const tsc = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", import.meta.url));
execFileSync(process.execPath, [tsc, "-p", path("page/tsconfig.json")], { stdio: "inherit" });
const { outputFiles } = await build({
  entryPoints: [path("page/main.ts")],
  absWorkingDir: path("page"),
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  write: false,
  banner: { js: "// Made by `make client` from src/demo/page, proto/ and clients/typescript/src." },
});
const text = outputFiles[0].text;
if (mode !== "--check") writeFileSync(committed, text);
else if (readFileSync(committed, "utf8") !== text) {
  console.error("src/demo/generated/page.js is not current: run `make client`");
  process.exitCode = 1;
}
