// A client that shows tokens, and tells in lines of JSON what happens to it:
//
//   node token.mjs BUNDLE CLIENT URL CHANNEL TOKEN…
//
// Each time a token is asked for it gives the next one; the last one again when there are no more. With one token it is
// given as a text, so nobody asks.

import { createRequire } from "node:module";

const [bundle, clientFolder, url, channel, ...tokens] = process.argv.slice(2);
const { createClient, templateChannel } = await import(bundle);
// Node 20 has no WebSocket of its own.
const { WebSocket } = createRequire(`${clientFolder}/package.json`)("ws");

const tell = (what) => console.log(JSON.stringify(what));
let asked = 0;
const next = ({ expired }) => {
  tell({ asked: ++asked, expired });
  return tokens[Math.min(asked, tokens.length) - 1];
};
const client = createClient({ url, WebSocket, token: tokens.length === 1 ? tokens[0] : next, onError: () => {} });
client.onStatus(({ state, userId, reason }) => tell({ state, userId, code: reason?.code, message: reason?.message }));
client.subscribe(templateChannel(channel, [], "team.presence.update"), ({ type }) => tell({ type }), {
  onSubscribed: () => tell({ subscribed: channel }),
  onEnd: () => process.exit(0),
});
