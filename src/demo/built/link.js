const state = { cutUntil: 0, slowPort: void 0, current: void 0 };
class LinkedSocket extends WebSocket {
  constructor(url, protocols) {
    const address = new URL(url);
    if (state.slowPort !== void 0) address.port = String(state.slowPort);
    super(address, protocols);
    state.current = this;
    if (performance.now() < state.cutUntil) this.close();
  }
}
function cut(forMs) {
  state.cutUntil = performance.now() + forMs;
  state.current?.close();
  setTimeout(() => {
    dispatchEvent(new Event("online"));
  }, forMs);
}
function useSlowLine(port) {
  state.slowPort = port;
  state.current?.close();
}
export {
  LinkedSocket,
  cut,
  useSlowLine
};
