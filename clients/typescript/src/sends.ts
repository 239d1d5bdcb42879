// Client events on their way: what waits to be sent, and what is sent and not answered.
//
// Promises: each is settled once: when the bridge has taken it, when it is refused, or when the link that carried it is gone.

import { RialtoError } from "./errors.js";
import { HEARTBEAT } from "./frames.js";
import type { Host } from "./host.js";

const MAX_WAITING = 256;

interface Send {
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
  /** Absent: a heartbeat of ours, whose answer says that what was sent before it is taken. */
  readonly settle?: (error?: RialtoError) => void;
}

/** The client events of a session. */
export interface Sends {
  /** Whether somebody waits for an answer. */
  isNeeded(): boolean;
  add(id: string, type: string, data: unknown, settle: (error?: RialtoError) => void): void;
  forget(id: string): void;
  /** Sends what waits. */
  flush(): void;
  /** A heartbeat was answered. */
  answered(replyTo: string | undefined): void;
  /** A frame was refused. Returns whether it is one of these. */
  refused(replyTo: string | undefined, error: RialtoError): boolean;
  /** The link is gone: nobody knows what became of what was sent. */
  detach(error: RialtoError): void;
  /** Nothing will be sent any more. */
  end(error: RialtoError): void;
}

/** Makes the sends of a session. */
export function createSends(host: Host, nextId: () => string): Sends {
  let waiting: Send[] = [];
  let sent: Send[] = [];
  const settleAll = (sends: Send[], error?: RialtoError): boolean => {
    for (const { settle } of sends) settle?.(error);
    return sends.length > 0;
  };
  const place = (replyTo: string | undefined): number => sent.findIndex(({ id }) => id === replyTo);

  return {
    isNeeded: () => [...waiting, ...sent].some(({ settle }) => settle),
    add(id, type, data, settle) {
      if (waiting.length < MAX_WAITING) waiting.push({ id, type, data, settle });
      else settle(new RialtoError("resource_exhausted", "too many events wait to be sent", {}, true));
    },
    forget(id) {
      waiting = waiting.filter((send) => send.id !== id);
      sent = sent.filter((send) => send.id !== id);
    },
    flush() {
      // Frames are worked off in order, so that a heartbeat's answer says that no refusal of what is before it follows.
      if (!(waiting.at(-1) ?? sent.at(-1))?.settle) return;
      waiting.push({ id: nextId(), type: HEARTBEAT, data: {} });
      for (const send of waiting.splice(0)) {
        const { type, id, data, settle } = send;
        try {
          host.send({ type, id, data });
          sent.push(send);
        } catch (cause) {
          settle?.(new RialtoError("invalid_argument", `the data of ${type} is not JSON`, {}, false, cause));
        }
      }
    },
    answered: (replyTo) => settleAll(sent.splice(0, place(replyTo) + 1)),
    refused: (replyTo, error) => settleAll(place(replyTo) < 0 ? [] : sent.splice(place(replyTo), 1), error),
    detach: (error) => settleAll(sent.splice(0), error),
    end: (error) => settleAll(waiting.splice(0), error),
  };
}
