// An event in the words of its type. What has none is shown field by field.

import { element } from "./dom.js";
import type { StoryEvent } from "./feed.js";
import {
  GatewayRecovery,
  GatewayStatusChange,
  ProcessCompleted,
  ProcessProgress,
  ProcessStarted,
  ProjectUpdated,
  SystemHealth,
  SystemLog,
} from "./sdk/index.js";
import type { AnyEvent } from "./sdk/index.js";

type Words = readonly (string | Node)[];

/** What the event says, in a line. */
export function describe(event: StoryEvent | AnyEvent): Words {
  // Only an event of the story is of a type that is known here; whatever it is, it has data.
  return told(event as StoryEvent) ?? fields(event.data as Readonly<Record<string, unknown>>);
}

/** The compiler knows the fields of each type: a misspelt one would not get this far. */
function told(event: StoryEvent): Words | undefined {
  switch (event.type) {
    case ProcessStarted: {
      const { processId, message } = event.data;
      return [bold(processId), ` ${message}`];
    }
    case ProcessProgress: {
      const { processId, progress, message } = event.data;
      const bar = element("progress");
      Object.assign(bar, { max: 100, value: progress });
      bar.setAttribute("aria-label", `${processId}: ${Math.round(progress)} percent`);
      return [bar, bold(processId), ` ${Math.round(progress)} % ${message}`];
    }
    case ProcessCompleted: {
      const { processId, outcome, message } = event.data;
      const word = lower("PROCESS_OUTCOME_", outcome);
      const mood = word === "failed" ? "bad" : "good";
      return [badge(word === "unspecified" ? "done" : word, mood), bold(processId), ` ${message}`];
    }
    case SystemLog: {
      const { level, source, message } = event.data;
      const word = lower("LOG_LEVEL_", level);
      const mood = { warning: "warn", error: "bad", critical: "bad" }[word] ?? "quiet";
      return [badge(word, mood), bold(source), ` ${message}`];
    }
    case SystemHealth: {
      const word = lower("HEALTH_STATUS_", event.data.status);
      const parts = event.data.components.map(({ name, latency, message }) => `${name} ${latency ?? message}`);
      return [badge(word, word === "healthy" ? "good" : "warn"), ` ${parts.join(", ")}`];
    }
    case GatewayStatusChange: {
      const { gatewayId, currentStatus, previousStatus } = event.data;
      const mood = currentStatus === "online" ? "good" : "bad";
      return [badge(currentStatus, mood), bold(gatewayId), ` was ${previousStatus}`];
    }
    case GatewayRecovery: {
      const { gatewayId, downtime, attempts } = event.data;
      return [badge("recovered", "good"), bold(gatewayId), ` after ${downtime ?? "a while"}, ${attempts} attempts`];
    }
    case ProjectUpdated: {
      const { projectId, project, changedFields, updatedBy } = event.data;
      return [bold(project?.name ?? projectId), ` ${changedFields.join(", ")} changed by ${updatedBy}`];
    }
    default:
      return undefined;
  }
}

function fields(data: Readonly<Record<string, unknown>>): Words {
  return Object.entries(data).map(([name, value]) =>
    element("span", "field", [
      element("i", "", `${name} `),
      short(typeof value === "object" ? JSON.stringify(value) : String(value)),
    ]),
  );
}

/** As much of it as a line has room for; the details have the rest. */
function short(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function lower(prefix: string, value: string | number): string {
  return String(value).replace(prefix, "").toLowerCase();
}

function badge(text: string, mood: string): HTMLElement {
  return element("span", `badge ${mood}`, text);
}

function bold(text: string): HTMLElement {
  return element("b", "", text);
}
