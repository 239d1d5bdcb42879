// A page that follows a workflow with the client generated from the bundled schema, and keeps what it gets. The types are the
// schema's: the compiler checks each field that is named here.

import { connect, toBigInt, toBytes, toDate, toMilliseconds, WorkflowStepCompleted, workflow } from "./sdk/index.js";

const steps: object[] = [];

/** Connects, and is subscribed when it returns. */
export async function start(url: string, workflowId: string): Promise<void> {
  const subscription = connect({ url }).subscribe(workflow({ workflowId }), (event) => {
    if (event.type === WorkflowStepCompleted) steps.push({ number: event.metadata?.["number"], data: event.data, read: read(event.data) });
  });
  await subscription.subscribed;
}

/** What has come so far, as it was parsed. */
export function look(): object[] {
  return steps;
}

/** What a page makes of the values that JSON has no type for. */
function read(step: WorkflowStepCompleted): object {
  const [ledger] = Object.values(step.artifacts);
  return {
    fingerprint: toBigInt(step.fingerprint).toString(16),
    rows: toBigInt(step.metrics?.counts["rows"] ?? "0") + 1n === 2n ** 63n,
    memoryChange: step.metrics?.memoryChange,
    started: step.started && toDate(step.started).toISOString(),
    duration: step.duration && toMilliseconds(step.duration),
    preview: ledger && [...toBytes(ledger.preview)],
    status: step.status === "STEP_STATUS_SUCCEEDED",
    output: "value" in step ? "value" : "another",
    approved: step.approved === false,
  };
}
