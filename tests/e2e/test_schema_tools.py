"""`rialto init`, `proto export` and `check`, as a team meets them: with git, Buf and Python's protoc beside them."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import NODE_PACKAGES, PATIENCE, PROGRAM, ROOT, eventually, running

BUF = NODE_PACKAGES / "node_modules" / ".bin" / "buf"
CORPUS = ROOT / "tests" / "vectors" / "breaking"


def run(*command, cwd=None, **environment):
    return subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, timeout=4 * PATIENCE, env={**os.environ, **environment}
    )


def rialto(*arguments, cwd=None):
    return run(PROGRAM, *arguments, cwd=cwd)


def git(folder, *arguments):
    name = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
    done = run("git", *name, *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def schema(tmp_path):
    """A folder made by `rialto init`."""
    done = rialto("init", "my proto", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path / "my proto"


def test_init_makes_a_folder_that_compiles_at_once_and_touches_nothing_that_is_there(schema):
    done = rialto("check", schema)
    assert done.returncode == 0 and "ok: 2 event types, 1 channel" in done.stdout, done.stdout + done.stderr
    assert "warning" not in done.stdout, "a schema to learn from has nothing to regret"
    before = (schema / "shop/v1/shop.proto").read_text()
    done = rialto("init", schema)
    assert done.returncode == 1 and "is not empty" in done.stderr
    assert (schema / "shop/v1/shop.proto").read_text() == before
    done = rialto("init", schema / "README.md")
    assert done.returncode == 1 and "cannot be written" in done.stderr


def test_the_commands_of_inits_readme_work_as_printed(schema, tmp_path):
    text = (schema / "README.md").read_text()
    commands = [shlex.split(block) for block in re.findall(r"```sh\n(.*?)\n```", text, re.S)]
    serve, subscribe, publish, refused = commands
    assert all(command[0] == "rialto" for command in commands)
    serve[serve.index("my proto")] = str(schema)
    with running(serve[1:], tmp_path) as bridge:
        out = open(tmp_path / "followed", "w+")
        command = [PROGRAM, *subscribe[1:], "--url", bridge.websocket]
        follower = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        try:
            done = run(PROGRAM, *publish[1:], "--grpc", bridge.grpc)
            assert done.returncode == 0 and done.stdout.startswith("shop:berlin #1"), done.stderr
            followed = tmp_path / "followed"
            eventually(lambda: '"totalCents":1999' in followed.read_text(), "the published event at the subscriber")
        finally:
            follower.terminate()
            follower.wait(PATIENCE)
        done = run(PROGRAM, *refused[1:], "--grpc", bridge.grpc)
        assert done.returncode == 1 and "items: must have at least 1 item" in done.stderr, done.stderr


def test_export_gives_other_compilers_what_they_need(schema, tmp_path):
    done = rialto("proto", "export", schema)
    assert done.returncode == 0, done.stderr
    exported = [line for line in done.stdout.splitlines()]
    assert any(line.endswith("rialto/v1/options.proto") for line in exported)
    assert any(line.endswith("buf/validate/validate.proto") for line in exported)
    # A second time there is nothing to do, and Rialto reads the folder as before.
    done = rialto("proto", "export", schema)
    assert done.returncode == 0 and done.stdout == ""
    assert rialto("check", schema).returncode == 0
    # Ours is brought up to date, a third party's version is the user's.
    (schema / "rialto/v1/options.proto").write_text("// old\n")
    mine = (schema / "google/rpc/status.proto").read_text() + "// mine\n"
    (schema / "google/rpc/status.proto").write_text(mine)
    done = rialto("proto", "export", schema)
    assert done.stdout.splitlines() == [str(schema / "rialto/v1/options.proto")]
    assert "is another version, and is kept" in done.stderr
    assert (schema / "google/rpc/status.proto").read_text() == mine

    done = run(BUF, "build", ".", "-o", tmp_path / "set.binpb", cwd=schema)
    assert done.returncode == 0, done.stderr
    folder, built = rialto("check", schema, "--json"), rialto("check", tmp_path / "set.binpb", "--json")
    names = lambda done: json.loads(done.stdout)["events"]
    assert names(folder) == names(built)

    out = tmp_path / "python"
    out.mkdir()
    files = sorted(str(path.relative_to(schema)) for path in schema.rglob("*.proto"))
    compile = [sys.executable, "-m", "grpc_tools.protoc", "-I.", f"--python_out={out}", f"--grpc_python_out={out}", *files]
    done = run(*compile, cwd=schema)
    assert done.returncode == 0, done.stderr
    program = """
