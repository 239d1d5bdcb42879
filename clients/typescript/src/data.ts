// The JSON forms of protobuf values that JavaScript has no type for, and their conversions.

declare const form: unique symbol;
declare const unnamed: unique symbol;

/** A 64-bit integer in decimal. {@link toBigInt} reads it. */
export type Int64String = string & { readonly [form]?: "int64" };
/** Bytes in base64. {@link toBytes} reads it. */
export type Base64String = string & { readonly [form]?: "base64" };
/** A moment, RFC 3339: `2026-11-20T10:30:45.123Z`. {@link toDate} reads it. */
export type TimestampString = string & { readonly [form]?: "timestamp" };
/** A span of time in seconds: `1.5s`. {@link toMilliseconds} reads it. */
export type DurationString = string & { readonly [form]?: "duration" };
/** A value of an enum that this client's schema has no name for: its name or its number. */
export type UnknownEnum = (string | number) & { readonly [unnamed]: true };

/** Any JSON value. */
export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;
/** Any JSON object. */
export type JsonObject = { [key: string]: JsonValue };
/** A message of a type that its `@type` names; an empty one has none. */
export type AnyMessage = { "@type"?: string } & JsonObject;

/** A message as it may be sent: what is left out has its default. */
export type Draft<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends readonly (infer Item)[]
    ? Draft<Item>[]
    : { [Key in keyof T]?: Draft<T[Key]> };

/** The moment, to the millisecond. */
export function toDate(timestamp: TimestampString): Date {
  return new Date(timestamp);
}

/** The moment as protobuf's JSON has it. */
export function fromDate(date: Date): TimestampString {
  return date.toISOString();
}

/** The span of time in milliseconds. */
export function toMilliseconds(duration: DurationString): number {
  return Number.parseFloat(duration) * 1000;
}

/** The span of time as protobuf's JSON has it. */
export function fromMilliseconds(milliseconds: number): DurationString {
  return `${(milliseconds / 1000).toFixed(9).replace(/\.?0+$/, "")}s`;
}

/** The integer. */
export function toBigInt(integer: Int64String): bigint {
  return BigInt(integer);
}

/** The integer as protobuf's JSON has it. */
export function fromBigInt(integer: bigint): Int64String {
  return integer.toString();
}

/** The bytes. */
export function toBytes(base64: Base64String): Uint8Array {
  return Uint8Array.from(atob(base64.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
}

/** The bytes as protobuf's JSON has them. */
export function fromBytes(bytes: Uint8Array): Base64String {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
