"""The TypeScript that `rialto generate typescript` writes, and its runtime: form, types, size, and a real bridge."""

import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest
from websockets.sync.client import connect

from conftest import NODE_PACKAGES, PATIENCE, PROGRAM, ROOT, running

CLIENT = ROOT / "clients" / "typescript"
MODULES = CLIENT / "node_modules"
HERE = ROOT / "tests" / "e2e" / "typescript"
VECTORS = ROOT / "tests" / "vectors"
NEWEST = [MODULES / ".bin" / "tsc"]
OLDEST = ["node", MODULES / "typescript-oldest" / "bin" / "tsc"]


def run(*command, **more):
    """What a command said, and whether it succeeded."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, **more)
    return done.stdout + done.stderr, done.returncode == 0


def expect(*command, **more):
    """What a command said that must succeed."""
    said, succeeded = run(*command, **more)
    assert succeeded, said
    return said


def generate(out, *flags):
    return expect(PROGRAM, "generate", "typescript", "--out", out, *flags)


def write_project(folder, **options):
    """A TypeScript project, as strict as a user's may be."""
    settings = {
        "target": "ES2022",
        "lib": ["ES2022", "DOM"],
        "types": [],
        "module": "ESNext",
        "moduleResolution": "Bundler",
        "noEmit": True,
        "strict": True,
        "exactOptionalPropertyTypes": True,
        "noUncheckedIndexedAccess": True,
        "noUnusedLocals": True,
        "noUnusedParameters": True,
        "verbatimModuleSyntax": True,
        "isolatedModules": True,
        **options,
    }
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": settings, "include": ["**/*.ts"]}))


NEW_RULES = {"declaration": True, "isolatedDeclarations": True, "erasableSyntaxOnly": True}


def test_the_runtime_keeps_its_promises():
    expect("node", "scripts/test.mjs", cwd=CLIENT)


def test_the_demo_pages_client_is_current():
    expect("node", "scripts/page.mjs", PROGRAM, "--check", cwd=CLIENT)


def test_the_client_stays_small():
    expect("node", "scripts/size.mjs", PROGRAM, cwd=CLIENT)


@pytest.mark.parametrize("schema", ["names", "values", "packages", "legacy", "bundled"])
@pytest.mark.parametrize("compiler", ["oldest", "newest"])
def test_what_is_generated_compiles_with_the_oldest_and_the_newest_typescript(tmp_path, schema, compiler):
    flags = [] if schema == "bundled" else ["--schema", VECTORS / "typescript" / schema / "schema"]
    generate(tmp_path / "sdk", *flags)
    write_project(tmp_path, **(NEW_RULES if compiler == "newest" else {}))
    expect(*(NEWEST if compiler == "newest" else OLDEST), "-p", tmp_path)


def test_what_is_generated_runs_as_commonjs(tmp_path):
    """Its own names are not those that every such module has."""
    generate(tmp_path / "sdk", "--schema", VECTORS / "typescript" / "names" / "schema")
    write_project(
        tmp_path,
        module="CommonJS",
        moduleResolution="Node10",
        verbatimModuleSyntax=False,
        noEmit=False,
        outDir="built",
    )
    expect(*OLDEST, "-p", tmp_path)
    (tmp_path / "package.json").write_text("{}")
    said = expect("node", "-p", 'require("./built/index.js").Object$', cwd=tmp_path)
    assert said == "object\n", said


def corpus():
    """The transcoder's vectors in canonical form, by message: what a publisher may send as JSON."""
    message = None
    for line in (VECTORS / "transcode.txt").read_text().splitlines():
        if line[:2] in ("> ", "< "):
            message = line[2:].split(" |")[0]
        elif line.startswith("c: {") and message and not message.startswith("google."):
            yield message, line[3:]


def test_what_a_real_bridge_prints_is_of_the_generated_type(tmp_path):
    """Each vector is published, received and checked by the compiler: nothing is missing, nothing is too much."""
    schema = tmp_path / "schema"
    shutil.copytree(VECTORS / "transcode", schema)
    messages = sorted({message for message, _ in corpus()})
    packages = sorted({message.split(".")[0] for message in messages})
    imports = "".join(f'import "{package}.proto";\n' for package in packages)
    fields = "".join(f"  {message} field{index} = {index};\n" for index, message in enumerate(messages, 1))
    (schema / "all.proto").write_text(
        'syntax = "proto3";\npackage all;\nimport "rialto/v1/options.proto";\n'
        'message AllChannel {\n  option (rialto.v1.channel) = {template: "all"};\n}\n'
        f'{imports}message All {{\n  option (rialto.v1.event) = {{type: "all" channels: ["AllChannel"]}};\n{fields}}}\n'
    )
    lines = ['import type { All } from "./sdk/index.js";']
    with running(["serve", "--schema", schema], tmp_path) as bridge:
        with connect(bridge.websocket) as socket:
            socket.send('{"type":"channel.subscribe","channels":[{"name":"all"}]}')
            while json.loads(socket.recv(PATIENCE))["data"].get("channel") != "all":
                pass
            for message, printed in corpus():
                data = f'{{"field{1 + messages.index(message)}":{printed}}}'
                body = f'{{"type":"all","data":{data}}}'.encode()
                headers = {"content-type": "application/json"}
                request = urllib.request.Request(f"{bridge.admin}/v1/publish", body, headers)
                try:
                    urllib.request.urlopen(request, timeout=PATIENCE).close()
                except urllib.error.HTTPError:
                    # Vectors that need an option which a bridge does not have, as NaN.
                    continue
                # A heartbeat comes whenever it is time.
                while (frame := socket.recv(PATIENCE)) and json.loads(frame)["type"] != "all":
                    pass
                # The text itself: what Python reads and writes might be another.
                printed = frame.split(',"data":', 1)[1][:-1]
                lines.append(f"export const case{len(lines)}: All = {printed};")
    assert len(lines) > 120, len(lines)
    generate(tmp_path / "sdk", "--schema", schema)
    (tmp_path / "cases.ts").write_text("\n".join(lines))
    write_project(tmp_path)
    said, _ = run(*NEWEST, "-p", tmp_path, "--pretty", "false")
    wrong = [line for line in said.splitlines() if ": error " in line]
    # A value of an enum that the schema does not name is a number that cannot be written down. Nothing else is wrong.
    assert all("Type 'number' is not assignable to type 'Color'" in line for line in wrong), said
    assert len(wrong) < 5, said


def test_check_says_what_is_not_current_and_a_run_repairs_it(tmp_path):
    out = tmp_path / "sdk"
    flags = ["--schema", VECTORS / "typescript" / "values" / "schema"]
    generate(out, *flags)
    generate(out, *flags, "--check")
    mine = out / "mine.ts"
    mine.write_text("export {};\n")
    (out / "old.v1.ts").write_text("// Generated by rialto 0.0.1 from another schema.\n")
    (out / "index.ts").write_text("changed")
    (out / "runtime" / "queue.ts").unlink()
    said, succeeded = run(PROGRAM, "generate", "typescript", "--out", out, *flags, "--check")
    assert not succeeded
    for name, problem in [("index.ts", "is not current"), ("runtime/queue.ts", "No such file"), ("old.v1.ts", "not of this schema")]:
        assert re.search(rf"{name}: .*{problem}", said), said
    assert "mine.ts" not in said
    generate(out, *flags)
    generate(out, *flags, "--check")
    assert mine.exists() and not (out / "old.v1.ts").exists()


def test_a_schema_with_two_events_of_one_name_is_refused_with_the_way_out(tmp_path):
    schema = VECTORS / "typescript" / "clash" / "schema"
    said, succeeded = run(PROGRAM, "generate", "typescript", "--schema", schema, "--out", tmp_path / "sdk")
    assert not succeeded and "--alias shop.v1.Opened=" in said
    assert not (tmp_path / "sdk").exists()
    generate(tmp_path / "sdk", "--schema", schema, "--alias", "shop.v1.Opened=ShopOpened")


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    """A program on the generated client, type-checked and bundled."""
    folder = tmp_path_factory.mktemp("typescript")
    generate(folder / "sdk", "--schema", HERE / "schema")
    for name in ("subject.ts", "tsconfig.json"):
        shutil.copy(HERE / name, folder / name)
    for compiler in (OLDEST, NEWEST):
        expect(*compiler, "-p", folder)
    bundle = folder / "subject.mjs"
    expect(MODULES / ".bin" / "esbuild", folder / "subject.ts", "--bundle", "--format=esm", f"--outfile={bundle}")
    return bundle


def drive(bundle, *browser):
    said = expect("node", HERE / "drive.mjs", PROGRAM, HERE / "schema", bundle, CLIENT, *browser, timeout=10 * PATIENCE)
    assert said.count("ok   ") == 9, said


def test_a_program_in_node_follows_a_real_bridge_through_cuts(subject):
    drive(subject)


def test_a_page_in_chromium_follows_a_real_bridge_through_cuts(subject):
    chromium = shutil.which("chromium")
    assert chromium, "chromium is missing: make tools installs it"
    drive(subject, chromium, NODE_PACKAGES)
