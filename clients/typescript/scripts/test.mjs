// The client's own tests: form, types under the oldest and the newest TypeScript, behaviour.
//
//   node scripts/test.mjs [UNIT TEST…]

import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const built = join(root, "node_modules", ".rialto-tests");
const only = process.argv.slice(2);

function run(name, command, ...rest) {
  const { status } = spawnSync(command, rest, { cwd: root, stdio: "inherit" });
  if (status === 0) return;
  console.error(`${name} failed`);
  process.exit(1);
}

if (only.length === 0) {
  run("the linter", join(root, "node_modules/.bin/biome"), "check", "--error-on-warnings");
  run("the newest TypeScript", join(root, "node_modules/.bin/tsc"), "-p", "tsconfig.json", "--noEmit");
  run("the newest TypeScript", join(root, "node_modules/.bin/tsc"), "-p", "test/tsconfig.json");
  run("the oldest TypeScript", "node", "node_modules/typescript-oldest/bin/tsc", "-p", "tsconfig.oldest.json");
}

// Node 20 knows no types: they are taken off first.
rmSync(built, { recursive: true, force: true });
const tests = readdirSync(join(root, "test")).filter((name) => name.endsWith(".test.ts"));
const wanted = tests.filter((name) => only.length === 0 || only.some((word) => name.includes(word)));
await build({
  entryPoints: wanted.map((name) => join(root, "test", name)),
  outdir: built,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
  sourcemap: "inline",
});
const files = wanted.map((name) => join(built, name.replace(/\.ts$/, ".mjs")));
run("the tests", process.execPath, "--enable-source-maps", "--test", "--test-reporter=spec", ...files);
