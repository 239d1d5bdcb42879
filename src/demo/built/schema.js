class SchemaReader {
  document;
  constructor(document) {
    this.document = document;
  }
  /** The event types that a backend may publish, by name. */
  publishable() {
    return this.document["x-events"].filter((event) => event.from === "publisher");
  }
  /** The event type of this name. */
  event(type) {
    return this.document["x-events"].find((event) => event.type === type);
  }
  /** Every channel template that some event goes to. */
  templates() {
    return [...new Set(this.document["x-events"].flatMap((event) => event.channels))].sort();
  }
  /** The shape of a message. */
  message(fullName) {
    return this.document.$defs[fullName] ?? {};
  }
  /** The shape itself, where it only refers to a message. */
  resolve(shape) {
    const name = messageName(shape);
    return name === void 0 ? shape : { ...this.message(name), ...shape["x-oneof"] ? { "x-oneof": shape["x-oneof"] } : {} };
  }
  /** The fields of a message, in the order of its file. */
  fields(shape) {
    const properties = this.resolve(shape).properties ?? {};
    const order = this.resolve(shape)["x-order"] ?? Object.keys(properties);
    return order.flatMap((name) => properties[name] ? [[name, properties[name]]] : []);
  }
}
function messageName(shape) {
  return shape.$ref?.replace("#/$defs/", "");
}
function enumNames(shape) {
  return shape.enum ?? shape.anyOf?.find((choice) => choice.enum)?.enum;
}
function kindOf(shape) {
  if (shape["x-kind"]) return shape["x-kind"];
  const name = messageName(shape) ?? shape["x-enum"];
  if (name) return name.split(".").at(-1) ?? name;
  if (shape.type === "array") return `${kindOf(shape.items ?? {})}[]`;
  if (shape.type === "object" && typeof shape.additionalProperties === "object") return `map of ${kindOf(shape.additionalProperties)}`;
  return shape.type ?? "any";
}
export {
  SchemaReader,
  enumNames,
  kindOf,
  messageName
};
