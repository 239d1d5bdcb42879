import { LinkedSocket } from "./link.js";
export type StatusText = { state: string; text: string; notice?: string; mood: "good" | "warn" | "bad" };
export type FeedEvent = { type: string; channel: string; sequence: number; timestamp: string; replayed: boolean; data: unknown };
export type Lost = { kind: "gap" | "reset"; channel: string; first: number; last: number };
export type Feed = { follow(channel: string): Promise<string | undefined>; back(): Promise<void> };
type Sink = {
  status(status: StatusText): void;
  subscribed(channel: string, start: number, head: number, recovered: boolean | undefined): void;
  event(event: FeedEvent): void;
  lost(lost: Lost): void;
  moved(channel: string, sequence: number, conflated: number): void;
  refused(text: string): void;
};
export function startFeed(channels: readonly string[], on: Sink): Feed { throw new Error("x" + channels + on + LinkedSocket); }
