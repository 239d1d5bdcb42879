// What the bridge says of its schema: `/demo/schema.json`, a JSON Schema with a few members of Rialto's own.

import { Digits, type Json, Members } from "./json.js";

/** A field's or message's description. */
export type Shape = {
  $ref?: string;
  type?: string;
  enum?: readonly string[];
  anyOf?: readonly Shape[];
  items?: Shape;
  properties?: Readonly<Record<string, Shape>>;
  additionalProperties?: Shape | boolean;
  description?: string;
  contentEncoding?: string;
  "x-order"?: readonly string[];
  "x-kind"?: string;
  "x-enum"?: string;
  "x-oneof"?: string;
};

/** An event type of the schema. */
export type EventShape = {
  type: string;
  message: string;
  from: "publisher" | "client";
  channels: readonly string[];
};

/** A channel template of the schema. */
export type ChannelShape = { template: string; message: string; onConnect: boolean };

/** The whole document. */
export type SchemaDocument = {
  "x-fingerprint": string;
  "x-channels": readonly ChannelShape[];
  "x-events": readonly EventShape[];
  $defs: Readonly<Record<string, Shape>>;
};

/** Looks shapes up. */
export class SchemaReader {
  readonly document: SchemaDocument;

  constructor(document: SchemaDocument) {
    this.document = document;
  }

  /** The event types that a backend may publish, by name. */
  publishable(): EventShape[] {
    return this.document["x-events"].filter((event) => event.from === "publisher");
  }

  /** The event type of this name. */
  event(type: string): EventShape | undefined {
    return this.document["x-events"].find((event) => event.type === type);
  }

  /** Every channel template. */
  templates(): string[] {
    return this.document["x-channels"].map((channel) => channel.template);
  }

  /** The channels that every connection is subscribed to and whose names need nothing more. */
  onConnect(): string[] {
    const fixed = (channel: ChannelShape): boolean => channel.onConnect && !channel.template.includes("{");
    return this.document["x-channels"].filter(fixed).map((channel) => channel.template);
  }

  /** The shape of a message. */
  message(fullName: string): Shape {
    return this.document.$defs[fullName] ?? {};
  }

  /** The shape itself, where it only refers to a message. */
  resolve(shape: Shape): Shape {
    const name = messageName(shape);
    return name === undefined ? shape : { ...this.message(name), ...(shape["x-oneof"] ? { "x-oneof": shape["x-oneof"] } : {}) };
  }

  /** The fields of a message, in the order of its file. */
  fields(shape: Shape): [name: string, shape: Shape][] {
    const properties = this.resolve(shape).properties ?? {};
    const order = this.resolve(shape)["x-order"] ?? Object.keys(properties);
    return order.flatMap((name) => (properties[name] ? [[name, properties[name]] as [string, Shape]] : []));
  }
}

/** The message that a shape refers to. */
export function messageName(shape: Shape): string | undefined {
  return shape.$ref?.replace("#/$defs/", "");
}

/** The names of an enum's values. */
export function enumNames(shape: Shape): readonly string[] | undefined {
  return shape.enum ?? shape.anyOf?.find((choice) => choice.enum)?.enum;
}

/** What a field of this shape says that is there and was left empty: its type's own emptiness. */
export function zeroOf(shape: Shape): Json {
  const names = enumNames(shape);
  if (names) return names[0] ?? "";
  const kind = { int64: "0", uint64: "0", timestamp: "1970-01-01T00:00:00Z", duration: "0s" }[shape["x-kind"] ?? ""];
  switch (shape.type) {
    case "boolean":
      return false;
    case "number":
    case "integer":
      return new Digits("0");
    case "string":
      return kind ?? "";
    case "array":
      return [];
    default:
      return shape["x-kind"] === "value" || shape.type === "null" ? null : new Members([]);
  }
}

/** What a reader calls the shape: `string`, `int64`, `ComponentHealth[]`. */
export function kindOf(shape: Shape): string {
  if (shape["x-kind"]) return shape.contentEncoding ? `${shape["x-kind"]}, ${shape.contentEncoding}` : shape["x-kind"];
  const name = messageName(shape) ?? shape["x-enum"];
  if (name) return name.split(".").at(-1) ?? name;
  if (shape.type === "array") return `${kindOf(shape.items ?? {})}[]`;
  if (shape.type === "object" && typeof shape.additionalProperties === "object") return `map of ${kindOf(shape.additionalProperties)}`;
  return shape.type ?? "any";
}