from buf.validate import validate_pb2
from rialto.v1.publisher_pb2_grpc import PublisherServiceStub
from shop.v1.shop_pb2 import OrderPlaced
rules = OrderPlaced.DESCRIPTOR.fields_by_name["order_id"].GetOptions().Extensions[validate_pb2.field]
print(rules.string.max_len, PublisherServiceStub.__name__)
"""
    done = run(sys.executable, "-c", program, PYTHONPATH=str(out))
    assert done.stdout.split() == ["64", "PublisherServiceStub"], done.stderr


def test_export_gives_the_bundled_catalogue_where_it_is_asked_for(tmp_path):
    proto, out = tmp_path / "proto", tmp_path / "python"
    out.mkdir()
    assert "project/v1/" not in rialto("proto", "export", tmp_path / "plain").stdout
    done = rialto("proto", "export", "--bundled", proto)
    assert done.returncode == 0 and "project/v1/" in done.stdout, done.stderr
    files = sorted(str(path.relative_to(proto)) for path in proto.rglob("*.proto"))
    done = run(sys.executable, "-m", "grpc_tools.protoc", "-I.", f"--python_out={out}", *files, cwd=proto)
    assert done.returncode == 0, done.stderr
    module = next(path for path in sorted(out.glob("project/v1/*_pb2.py")) if "ProcessProgress" in path.read_text())
    program = f"from project.v1.{module.stem} import ProcessProgress; import rialto.v1.publisher_pb2; print(ProcessProgress(progress=50).progress)"
    done = run(sys.executable, "-c", program, PYTHONPATH=str(out))
    assert done.stdout.split() == ["50.0"], done.stderr


def test_check_against_git_takes_so_many_files_and_no_more(tmp_path):
    git = lambda *arguments, **options: run("git", *arguments, cwd=tmp_path, **options)
    git("init", "-q")
    (tmp_path / "proto").mkdir()
    text = "syntax = \"proto3\"; import \"rialto/v1/options.proto\"; message E { option (rialto.v1.event) = { type: \"e.f\" }; }"
    (tmp_path / "proto" / "a.proto").write_text(text)
    (tmp_path / "large").write_text("//" + "x" * (4 << 20))

    def commit(message, path, count):
        blob = git("hash-object", "-w", path).stdout.strip()
        names = "".join(f"100644 {blob}\tproto/{message}{number}.proto\n" for number in range(count))
        git("read-tree", "--empty")
        subprocess.run(["git", "update-index", "--index-info"], input=names, text=True, cwd=tmp_path, check=True)
        tree = git("write-tree").stdout.strip()
        identity = {f"GIT_{who}_{what}": "a@example.com" for who in ["AUTHOR", "COMMITTER"] for what in ["NAME", "EMAIL"]}
        return git("commit-tree", tree, "-m", message, **identity).stdout.strip()

    done = rialto("check", "proto", "--against", commit("many", "proto/a.proto", 10_001), cwd=tmp_path)
    assert done.returncode == 2 and "more than 10000 .proto files" in done.stderr, done.stdout + done.stderr
    done = rialto("check", "proto", "--against", commit("large", "large", 17), cwd=tmp_path)
    assert done.returncode == 1 and "more than the 67108864 bytes" in done.stderr, done.stdout + done.stderr


def change(schema, old, new):
    path = schema / "shop/v1/shop.proto"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_check_against_a_folder_a_set_and_a_commit_tells_what_breaks(schema, tmp_path):
    old = tmp_path / "old"
    shutil.copytree(schema, old)
    assert rialto("proto", "export", tmp_path / "third").returncode == 0
    built = tmp_path / "old.binpb"
    shutil.copytree(tmp_path / "third", tmp_path / "both")
    shutil.copytree(schema, tmp_path / "both", dirs_exist_ok=True)
    assert run(BUF, "build", ".", "-o", built, cwd=tmp_path / "both").returncode == 0
    git(tmp_path, "init", "-q")
    # Hidden folders are no part of a schema, in git as on the disk.
    (schema / ".drafts").mkdir()
    (schema / ".drafts" / "draft.proto").write_text("not yet")
    git(tmp_path, "add", "my proto")
    git(tmp_path, "commit", "-q", "-m", "one")
    change(schema, "string reason = 4;", "string reason = 4;\n  string note = 6;")
    for against in [old, built, "main", "HEAD"]:
        done = rialto("check", schema, "--against", against)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"nothing changed for users of {against}" in done.stdout
    git(tmp_path, "commit", "-q", "-a", "-m", "two")

    change(schema, "  string note = 6;\n", "")
    change(schema, 'type: "order.placed"', 'type: "order.made"')
    done = rialto("check", schema, "--against", "HEAD")
    assert done.returncode == 1, done.stdout
    place = f"{schema}/shop/v1/shop.proto"
    assert re.search(re.escape(place) + r":\d+:\d+: breaking: .* \[event-type-renamed\]\n    \S", done.stdout), done.stdout
    assert "[field-removed]" in done.stdout and "2 breaking changes" in done.stderr
    # Against the commit before, and against the folder and the set, the note has never been there.
    for against in ["HEAD~1", old, built]:
        done = rialto("check", schema, "--against", against, "--json")
        changes = json.loads(done.stdout)
        assert done.returncode == 1 and changes["ok"] is False
        assert [change["rule"] for change in changes["changes"]] == ["event-type-renamed"]
        found = changes["changes"][0]
        assert found["severity"] == "breaking" and found["line"] > 1 and found["why"] and found["advice"]
    done = rialto("check", schema, "--against", "HEAD", "--allow", "event-type-renamed", "--allow", "field-removed")
    assert done.returncode == 0, done.stdout

    # What is gone is shown where it was.
    (schema / "shop/v1/shop.proto").unlink()
    (schema / "other.proto").write_text('syntax = "proto3"; package other.v1; message Other {}')
    done = rialto("check", schema, "--against", "main")
    assert done.returncode == 1 and f"main:{schema}/shop/v1/shop.proto:" in done.stdout, done.stdout


def test_in_a_hook_of_another_repository_the_schemas_own_is_asked(schema, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for folder in (schema, other):
        git(folder, "init", "-q")
        (folder / "any.txt").write_text("any")
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", "one")
    change(schema, 'type: "order.placed"', 'type: "order.made"')
    hook = {"GIT_DIR": other / ".git", "GIT_WORK_TREE": other, "GIT_INDEX_FILE": other / ".git/index", "GIT_PREFIX": "a/"}
    done = run(PROGRAM, "check", schema, "--against", "HEAD", **{name: str(value) for name, value in hook.items()})
    assert done.returncode == 1 and "[event-type-renamed]" in done.stdout, done.stdout + done.stderr


def test_symbolic_links_in_git_are_followed_to_files_of_the_tree_and_else_refused(schema, tmp_path):
    file = schema / "shop/v1/shop.proto"
    (tmp_path / "common").mkdir()
    file.rename(tmp_path / "common/shop.proto")
    file.symlink_to("../../../common/shop.proto")
    (schema / "notes.txt").symlink_to("nowhere")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "one")
    file.unlink()
    file.write_text((tmp_path / "common/shop.proto").read_text())
    done = rialto("check", schema, "--against", "HEAD")
    assert done.returncode == 0 and "nothing changed" in done.stdout, done.stdout + done.stderr
    change(schema, 'type: "order.placed"', 'type: "order.made"')
    assert "[event-type-renamed]" in rialto("check", schema, "--against", "HEAD").stdout
    for name, target, why in [
        ("x.proto", tmp_path.parent / "x.proto", "leads out of the repository"),
        ("x.proto", "y.proto", "leads to nothing"),
        ("more", "../common", "to a folder"),
    ]:
        link = schema / name
        link.symlink_to(target)
        git(tmp_path, "add", link)
        git(tmp_path, "commit", "-q", "-m", "link")
        link.unlink()
        done = rialto("check", schema, "--against", "HEAD")
        assert done.returncode == 2 and f"{name} is a symbolic link" in done.stderr and why in done.stderr, done.stderr
        git(tmp_path, "add", "-A")


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["DIR", "--against", "no-such-branch"], 2, "neither a path, nor a commit"),
        (["DIR", "--against=--output=x"], 2, "give a folder, a descriptor set, or a git ref"),
        (["--against", "main"], 2, "name your schema's folder"),
        (["DIR", "--allow", "nonsense"], 2, "there is no such name; known: package-changed"),
        (["DIR", "--against", "BROKEN"], 2, "the older schema has 1 mistake itself"),
        (["BROKEN", "--against", "DIR"], 1, "1 mistake in the schema"),
    ],
)
def test_what_is_said_wrong_is_told_apart_from_what_breaks(schema, tmp_path, arguments, code, text):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "a.proto").write_text('syntax = "proto3"; message A { B b = 1; }')
    given = {"DIR": schema, "BROKEN": broken}
    done = rialto("check", *[given.get(argument, argument) for argument in arguments], cwd=tmp_path)
    assert done.returncode == code and text in done.stderr, done.stdout + done.stderr


def test_warnings_have_names_and_can_be_allowed(schema):
    change(schema, "    jstype = JS_NUMBER,\n", "")
    done = rialto("check", schema)
    assert done.returncode == 0 and "OrderPlaced.total_cents is a string in JSON [int64-string]" in done.stdout
    done = rialto("check", schema, "--allow", "int64-string")
    assert "warning" not in done.stdout
    found = json.loads(rialto("check", schema, "--json").stdout)["warnings"]
    assert [warning["rule"] for warning in found] == ["int64-string"] and found[0]["line"] > 1


# Of the kinds that `buf breaking` knows too, category WIRE_JSON.
KNOWN_TO_BUF = {
    "package-changed",
    "field-removed",
    "field-renamed",
    "field-json-name-changed",
    "field-type-changed",
    "field-cardinality-changed",
    "field-oneof-changed",
    "field-default-changed",
    "required-changed",
    "reserved-removed",
    "enum-value-removed",
    "enum-value-renamed",
}

# Buf looks at the label, which an edition has no more: it takes a required field for one that is gone.
KNOWN_BETTER = {"edition_required_is_proto2_required"}


def test_the_verdict_on_wire_and_json_is_bufs(tmp_path):
    cases = sorted(path for path in CORPUS.iterdir() if path.is_dir())
    assert len(cases) > 110
    config = json.dumps({"version": "v2", "breaking": {"use": ["WIRE_JSON"]}})

    def compare(case):
        sides = {}
        for side in ["old", "new"]:
            sides[side] = tmp_path / case.name / side
            shutil.copytree(case / side, sides[side])
            assert rialto("proto", "export", sides[side]).returncode == 0
        buf = run(BUF, "breaking", sides["new"], "--against", sides["old"], "--config", config)
        assert buf.returncode in (0, 100), buf.stderr
        # Files of an edition are given as sets.
        built = {side: case / f"{side}.binpb" for side in sides}
        given = {side: path if path.exists() else case / side for side, path in built.items()}
        ours = rialto("check", given["new"], "--against", given["old"], "--json")
        changes = json.loads(ours.stdout)["changes"]
        known = [change for change in changes if change["rule"] in KNOWN_TO_BUF]
        if (buf.returncode == 100) != (bool(known) or case.name in KNOWN_BETTER):
            return f"{case.name}: buf says {buf.stdout!r}, rialto {[change['rule'] for change in known]}"
        return None

    with ThreadPoolExecutor(2) as pool:
        wrong = [said for said in pool.map(compare, cases) if said]
    assert not wrong, "\n".join(wrong)
