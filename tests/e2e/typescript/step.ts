// A page that follows a workflow with the client generated from the bundled schema, and keeps what it gets. The types are the
// schema's: the compiler checks each field that is named here.

import { connect, toBigInt, toBytes, toDate, toMilliseconds, WorkflowStepCompleted, workflow } from "./sdk/index.js";

/** A step as it came, and what a page makes of the values that JSON has no type for. */
export interface Step {
  readonly sequence: number | undefined;
  readonly metadata: { readonly [name: string]: string };
  readonly data: WorkflowStepCompleted;
  readonly read: unknown;
}

const steps: Step[] = [];

/** Connects, and is subscribed when it returns. */
export function start(url: string, workflowId: string): Promise<void> {
  return new Promise((onSubscribed, onEnd) => {
    connect({ url }).subscribe(
      workflow({ workflowId }),
      (event) => {
        if (event.type !== WorkflowStepCompleted) return;
        const { sequence, metadata, data } = event;
        steps.push({ sequence, metadata: { ...metadata }, data, read: read(data) });
      },
      { onSubscribed: () => onSubscribed(), onEnd },
    );
  });
}

/** What has come so far. */
export function look(): Step[] {
  return steps;
}

function read(step: WorkflowStepCompleted): unknown {
  const ledger = step.artifacts["ledger.parquet"];
  return {
    fingerprint: toBigInt(step.fingerprint).toString(16),
    rowsAreTheMost: toBigInt(step.metrics?.counts["rows"] ?? "0") === 2n ** 63n - 1n,
    memoryChange: step.metrics?.memoryChange,
    started: step.started && toDate(step.started).toISOString(),
    duration: step.duration && toMilliseconds(step.duration),
    preview: ledger && [...toBytes(ledger.preview)],
    succeeded: step.status === "STEP_STATUS_SUCCEEDED",
    output: step.value !== undefined ? "value" : "another",
    approved: step.approved,
  };
}
