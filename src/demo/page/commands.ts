// Commands to copy: the same things from a terminal and from a service.

import { element } from "./dom.js";
import { wrapped } from "./publish.js";

/** Where everything listens: `/demo/node.json`. */
export type NodeInfo = {
  version: string;
  listen: string;
  grpc: string;
  admin: string;
  /** Where a WebSocket connects. */
  websocketUrl: string;
  adminUrl: string;
  /** What `--grpc` takes. */
  grpcUrl: string;
  slowPort: number;
  slowBytesPerSecond: number;
  story: boolean;
  /** Names the schema that is served. */
  fingerprint: string;
};

/** What the publish form says now. */
export type Draft = { type: string; message: string; json: string; channel: string };

type Command = { title: string; text: string };

/** The commands, with the addresses of this bridge and the event of the form. */
function commands(node: NodeInfo, draft: Draft): Command[] {
  const { json } = draft;
  return [
    { title: "Follow, in a terminal", text: `rialto subscribe ${quote(draft.channel)} --url ${node.websocketUrl}` },
    {
      title: "Follow with wscat, then type a frame",
      text: `wscat -c '${node.websocketUrl}?session_id=me'\n{"type":"channel.subscribe","channels":[{"name":${JSON.stringify(draft.channel)}}]}`,
    },
    {
      title: "Publish over HTTP",
      text: `curl -s ${node.adminUrl}/v1/publish -H 'content-type: application/json' \\\n  -d ${quote(wrapped(draft.type, json))}`,
    },
    { title: "Publish, in a terminal", text: `rialto publish ${draft.type} ${quote(json)} --grpc ${node.grpcUrl}` },
    {
      title: "Publish from Python",
      text: `# pip install grpcio grpcio-tools
# rialto proto export proto && python -m grpc_tools.protoc -Iproto \\
#   --python_out=. --grpc_python_out=. $(cd proto && find * -name '*.proto')
import grpc
from rialto.v1.publisher_pb2 import Event, JsonPayload, PublishRequest
from rialto.v1.publisher_pb2_grpc import PublisherServiceStub

# With stubs of your own schema: Event(payload=...), the message packed in an Any.
event = Event(json=JsonPayload(type=${JSON.stringify(draft.type)}, data=${JSON.stringify(json)}))
with grpc.insecure_channel("${node.grpc}") as channel:
    answer = PublisherServiceStub(channel).Publish(PublishRequest(event=event))
    print(answer.accepted.positions[0].channel, answer.accepted.positions[0].sequence)`,
    },
  ];
}

/** Shows them. */
export function showCommands(root: HTMLElement, node: NodeInfo, draft: Draft): void {
  root.replaceChildren(
    ...commands(node, draft).flatMap(({ title, text }) => {
      const pre = element("pre", "", text);
      pre.tabIndex = 0;
      return [element("h3", "", title), element("div", "listing", [copyButton(() => text, title), pre])];
    }),
  );
}

/** A button that copies, and says so. */
export function copyButton(text: () => string, title: string): HTMLButtonElement {
  const button = element("button", "copy", "Copy");
  button.type = "button";
  button.setAttribute("aria-label", `Copy: ${title}`);
  makeCopy(button, text);
  return button;
}

/** Makes a button copy. */
export function makeCopy(button: HTMLButtonElement, text: () => string): void {
  button.addEventListener("click", () => {
    void copy(text()).then((done) => {
      button.textContent = done ? "Copied" : "Press Ctrl+C";
      setTimeout(() => (button.textContent = "Copy"), 1_500);
    });
  });
}

/** Clipboards are for secure pages only: elsewhere the text is selected, to be copied by hand. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const pre = [...document.querySelectorAll("pre")].find((candidate) => candidate.textContent === text);
    if (pre) getSelection()?.selectAllChildren(pre);
    return false;
  }
}

/** For a shell: in single quotes. */
function quote(text: string): string {
  return /^[\w:.-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
