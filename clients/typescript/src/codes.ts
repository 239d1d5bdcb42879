// The codes of errors and closes: what they mean, and whether to come back.

import type { RialtoErrorCode } from "./errors.js";
import { RialtoError } from "./errors.js";
import type { WireError } from "./frames.js";

/** Of closes; an error frame says it itself. */
const CODES: { readonly [number: number]: RialtoErrorCode } = {
  1009: "resource_exhausted",
  4001: "unauthenticated",
  4002: "unauthenticated",
  4003: "permission_denied",
  4501: "unauthenticated",
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

/** The error that a frame or a close tells. A close has no gRPC status. */
export function errorOf({ code, status, reason, message, retryAfterMs, path, channel }: WireError): RialtoError {
  const details = {
    number: code,
    reason,
    ...(retryAfterMs && { retryAfterMs }),
    ...(path && { path }),
    ...(channel && { channel }),
  };
  const name = (status.toLowerCase() as RialtoErrorCode) || CODES[code] || "protocol";
  return new RialtoError(name, message, details, code === 4007 || mayReturn(code));
}
