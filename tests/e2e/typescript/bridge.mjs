// A real bridge and the way to it, which can be cut.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A client may wait 20 s before it tries again. */
const PATIENCE_MS = 2 * Number(process.env.PATIENCE_SECONDS ?? 30) * 1000;

/** The condition's value as soon as it is true. */
export async function eventually(condition, what) {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; ) {
    const value = await condition();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${what()}: not within ${PATIENCE_MS} ms`);
}

/** Starts a bridge on free ports. */
export async function startBridge(program, ...flags) {
  const ready = join(mkdtempSync(join(tmpdir(), "rialto-typescript-")), "ready.json");
  const free = ["--listen", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--ready-file", ready];
  const bridge = spawn(program, ["serve", ...flags, ...free], { stdio: ["ignore", "ignore", "ignore"] });
  const ended = new Promise((resolve) => bridge.once("exit", resolve));
  // However this ends, it does not stay behind.
  process.once("exit", () => bridge.kill("SIGKILL"));
  await eventually(() => existsSync(ready), () => "the bridge's ready file");
  const { listen, admin } = JSON.parse(readFileSync(ready, "utf8"));
  return {
    port: Number(listen.split(":").pop()),
    async publish(type, data) {
      const response = await fetch(`http://${admin}/v1/publish`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(Array.isArray(data) ? data.map((data) => ({ type, data })) : { type, data }),
      });
      const answer = await response.json();
      if (!response.ok) throw new Error(JSON.stringify(answer));
      return answer;
    },
    async stop(signal) {
      bridge.kill(signal);
      await ended;
    },
  };
}

/** A way to a bridge: passes bytes on until it is cut. */
export async function startWay() {
  const open = new Set();
  let port = 0;
  const server = net.createServer((near) => {
    if (port === 0) return near.destroy();
    const far = net.connect(port, "127.0.0.1");
    for (const [one, other] of [[near, far], [far, near]]) {
      open.add(one);
      one.pipe(other);
      one.on("error", () => {});
      one.on("close", () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `ws://127.0.0.1:${server.address().port}/ws`,
    origin: `http://127.0.0.1:${server.address().port}`,
    to(bridge) {
      port = bridge.port;
    },
    /** Kills what is open, and lets nobody through. */
    cut() {
      port = 0;
      for (const socket of open) socket.destroy();
    },
    close() {
      this.cut();
      server.close();
    },
  };
}
