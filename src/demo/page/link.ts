// The page's line to the bridge, which may be cut and made slow: a WebSocket class for the client's `WebSocket` option.
// The client knows nothing of it; it sees a connection that breaks, as they do.

const state = { cutUntil: 0, slowPort: undefined as number | undefined, current: undefined as LinkedSocket | undefined };

/** A WebSocket over this line. */
export class LinkedSocket extends WebSocket {
  constructor(url: string | URL, protocols?: string | string[]) {
    // While the line is cut nothing gets through.
    if (performance.now() < state.cutUntil) return new DeadSocket() as unknown as LinkedSocket;
    const address = new URL(url);
    if (state.slowPort !== undefined) address.port = String(state.slowPort);
    super(address, protocols);
    state.current = this;
  }

  /** What is said on a line that is broken gets nowhere. */
  override send(data: string | Blob | BufferSource): void {
    if (this.readyState < WebSocket.CLOSING) super.send(data);
  }

  /** Ends at once, as on a line that breaks: a goodbye would wait behind all that is on its way. */
  snap(): void {
    if (this.readyState === WebSocket.CONNECTING) return this.addEventListener("open", () => this.snap(), { once: true });
    if (this.readyState !== WebSocket.OPEN) return;
    const { onclose } = this;
    this.close();
    onclose?.call(this, new CloseEvent("close", { code: 1006 }));
  }
}

/** A WebSocket that never opens. */
class DeadSocket extends EventTarget {
  readonly protocol = "";
  binaryType = "blob";
  readyState: number = WebSocket.CONNECTING;
  onopen: unknown = null;
  onmessage: unknown = null;
  onerror: unknown = null;
  onclose: ((close: CloseEvent) => void) | null = null;

  constructor() {
    super();
    setTimeout(() => {
      this.readyState = WebSocket.CLOSED;
      const close = new CloseEvent("close", { code: 1006 });
      this.onclose?.(close);
      this.dispatchEvent(close);
    });
  }

  send(): void {}

  close(): void {}
}

/** Cuts the line, and mends it after a while. */
export function cut(forMs: number): void {
  state.cutUntil = performance.now() + forMs;
  state.current?.snap();
  setTimeout(comeBack, forMs);
}

/** Goes over the slow port from now on, or no longer: the connection breaks and comes back over the other line. */
export function useSlowLine(port: number | undefined): void {
  state.slowPort = port;
  state.current?.snap();
  comeBack();
}

/** What a browser says when its network is back: the client tries again at once, however often it has failed before. */
function comeBack(): void {
  dispatchEvent(new Event("online"));
}
