// The publish form: an event type, its fields, and what the bridge says to it.

import { byId } from "./dom.js";
import type { Draft } from "./commands.js";
import { MessageForm } from "./form.js";
import type { SchemaReader } from "./schema.js";

/** Something for each type to begin with; a type that is not here begins empty. */
const EXAMPLES: Readonly<Record<string, unknown>> = {
  "process.progress": { projectId: "42", processId: "mine", progress: 50, message: "Halfway" },
  "process.started": { projectId: "42", processId: "mine", name: "import", message: "Begins" },
  "process.completed": { projectId: "42", processId: "mine", progress: 100, outcome: "PROCESS_OUTCOME_SUCCEEDED" },
  "project.created": { projectId: "42", project: { name: "Mine", ownerId: "me" } },
  system_log: { level: "LOG_LEVEL_INFO", source: "page", message: "Somebody is here" },
  "system.heartbeat": { source: "page" },
};

type Violation = { field: string; description: string };
type Refusal = { code: string; message: string; details?: readonly { fieldViolations?: readonly Violation[] }[] };
type Accepted = { positions: readonly { channel: string; sequence?: number }[] };

/** The form and what it says. */
export class PublishForm {
  readonly #schema: SchemaReader;
  readonly #type = byId<HTMLSelectElement>("type");
  readonly #fields = byId("fields");
  readonly #output = byId<HTMLOutputElement>("published");
  readonly #asJson = byId<HTMLInputElement>("as-json");
  readonly #changed: (draft: Draft) => void;
  #form: MessageForm | undefined;
  #text: HTMLTextAreaElement | undefined;

  constructor(schema: SchemaReader, preferred: string, changed: (draft: Draft) => void) {
    this.#schema = schema;
    this.#changed = changed;
    const groups = new Map<string, HTMLOptGroupElement>();
    for (const event of schema.publishable()) {
      const name = event.message.slice(0, Math.max(0, event.message.lastIndexOf(".")));
      let group = groups.get(name);
      if (!group) {
        groups.set(name, (group = document.createElement("optgroup")));
        group.label = name || "(no package)";
      }
      group.append(new Option(event.type, event.type));
    }
    this.#type.replaceChildren(...[...groups.values()].sort((a, b) => a.label.localeCompare(b.label)));
    if (schema.event(preferred)) this.#type.value = preferred;
    this.#type.addEventListener("change", () => this.#show(EXAMPLES[this.#type.value]));
    this.#asJson.addEventListener("change", () => this.#show(this.#read()));
    byId("publish").addEventListener("submit", (submit) => {
      submit.preventDefault();
      void this.#publish();
    });
    byId("publish").addEventListener("input", () => this.#changed(this.draft()));
    this.#show(EXAMPLES[this.#type.value]);
  }

  /** What would be published now. */
  draft(): Draft {
    const type = this.#type.value;
    const event = this.#schema.event(type);
    const data = this.#read();
    return { type, message: event?.message ?? "", data, channel: fill(event?.channels[0] ?? "system", data) };
  }

  #show(data: unknown): void {
    const event = this.#schema.event(this.#type.value);
    if (!event) return;
    const where = event.channels.length > 0 ? `goes to ${event.channels.join(" and ")}` : "is private: it goes to a session or user";
    byId("about").textContent = `${event.message} ${where}.`;
    this.#say("", "");
    this.#form = undefined;
    this.#text = undefined;
    if (this.#asJson.checked) {
      const text = document.createElement("textarea");
      text.id = "data";
      text.rows = 10;
      text.spellcheck = false;
      text.setAttribute("aria-label", "The event as JSON");
      text.value = JSON.stringify(data ?? {}, null, 2);
      this.#text = text;
      this.#fields.replaceChildren(text);
    } else {
      this.#form = new MessageForm(this.#fields, this.#schema, event.message);
      this.#form.write(data);
    }
    this.#changed(this.draft());
  }

  #read(): unknown {
    if (this.#form) return this.#form.read();
    try {
      return JSON.parse(this.#text?.value ?? "{}");
    } catch {
      return {};
    }
  }

  async #publish(): Promise<void> {
    this.#form?.clear();
    if (this.#text) {
      try {
        JSON.parse(this.#text.value);
      } catch (error) {
        this.#text.setAttribute("aria-invalid", "true");
        return this.#say("bad", `Not JSON: ${(error as Error).message}`);
      }
      this.#text.removeAttribute("aria-invalid");
    }
    try {
      const { type, data } = this.draft();
      const answer = await publish(type, data);
      if ("positions" in answer) {
        const positions = answer.positions.map(({ channel, sequence }) => `${channel} #${sequence ?? 0}`);
        return this.#say("good", `Accepted: ${positions.join(", ")}`);
      }
      this.#refused(answer);
    } catch (error) {
      this.#say("bad", `Not published: ${(error as Error).message}`);
    }
  }

  #refused({ code, message, details = [] }: Refusal): void {
    const violations = details.flatMap((detail) => detail.fieldViolations ?? []);
    const problems = violations.map(({ field, description }) => ({ path: field, text: description }));
    const rest = this.#form ? this.#form.show(problems) : problems.map(({ path, text }) => `${path}: ${text}`);
    const untold = rest.filter((text) => !message.includes(text));
    this.#say("bad", [`Refused, ${code}: ${message}`, ...untold].join("\n"));
  }

  #say(mood: "" | "good" | "bad", text: string): void {
    this.#output.className = mood;
    this.#output.textContent = text;
  }
}

/** Publishes one event by the demo's own route; a backend does it over gRPC. */
async function publish(type: string, data: unknown): Promise<Accepted | Refusal> {
  const response = await post({ type, data });
  return (await response.json()) as Accepted | Refusal;
}

/** Publishes many at once. */
export async function publishAll(events: readonly { type: string; data: unknown }[]): Promise<void> {
  const response = await post(events);
  if (!response.ok) throw new Error(`the burst was refused with ${response.status}`);
}

async function post(body: unknown): Promise<Response> {
  return fetch("/v1/publish", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** A template with the fields of an event, by their JSON names. */
function fill(template: string, data: unknown): string {
  return template.replaceAll(/\{([^}]+)\}/g, (whole, path: string) => {
    let value: unknown = data;
    for (const step of path.split(".")) value = (value as Record<string, unknown> | undefined)?.[camel(step)];
    return value === undefined || value === "" ? whole : String(value).replaceAll(/[%:*{}]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
  });
}

function camel(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
