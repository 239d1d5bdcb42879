// An event opened: each field with its type, as the schema has it.

import { element } from "./dom.js";
import { kindOf, type SchemaReader, type Shape } from "./schema.js";

/** A table of the event's fields, and the frame as it came. */
export function details(schema: SchemaReader, type: string, data: unknown, frame: string): Node[] {
  const event = schema.event(type);
  const table = element("table", "fields");
  if (event) {
    table.append(element("caption", "", event.message));
    addFields(table, schema, schema.message(event.message), data, 0);
  }
  const raw = element("details");
  raw.append(element("summary", "quiet", "The frame, as it came"), element("pre", "", frame));
  return event ? [table, raw] : [element("pre", "", frame)];
}

function addFields(table: HTMLTableElement, schema: SchemaReader, shape: Shape, data: unknown, depth: number): void {
  const members = isObject(data) ? data : {};
  for (const [name, field] of schema.fields(shape)) {
    if (name in members) addField(table, schema, name, field, members[name], depth);
  }
}

function addField(table: HTMLTableElement, schema: SchemaReader, name: string, shape: Shape, value: unknown, depth: number): void {
  const nested = isNested(schema, shape) && isObject(value);
  const items = shape.type === "array" && Array.isArray(value) && isNested(schema, shape.items ?? {}) ? value : undefined;
  const row = table.insertRow();
  row.style.setProperty("--depth", String(depth));
  const title = element("th", "", name);
  title.scope = "row";
  row.append(title, element("td", "kind", kindOf(shape)), element("td", "", nested || items ? "" : shown(shape, value)));
  if (nested) addFields(table, schema, schema.resolve(shape), value, depth + 1);
  items?.forEach((item, index) => addField(table, schema, `[${index}]`, shape.items ?? {}, item, depth + 1));
}

function isNested(schema: SchemaReader, shape: Shape): boolean {
  return shape.$ref !== undefined && schema.fields(shape).length > 0;
}

function shown(shape: Shape, value: unknown): string {
  if (shape["x-kind"] === "timestamp" && typeof value === "string") return `${value}  (${new Date(value).toLocaleString()})`;
  return typeof value === "string" ? value : JSON.stringify(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
