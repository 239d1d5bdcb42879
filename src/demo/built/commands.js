import { element } from "./dom.js";
function commands(node, draft) {
  const json = JSON.stringify(draft.data);
  const [packageName, message] = split(draft.message);
  const module = `${packageName.replaceAll(".", "/")}`;
  const file = packageName.split(".").at(-2) ?? packageName;
  return [
    { title: "Follow, in a terminal", text: `rialto subscribe ${quote(draft.channel)} --url ws://${node.listen}/ws` },
    {
      title: "Follow with wscat, then type a frame",
      text: `wscat -c 'ws://${node.listen}/ws?session_id=me'
{"type":"channel.subscribe","channels":[{"name":${JSON.stringify(draft.channel)}}]}`
    },
    {
      title: "Publish over HTTP",
      text: `curl -s http://${node.admin}/v1/publish -H 'content-type: application/json' \\
  -d ${quote(JSON.stringify({ type: draft.type, data: draft.data }))}`
    },
    { title: "Publish, in a terminal", text: `rialto publish ${draft.type} ${quote(json)} --grpc ${node.grpc}` },
    {
      title: "Publish from Python",
      text: `# pip install grpcio grpcio-tools
# rialto proto export proto && python -m grpc_tools.protoc -Iproto \\
#   --python_out=. --grpc_python_out=. $(cd proto && find * -name '*.proto')
import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.json_format import Parse
from ${module.replaceAll("/", ".")}.${file}_pb2 import ${message}
from rialto.v1.publisher_pb2 import Event, PublishRequest
from rialto.v1.publisher_pb2_grpc import PublisherServiceStub

payload = Any()
payload.Pack(Parse('${json.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}', ${message}()))
with grpc.insecure_channel("${node.grpc}") as channel:
    answer = PublisherServiceStub(channel).Publish(PublishRequest(event=Event(payload=payload)))
    print(answer.accepted.positions[0].channel, answer.accepted.positions[0].sequence)`
    }
  ];
}
function showCommands(root, node, draft) {
  root.replaceChildren(
    ...commands(node, draft).flatMap(({ title, text }) => {
      const pre = element("pre", "", text);
      pre.tabIndex = 0;
      return [element("h3", "", title), element("div", "listing", [copyButton(() => text, title), pre])];
    })
  );
}
function copyButton(text, title) {
  const button = element("button", "copy", "Copy");
  button.type = "button";
  button.setAttribute("aria-label", `Copy: ${title}`);
  makeCopy(button, text);
  return button;
}
function makeCopy(button, text) {
  button.addEventListener("click", () => {
    void copy(text()).then((done) => {
      button.textContent = done ? "Copied" : "Press Ctrl+C";
      setTimeout(() => button.textContent = "Copy", 1500);
    });
  });
}
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const pre = [...document.querySelectorAll("pre")].find((candidate) => candidate.textContent === text);
    if (pre) getSelection()?.selectAllChildren(pre);
    return false;
  }
}
function split(fullName) {
  const dot = fullName.lastIndexOf(".");
  return [fullName.slice(0, Math.max(0, dot)), fullName.slice(dot + 1)];
}
function quote(text) {
  return /^[\w:.-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
export {
  copyButton,
  makeCopy,
  showCommands
};
