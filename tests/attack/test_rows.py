"""The catalogue: a row is tested or listed with the reason why not, never both; nothing is tested that is no row."""

import ast
import pathlib
import re

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]


def rows():
    lines = (line for line in (HERE / "rows.txt").read_text().splitlines() if line and not line.startswith("#"))
    return {id: (kind, what) for id, kind, what in (line.split(None, 2) for line in lines)}


def not_yet():
    lines = (line for line in (HERE / "not_yet.txt").read_text().splitlines() if line and not line.startswith("#"))
    return dict(line.split(None, 1) for line in lines)


def attacks():
    """Each row's tests: file and source."""
    found = {}
    for file in sorted([*HERE.glob("test_*.py"), *HERE.glob("long_*.py")]):
        text = file.read_text()
        for node in ast.walk(ast.parse(text)):
            name = re.match(r"test_([a-z]{2})_(\d\d)_", str(getattr(node, "name", "")))
            if name and isinstance(node, ast.FunctionDef):
                id = f"{name[1].upper()}-{name[2]}"
                found.setdefault(id, []).append((file.name, ast.get_source_segment(text, node)))
    return found


def judge(rows, not_yet, tested, read):
    """Everything that is wrong with the catalogue."""
    wrong = [f"{id} is tested and no row" for id in tested if id not in rows]
    wrong += [f"{id} is listed and no row" for id in not_yet if id not in rows]
    for id, (kind, what) in rows.items():
        elsewhere = re.search(r", in (\S+): (\w+)$", what)
        tests = tested.get(id, [])
        ways = (bool(tests) + (id in not_yet) + bool(elsewhere))
        if ways != 1:
            wrong.append(f"{id} is tested, listed or tested elsewhere: {ways} of these")
        if elsewhere and elsewhere[2] not in read(elsewhere[1]):
            wrong.append(f"{id} is tested by {elsewhere[2]}, which is not in {elsewhere[1]}")
        for file, source in tests:
            if kind == "G" and not file.startswith("test_"):
                wrong.append(f"{id} is of `make test` and in {file}")
            if kind == "N" and not file.startswith("long_"):
                wrong.append(f"{id} is of `make attack` and in {file}")
            if "negative control" not in source:
                wrong.append(f"{id} has no negative control in {file}")
    return wrong


def test_every_row_is_tested_or_listed():
    assert len(rows()) > 50
    assert judge(rows(), not_yet(), attacks(), lambda path: (ROOT / path).read_text()) == []


def test_a_wrong_catalogue_is_seen():
    good = ({"WS-06": ("G", "headers")}, {}, {"WS-06": [("test_a.py", "the negative control")]})
    assert judge(*good, str) == []
    for rows, listed, tests in [
        ({"WS-06": ("G", "headers")}, {}, {}),
        ({"WS-06": ("G", "headers")}, {"WS-06": "why"}, good[2]),
        ({"WS-06": ("N", "headers")}, {}, good[2]),
        ({"WS-06": ("G", "headers")}, {}, {"WS-06": [("long_a.py", "the negative control")]}),
        ({"WS-06": ("G", "headers")}, {}, {"WS-06": [("test_a.py", "nothing")]}),
        ({"WS-06": ("G", "headers")}, {}, good[2] | {"WS-99": []}),
        ({"WS-06": ("G", "headers, in tests/elsewhere.rs: a_test")}, {}, {}),
    ]:
        assert judge(rows, listed, tests, str) != [], (rows, listed, tests)
