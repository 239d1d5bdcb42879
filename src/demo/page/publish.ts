// The publish form: an event type, its fields, and what the bridge says to it.

import { byId } from "./dom.js";
import type { Draft } from "./commands.js";
import { MessageForm } from "./form.js";
import { Digits, type Json, Members, parse, print } from "./json.js";
import { clearProblems, showAt } from "./problems.js";
import type { EventShape, SchemaReader } from "./schema.js";

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
  #schema: SchemaReader;
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
    this.#list(preferred);
    this.#type.addEventListener("change", () => this.#show(this.#example()));
    this.#asJson.addEventListener("change", () => this.#switch());
    byId("publish").addEventListener("submit", (submit) => {
      submit.preventDefault();
      void this.#publish();
    });
    byId("publish").addEventListener("input", () => this.#tell());
    this.#show(this.#example());
  }

  /** Goes on with another schema: what was written stays, as far as its type does. */
  update(schema: SchemaReader): void {
    const type = this.#type.value;
    this.#schema = schema;
    this.#list(type);
    if (this.#type.value !== type) return void this.#show(this.#example());
    if (this.#text) return void this.#about();
    const lost = this.#show(this.#form?.read());
    if (lost.length > 0) this.#say("bad", `The schema has no place any more for ${lost.join(", ")}.`);
  }

  /** What would be published now; nothing while the text is no JSON. */
  draft(): Draft | undefined {
    const type = this.#type.value;
    const event = this.#schema.event(type);
    let data: Json;
    try {
      data = this.#form?.read() ?? parse(this.#text?.value ?? "{}");
    } catch {
      return undefined;
    }
    return { type, message: event?.message ?? "", json: print(data), channel: fill(event?.channels[0] ?? "system", data) };
  }

  #tell(): void {
    const draft = this.draft();
    if (draft) this.#changed(draft);
  }

  /** The types, in groups by package. */
  #list(preferred: string): void {
    const groups = new Map<string, HTMLOptGroupElement>();
    for (const event of this.#schema.publishable()) {
      const name = event.message.slice(0, Math.max(0, event.message.lastIndexOf(".")));
      let group = groups.get(name);
      if (!group) {
        groups.set(name, (group = document.createElement("optgroup")));
        group.label = name || "(no package)";
      }
      group.append(new Option(event.type, event.type));
    }
    this.#type.replaceChildren(...[...groups.values()].sort((a, b) => a.label.localeCompare(b.label)));
    if (this.#schema.event(preferred)) this.#type.value = preferred;
  }

  #example(): Json | undefined {
    const example = EXAMPLES[this.#type.value];
    return example === undefined ? undefined : parse(JSON.stringify(example));
  }

  #about(): EventShape | undefined {
    const event = this.#schema.event(this.#type.value);
    if (!event) return undefined;
    const where = event.channels.length > 0 ? `goes to ${event.channels.join(" and ")}` : "is private: it goes to a session or user";
    byId("about").textContent = `${event.message} ${where}.`;
    this.#say("", "");
    return event;
  }

  /** Shows this, as a form or as JSON. Returns the paths of what the form has no place for. */
  #show(data: Json | undefined): string[] {
    const event = this.#about();
    this.#form = undefined;
    this.#text = undefined;
    if (!event) {
      this.#fields.replaceChildren();
      return [];
    }
    let strange: string[] = [];
    if (this.#asJson.checked) {
      const text = document.createElement("textarea");
      text.id = "data";
      text.rows = 10;
      text.spellcheck = false;
      text.setAttribute("aria-label", "The event as JSON");
      text.value = print(data ?? new Members([]), "  ");
      this.#text = text;
      this.#fields.replaceChildren(text);
    } else {
      this.#form = new MessageForm(this.#schema, event.message);
      strange = this.#form.write(data);
      this.#fields.replaceChildren(this.#form.node);
    }
    this.#tell();
    return strange;
  }

  /** Between form and JSON. What the form cannot show is not taken away: then it stays JSON, and says why. */
  #switch(): void {
    if (!this.#text) return void this.#show(this.#form?.read());
    clearProblems(this.#fields);
    let problem: string;
    try {
      const data = parse(this.#text.value);
      const event = this.#schema.event(this.#type.value);
      const strange = event ? new MessageForm(this.#schema, event.message).write(data) : [];
      if (strange.length === 0) return void this.#show(data);
      problem = `The form has no place for ${strange.join(", ")}. Mend the text first, or go on as JSON.`;
    } catch (error) {
      problem = `The form cannot show what is not JSON: ${(error as Error).message}. Mend the text first, or go on as JSON.`;
    }
    this.#asJson.checked = true;
    showAt(this.#text, problem);
    this.#text.focus();
  }

  async #publish(): Promise<void> {
    clearProblems(this.#fields);
    const wrong = this.#form?.check();
    if (wrong !== undefined) return this.#say("bad", `Not sent: ${wrong}`);
    const text = this.#form ? print(this.#form.read()) : (this.#text?.value ?? "{}");
    try {
      JSON.parse(text);
    } catch (error) {
      if (this.#text) showAt(this.#text, `Not JSON: ${(error as Error).message}`);
      this.#text?.focus();
      return this.#say("bad", "Not sent: the text is not JSON.");
    }
    try {
      const answer = await publish(this.#type.value, text);
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
async function publish(type: string, json: string): Promise<Accepted | Refusal> {
  const response = await post(wrapped(type, json));
  return (await response.json()) as Accepted | Refusal;
}

/** Publishes many at once. */
export async function publishAll(events: readonly { type: string; data: unknown }[]): Promise<void> {
  const response = await post(JSON.stringify(events));
  if (!response.ok) throw new Error(`the burst was refused with ${response.status}`);
}

/** The body for one event: its data is text and stays as it was written. */
export function wrapped(type: string, json: string): string {
  return `{"type":${JSON.stringify(type)},"data":${json}}`;
}

async function post(body: string): Promise<Response> {
  return fetch("v1/publish", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
}

/** A template with the fields of an event, by their JSON names. */
function fill(template: string, data: Json): string {
  return template.replaceAll(/\{([^}]+)\}/g, (whole, path: string) => {
    let value: Json | undefined = data;
    for (const step of path.split(".")) value = value instanceof Members ? value.get(camel(step)) : undefined;
    const text = value instanceof Digits ? value.text : value;
    return text === undefined || text === null || text === "" ? whole : String(text).replaceAll(/[%:*{}]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
  });
}

function camel(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
