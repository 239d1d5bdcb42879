// Events that wait for an async iterator to ask for them, within a bound.

import { RialtoError } from "./errors.js";

/** What happens when an iterator's buffer is full. */
export type OverflowPolicy = "error" | "drop-oldest" | "drop-newest";

/** A bounded queue with an asynchronous end. */
export interface Queue<T> extends AsyncIterableIterator<T> {
  /** Adds an item, unless the queue has ended. */
  push(item: T): void;
  /** Ends it after what is in it; with an error, where there is one. */
  end(error?: unknown): void;
}

/** Makes a queue. `onReturn` is called once, when the reader or the writer is done. */
export function createQueue<T>(capacity: number, policy: OverflowPolicy, onReturn: () => void): Queue<T> {
  const items: T[] = [];
  const readers: { resolve: (result: IteratorResult<T>) => void; reject: (error: unknown) => void }[] = [];
  let ended: { error?: unknown } | undefined;

  const end = (error?: unknown): void => {
    if (ended) return;
    ended = error === undefined ? {} : { error };
    onReturn();
    for (const reader of readers.splice(0)) settle(reader.resolve, reader.reject);
  };
  const settle = (resolve: (result: IteratorResult<T>) => void, reject: (error: unknown) => void): void => {
    if (items.length > 0) resolve({ done: false, value: items.shift() as T });
    else if (ended && "error" in ended) {
      const { error } = ended;
      ended = {};
      reject(error);
    } else resolve({ done: true, value: undefined });
  };

  return {
    push(item) {
      if (ended) return;
      const reader = readers.shift();
      if (reader) return reader.resolve({ done: false, value: item });
      if (items.length >= capacity) {
        if (policy === "drop-newest") return;
        if (policy === "error") {
          return end(new RialtoError("buffer_overflow", `the reader is ${capacity} events behind`));
        }
        items.shift();
      }
      items.push(item);
    },
    end,
    next() {
      return new Promise((resolve, reject) => {
        if (items.length > 0 || ended) settle(resolve, reject);
        else readers.push({ resolve, reject });
      });
    },
    return() {
      items.length = 0;
      end();
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
