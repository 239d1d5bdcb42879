// What the client costs a page: bundled, minified, compressed.
//
//   node size.mjs RIALTO
//
// Prints the figures as JSON and exits with 1 when one is over its gate.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

// The core was within 6,000 bytes until nothing in it could wait for ever: 350 bytes tell refusals that concern many
// channels, subscribe one at a time, remember filters and last positions, and tell who joins where a channel is. 400
// more repeat an unsubscribe that was refused, ask for what a changed schema subscribes no longer, and find the
// subscription of a name that came back shortened; a part is what modules of one idea each cost. 200 bring a new token
// before the old one ends, and 100 more come back from tokens that are old, late or another session's.
const GATES = { coreBytes: 7_100, oneMoreEventBytes: 150, dependencies: 0 };
const EVENTS = 500;

const [rialto] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "rialto-size-"));

/** The compressed size of a page that runs this. */
async function size(name, source) {
  writeFileSync(join(folder, `${name}.ts`), source);
  const { outputFiles } = await build({
    entryPoints: [join(folder, `${name}.ts`)],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

/** A schema of many events in channels of ten each. */
function schema() {
  const lines = ['syntax = "proto3";', "package many.v1;", 'import "rialto/v1/options.proto";'];
  for (let index = 0; index < EVENTS; index += 1) {
    const room = `Room${Math.floor(index / 10)}Channel`;
    if (index % 10 === 0) {
      const template = `room${index}:{room_id}`;
      lines.push(`message ${room} { option (rialto.v1.channel) = {template: "${template}"}; string room_id = 1; }`);
    }
    const option = `option (rialto.v1.event) = {type: "many.event${index}" channels: ["${room}"]};`;
    lines.push(`message Event${index} { ${option} string room_id = 1; double value = 2; repeated string names = 3; }`);
  }
  return lines.join("\n");
}

function generate(out, ...flags) {
  const began = performance.now();
  execFileSync(rialto, ["generate", "typescript", "--out", join(folder, out), ...flags], { stdio: "ignore" });
  return performance.now() - began;
}

try {
  mkdirSync(join(folder, "many"));
  writeFileSync(join(folder, "many", "many.proto"), schema());
  const generationMs = generate("sdk", "--schema", join(folder, "many"));
  const coreBytes = await size(
    "core",
    `import { connect, room0 } from "./sdk/index.js";
     connect().subscribe(room0({ roomId: "42" }), console.log);`,
  );
  const use = (...events) => `import { connect, room0, ${events} } from "./sdk/index.js";
     const names = { ${events.map((event) => `[${event}]: 1`)} };
     connect().subscribe(room0({ roomId: "1" }), ({ type }) => console.log(names[type]));`;
  const oneMoreEventBytes = (await size("two", use("Event1", "Event2"))) - (await size("one", use("Event1")));
  const own = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  const figures = { coreBytes, oneMoreEventBytes, dependencies: Object.keys(own.dependencies ?? {}).length };
  console.log(JSON.stringify({ ...figures, generationMs: Math.round(generationMs) }));
  for (const [name, gate] of Object.entries(GATES)) {
    if (figures[name] <= gate) continue;
    console.error(`${name} is ${figures[name]}, over its gate of ${gate}`);
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
