// A client that shows tokens, and tells in lines of JSON what happens to it:
//
//   node token.mjs BUNDLE CLIENT URL CHANNEL [TOKEN]
//
// Each time a token is asked for it says so, and gives the next line of its input. With TOKEN that is given as a text, so
// nobody asks. Its clock jumps when it has connected, as after a sleep, so that a token's end is near at once.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const AHEAD_MS = 40_000;

const [bundle, clientFolder, url, channel, text] = process.argv.slice(2);
const { createClient, templateChannel } = await import(bundle);
// Node 20 has no WebSocket of its own.
const { WebSocket } = createRequire(`${clientFolder}/package.json`)("ws");

const tell = (what) => console.log(JSON.stringify(what));
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
let asked = 0;
const next = async ({ expired }) => {
  tell({ asked: ++asked, expired });
  return (await lines.next()).value;
};
const clock = Date.now;
const client = createClient({ url, WebSocket, token: text ?? next, onError: () => {} });
client.onStatus(({ state, userId, sessionId, reason }) => {
  if (state === "connected" && Date.now === clock) Date.now = () => clock() + AHEAD_MS;
  tell({ state, userId, sessionId, code: reason?.code, message: reason?.message });
});
client.subscribe(templateChannel(channel, [], "team.presence.update"), ({ type }) => tell({ type }), {
  onSubscribed: () => tell({ subscribed: channel }),
  onEnd: () => process.exit(0),
});
