// What this page follows, on the client that `rialto generate typescript` made from the schema.

import { channel, connect, operations, project, session, system } from "./sdk/index.js";
import type { AnyEvent, ChannelRef, ConnectOptions, Gap, Moved, Reset, Status, Subscribed } from "./sdk/index.js";
import type { OperationsEvent, ProjectEvent, SystemEvent } from "./sdk/index.js";

/** What the demo's services tell. `switch (event.type)` narrows `event.data`. */
export type StoryEvent = ProjectEvent | OperationsEvent | SystemEvent;

/** Who is told. */
export interface Listener {
  onStatus(status: Status): void;
  onEvent(event: StoryEvent | AnyEvent): void;
  onSubscribed(subscribed: Subscribed): void;
  onGap(gap: Gap): void;
  onReset(reset: Reset): void;
  onPosition(moved: Moved): void;
  onEnd(channel: string, why: string): void;
}

/** Follows the demo's channels, or those that a schema of your own subscribes everybody to. */
export function startFeed(own: readonly string[] | undefined, listener: Listener, options: ConnectOptions) {
  const client = connect(options);

  function follow<E extends StoryEvent | AnyEvent>(ref: ChannelRef<E>): void {
    client.subscribe(ref, listener.onEvent, {
      onSubscribed: listener.onSubscribed,
      onGap: listener.onGap, //           these events are lost to us; the next one is later
      onReset: listener.onReset, //       the log is a new one: what we knew of it is void
      onPosition: listener.onPosition, // newer values of the same key have superseded what we did not get
      onUnknown: listener.onEvent,
      onEnd: (error) => listener.onEnd(ref.name, error?.message ?? "left"),
    });
  }

  if (own) {
    for (const name of own) follow(channel(name)); // by name: a client of your schema knows its types
  } else {
    for (const projectId of ["42", "7", "nørd"]) follow(project({ projectId }));
    follow(operations());
    follow(system());
  }

  let sessionId = "";
  client.onStatus((status) => {
    listener.onStatus(status);
    if (status.state !== "connected" || status.sessionId === sessionId) return;
    sessionId = status.sessionId; // the bridge made it, and keeps it for us over every reconnect
    follow(channel(session({ sessionId }).name));
  });

  return { follow: (name: string) => follow(channel(name)) };
}
