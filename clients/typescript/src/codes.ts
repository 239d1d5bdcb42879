// The codes of errors and closes: what they mean, and whether to come back.

import type { RialtoErrorCode } from "./errors.js";
import { RialtoError } from "./errors.js";
import type { WireError } from "./frames.js";

const CODES: { readonly [number: number]: RialtoErrorCode } = {
  1002: "protocol",
  1003: "protocol",
  1007: "protocol",
  1009: "resource_exhausted",
  4001: "unauthenticated",
  4002: "unauthenticated",
  4003: "permission_denied",
  4004: "resource_exhausted",
  4005: "invalid_argument",
  4006: "not_found",
  4007: "unavailable",
  4008: "resource_exhausted",
  4500: "protocol",
  4501: "unauthenticated",
  4502: "protocol",
  4503: "schema_mismatch",
  4504: "permission_denied",
};

/** Whether to come back after a close of this code. 4100 to 4499 always, 4500 to 4999 never, known or not. */
export function mayReturn(code: number): boolean {
  return [1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014, 4004].includes(code) || (code >= 4100 && code < 4500);
}

/** Whether to come back with a new token. */
export function needsNewToken(code: number): boolean {
  return code === 4001 || code === 4002;
}

/** The error that a frame or a close tells. */
export function codeOf({ code, status, reason, message, retryAfterMs, path, channel }: WireError): RialtoError {
  const details = {
    number: code,
    reason,
    ...(retryAfterMs > 0 && { retryAfterMs }),
    ...(path && { path }),
    ...(channel && { channel }),
  };
  // gRPC's name says more than the number where they differ: a 4005 may be UNIMPLEMENTED.
  const named = status.toLowerCase() as RialtoErrorCode;
  const known = CODES[code] ?? "unknown";
  const retryable = code === 4004 || code === 4007 || mayReturn(code);
  return new RialtoError(code >= 4500 || code < 4000 ? known : named || known, message, details, retryable);
}
