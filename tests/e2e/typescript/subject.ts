// A page or program as a user would write it: typed channels, a listener, an iterator, what is lost, what is refused. It
// writes down what it sees; a driver asks for that, in Node or over Chromium's debugger.

import type { ConnectOptions, RialtoErrorCode, Status } from "./sdk/index.js";
import {
  Ask,
  Completed,
  channel,
  connect,
  isRialtoError,
  news,
  Progress,
  project,
  Started,
  Told,
  toDate,
  Waved,
} from "./sdk/index.js";

/** One thing that was seen. */
export interface Seen {
  readonly what: string;
  readonly channel?: string;
  readonly sequence?: number;
  readonly text?: string;
  readonly replayed?: boolean;
}

const seen: Seen[] = [];
const statuses: Status["state"][] = [];
let client: ReturnType<typeof connect> | undefined;
const abort = new AbortController();

/** Connects and follows. */
export function start(url: string, WebSocket?: ConnectOptions["WebSocket"]): void {
  client = connect({
    url,
    lingerMs: 100,
    ...(WebSocket && { WebSocket }),
    onError: (error) => seen.push({ what: "error", text: error.code }),
    onUnknown: (event) => seen.push({ what: "unknown", text: event.type }),
  });
  client.onStatus((status) => {
    statuses.push(status.state);
    if (status.state === "closed") seen.push({ what: "closed", text: status.reason?.message ?? "" });
  });
  client.subscribe(
    project({ projectId: "42" }),
    (event) => {
      const { channel, sequence, replayed } = event;
      const say = (text: string): void => {
        seen.push({ what: event.type, channel, ...(sequence !== undefined && { sequence }), text, replayed });
      };
      // Every type of the union, and no other: the compiler says so when the schema gets another one.
      switch (event.type) {
        case Progress:
          return say(`${event.data.percent.toFixed(1)} ${event.data.message}`);
        case Started:
          return say(`${event.data.name} ${event.data.at ? toDate(event.data.at).getTime() : "never"}`);
        case Completed:
          return say(event.data.outcome === "OUTCOME_FAILED" ? "failed" : String(event.data.outcome));
        case Waved:
          return say("hello");
        default:
          return event satisfies never;
      }
    },
    {
      onSubscribed: ({ channel, recovered }) => seen.push({ what: "subscribed", channel, text: String(recovered) }),
      onGap: ({ channel, first, last }) => seen.push({ what: "gap", channel, text: `${first} ${last}` }),
      onReset: ({ channel, start }) => seen.push({ what: "reset", channel, sequence: start.sequence }),
    },
  );
  // A value that could be taken for structure, and one type of several.
  client.subscribe(project({ projectId: "a:b%*{}\u00e9" }, { types: [Completed] }), ({ channel, data }) => {
    seen.push({ what: "only", channel, text: data.outcome === "OUTCOME_FAILED" ? "failed" : "done" });
  });
  client.subscribe(news({ types: [Told] }), ({ data }) => {
    seen.push({ what: "news", text: data.text });
  });
  client.subscribe(channel("nothing:1"), () => {}, {
    onEnd: (error) => seen.push({ what: "ended", text: error?.code ?? "" }),
  });
  // What the bridge says of it is shortened.
  client.subscribe(channel("x".repeat(300)), () => {}, {
    onEnd: (error) => seen.push({ what: "ended", text: error?.code ?? "" }),
  });
  void iterate();
}

/** Reads by an iterator until it is aborted. */
async function iterate(): Promise<void> {
  if (!client) return;
  for await (const event of client.events(project({ projectId: "7" }), { signal: abort.signal })) {
    seen.push({ what: "iterated", channel: event.channel, text: event.type });
  }
  seen.push({ what: "iterated to the end" });
}

/** Ends the iterator. */
export function stopIterating(): void {
  abort.abort();
}

/** Sends a client event that nobody handles. */
export async function send(): Promise<{ code: RialtoErrorCode; number: number; retryable: boolean } | undefined> {
  try {
    await client?.send(Ask, { projectId: "42", text: "Hi" });
  } catch (error) {
    if (isRialtoError(error)) {
      return { code: error.code, number: error.details.number ?? 0, retryable: error.retryable };
    }
  }
  return undefined;
}

/** What was seen until now. */
export function look(): { seen: Seen[]; statuses: string[] } {
  return { seen: [...seen], statuses: [...statuses] };
}

/** Forgets what was seen. */
export function forget(): void {
  seen.length = 0;
  statuses.length = 0;
}

export function suspend(): void {
  client?.suspend();
}

export function resume(): void {
  client?.resume();
}

/** Ends everything. */
export function close(): void {
  client?.close();
}
