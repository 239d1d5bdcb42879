// The one error class. Everything that can go wrong has a code, says whether to try again, and keeps its cause.

/** What went wrong: gRPC's names in lower case, and four that only a client can know. */
export type RialtoErrorCode =
  | "cancelled"
  | "unknown"
  | "invalid_argument"
  | "deadline_exceeded"
  | "not_found"
  | "already_exists"
  | "permission_denied"
  | "resource_exhausted"
  | "failed_precondition"
  | "aborted"
  | "out_of_range"
  | "unimplemented"
  | "internal"
  | "unavailable"
  | "data_loss"
  | "unauthenticated"
  | "buffer_overflow"
  | "closed"
  | "protocol"
  | "schema_mismatch";

/** What an error knows beyond its code and message. */
export interface RialtoErrorDetails {
  /** The number on the wire, 4001 to 4504, or the WebSocket close code. */
  readonly number?: number;
  /** A stable word for programs, `channel_not_found`. */
  readonly reason?: string;
  /** Where in the frame the mistake is, `data.progress`. */
  readonly path?: string;
  /** The channel that it concerns. */
  readonly channel?: string;
  /** How long to wait before trying again, in milliseconds. */
  readonly retryAfterMs?: number;
}

/** Any failure of the client or the bridge. */
export class RialtoError extends Error {
  override readonly name: string = "RialtoError";
  /** What went wrong. */
  readonly code: RialtoErrorCode;
  /** Whether the same may succeed later. */
  readonly retryable: boolean;
  /** More, where it is known. */
  readonly details: RialtoErrorDetails;

  constructor(
    code: RialtoErrorCode,
    message: string,
    details: RialtoErrorDetails = {},
    retryable: boolean = code === "unavailable",
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.retryable = retryable;
    this.details = details;
  }
}

/** Whether something thrown is a {@link RialtoError}, of this code where one is given. */
export function isRialtoError<Code extends RialtoErrorCode = RialtoErrorCode>(
  error: unknown,
  code?: Code,
): error is RialtoError & { readonly code: Code } {
  return error instanceof RialtoError && (code === undefined || error.code === code);
}
