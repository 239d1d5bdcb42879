// Publishes events to Rialto and says what became of them.
//
//     node main.mjs --count 1000
//     node main.mjs --event ../step.json     # a workflow.step_completed as ProtoJSON

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Publisher } from "./publisher.mjs";

const { values } = parseArgs({
  options: {
    address: { type: "string", default: "127.0.0.1:50051" },
    count: { type: "string", default: "100" },
    "interval-ms": { type: "string", default: "0" },
    event: { type: "string" },
  },
});
const count = Number(values.count);
const intervalMs = Number(values["interval-ms"]);
const step = values.event && JSON.parse(readFileSync(values.event, "utf8"));

const publisher = new Publisher(values.address);
const sent = [];
for (let number = 1; number <= count; number++) {
  const metadata = { publisher: "node", number: String(number) };
  const progress = {
    projectId: "42",
    processId: "node",
    progress: (100 * number) / count,
    message: `${number} of ${count}`,
  };
  sent.push(
    step
      ? await publisher.publish("workflow.step_completed", step, metadata)
      : await publisher.publish("process.progress", progress, metadata),
  );
  if (intervalMs) await sleep(intervalMs);
}
await publisher.close();

const outcomes = await Promise.allSettled(sent.map(({ accepted }) => accepted));
const acked = outcomes.filter(({ status }) => status === "fulfilled");
const refused = outcomes.filter(({ status }) => status === "rejected");
for (const { reason } of refused) console.error(`refused: ${reason.message}`);
const duplicates = acked.filter(({ value }) => value.duplicate).length;
console.log(
  `acked ${acked.length}, duplicates ${duplicates}, refused ${refused.length}, ` +
    `connections ${publisher.connections}, sent again ${publisher.sentAgain}`,
);
process.exitCode = refused.length ? 1 : 0;
