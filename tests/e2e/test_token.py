"""`rialto token`: what it makes is read by others, and what others make is judged."""

import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import time
import urllib.request

from conftest import PATIENCE, PROGRAM, ROOT, eventually, running

KEYS = ROOT / "tests" / "vectors" / "keys"
SECRET = "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e"


def token(*arguments, stdin="", environment=None):
    return subprocess.run(
        [PROGRAM, "token", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, **(environment or {})},
    )


def secret_file(folder, text=SECRET):
    path = folder / "secret"
    path.write_text(text + "\n")
    return path


def mint(folder, *arguments):
    done = token("mint", "--secret-file", secret_file(folder), "--sub", "u7", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_what_is_minted_is_a_jwt_for_everybody_who_has_the_secret(tmp_path):
    options = ["--permission", "project:*:read", "--permission", "chat:write", "--for", "90m", "--session", "s1"]
    claims = ["--claim", "team=blue", "--claim", "level=3", "--claim", 'org={"id":"o1"}', "--claim", "a=b=c"]
    minted = mint(tmp_path, *options, *claims, "--issuer", "https://id.example", "--audience", "rialto")
    header, body, signature = minted.split(".")
    assert json.loads(decoded(header)) == {"alg": "HS256", "typ": "JWT"}
    expected = hmac.new(SECRET.encode(), f"{header}.{body}".encode(), hashlib.sha256).digest()
    assert decoded(signature) == expected
    found = json.loads(decoded(body))
    assert abs(found.pop("iat") - time.time()) < 60 and abs(found.pop("exp") - time.time() - 5400) < 60
    assert found == {
        "sub": "u7", "permissions": ["project:*:read", "chat:write"], "sid": "s1", "team": "blue", "level": 3,
        "org": {"id": "o1"}, "a": "b=c", "iss": "https://id.example", "aud": ["rialto"],
    }


def test_minting_refuses_what_no_bridge_would_take(tmp_path):
    good = secret_file(tmp_path)
    table = [
        (["--secret-file", tmp_path / "nothing", "--sub", "u"], "--secret-file:"),
        (["--secret-file", good, "--sub", "u", "--for", "25h"], "--for: must be from 1s to 24h"),
        (["--secret-file", good, "--sub", "u", "--for", "1500"], "--for:"),
        (["--secret-file", good, "--sub", ""], "--sub: must have 1 to 255 bytes"),
        (["--secret-file", good, "--sub", "u", "--for", "999ms"], "--for: must be from 1s to 24h"),
        (["--secret-file", good, "--sub", "u", "--session", "a\nb"], "--session: must have"),
        (["--secret-file", good, "--sub", "u", "--session", "s" * 129], "--session: must have 1 to 128 bytes"),
        (["--secret-file", good, "--sub", "u", *["--permission", "p"] * 257], "at most 256 texts"),
        (["--secret-file", good, "--sub", "u", "--claim", 'jti=""'], "jti"),
        (["--secret-file", good, "--sub", "u", "--claim", "nbf=soon"], "nbf"),
        (["--secret-file", good, "--sub", "u", "--claim", "x=1", "--claim", "x=2"], "x is said twice"),
        (["--secret-file", good, "--sub", "u", "--tenant", "a/b"], "--tenant: a tenant's name begins with"),
        (["--secret-file", good, "--sub", "u", "--permission", ""], "--permission: "),
        (["--secret-file", good, "--sub", "u", "--permission", "a b"], "must be one word"),
        (["--secret-file", good, "--sub", "u", "--permission", "team:{id}:read"], "would grant nothing: braces"),
        (["--secret-file", good, "--sub", "u", "--permission", "team:**:read"], "would grant nothing: **"),
        (["--secret-file", good, "--sub", "u", "--permission", "te*:red:read"], "would grant nothing: * stands"),
        (["--secret-file", "/dev/zero", "--sub", "u"], "too many for a key"),
        (["--secret-file", good, "--sub", "u", "--claim", "x"], "is not NAME=VALUE"),
        (["--secret-file", good, "--sub", "u", "--claim", "exp=9"], "exp is said by --for"),
        (["--secret-file", good, "--sub", "u", "--claim", f"x={'y' * 9000}"], "and bridges read 8192"),
    ]
    for arguments, expected in table:
        done = token("mint", *arguments)
        assert done.returncode == 2 and expected in done.stderr, (arguments, done)
    for weak in ["short", "changeme" * 8, "x" * 64]:
        done = token("mint", "--secret-file", secret_file(tmp_path, weak), "--sub", "u")
        assert done.returncode == 2 and "openssl rand -hex 32" in done.stderr and weak not in done.stderr, done


def test_inspecting_says_what_is_in_a_token_and_whether_it_would_be_taken(tmp_path):
    minted = mint(tmp_path, "--permission", "project:*:read", "--for", "2h")
    done = token("inspect", minted)
    assert done.returncode == 0 and "not verified" in done.stderr
    assert 'sub = "u7"' in done.stdout and any(left in done.stdout for left in ("in 2 h)", "in 1 h 59 min"))
    done = token("inspect", minted, "--jwt-secret-file", tmp_path / "secret")
    assert done.returncode == 0 and "accepted: user u7, no tenant\n  session u7:…\n  may project:*:read" in done.stdout, done
    bound = mint(tmp_path, "--session", "s1")
    done = token("inspect", bound, "--session-id", "s2", "--jwt-secret-file", tmp_path / "secret")
    assert done.returncode == 1 and "refused with 4003 permission_denied" in done.stderr, done
    done = token("inspect", minted, "--require-tenant", "--jwt-secret-file", tmp_path / "secret")
    assert done.returncode == 1 and "refused with 4001 invalid_token: the token names no tenant" in done.stderr, done
    done = token("inspect", "-", stdin=f"Bearer {minted}\n", environment={"RIALTO_JWT_SECRET": SECRET})
    assert done.returncode == 0 and "accepted: user u7" in done.stdout, done
    (tmp_path / "token").write_text(f"bearer {mint(tmp_path, '--tenant', 'acme')}\n")
    done = token("inspect", f"@{tmp_path / 'token'}", "--jwt-secret", SECRET)
    assert "accepted: user u7, tenant acme" in done.stdout and "may nothing that asks" in done.stdout, done
    done = token("inspect", f"@{tmp_path / 'nothing'}")
    assert done.returncode == 2 and "nothing cannot be read" in done.stderr, done
    idle = mint(tmp_path, "--claim", "scope=x").split(".")
    claims = json.loads(decoded(idle[1])) | {"permissions": ["te*:red", "a:**:c", "a:*"]}
    body = f"{idle[0]}.{b64(json.dumps(claims).encode())}"
    made = f"{body}.{b64(hmac.new(SECRET.encode(), body.encode(), hashlib.sha256).digest())}"
    said = token("inspect", made, "--jwt-secret", SECRET).stdout
    assert "te*:red grants nothing: " in said and "a:**:c grants nothing: " in said and "may a:*\n" in said, said
    for arguments, expected in [
        (["--jwt-secret", SECRET[::-1]], "refused with 4001 invalid_token: the token's signature is wrong"),
        (["--jwt-secret", SECRET, "--jwt-audience", "rialto"], "audience"),
        (["--jwt-secret", SECRET, "--jwt-issuer", "https://id.example"], "issuer"),
    ]:
        done = token("inspect", minted, *arguments)
        assert done.returncode == 1 and expected in done.stderr and minted not in done.stderr, (arguments, done)
    done = token("inspect", minted, "--jwt-secret", SECRET, "--jwt-algorithm", "HS512")
    assert done.returncode == 2 and "64 bytes" in done.stderr and SECRET not in done.stderr, done
    done = token("inspect", "--secret-file", tmp_path / "secret", minted)
    assert done.returncode == 2 and "'--secret-file'" in done.stderr and minted not in done.stderr, done
    done = token("inspect", minted, "--jwks-file", KEYS / "jwks.json")
    assert done.returncode == 2 and "--jwt-issuer" in done.stderr and "--jwt-audience" in done.stderr


def test_inspecting_judges_tokens_of_others(tmp_path):
    jwks = ["--jwks-file", KEYS / "jwks.json", "--jwt-issuer", "https://id.example", "--jwt-audience", "rialto"]
    vectors = json.loads((KEYS / "tokens.json").read_text())
    # They were valid for ten minutes, long ago or not yet: what is said about them is about their time alone.
    for algorithm in ["RS256", "PS512", "ES256", "ES384", "EdDSA"]:
        done = token("inspect", vectors["tokens"][algorithm], *jwks)
        said = "expired" if time.time() > vectors["now"] else "not valid before"
        assert done.returncode == 1 and said in done.stderr, done
    header = b64(json.dumps({"alg": "none"}).encode())
    forged = f"{header}.{b64(json.dumps({'sub': 'root'}).encode())}.AAAA"
    done = token("inspect", forged, *jwks)
    assert done.returncode == 1 and "algorithm" in done.stderr
    done = token("inspect", "nonsense")
    assert done.returncode == 1 and "not a signed JWT" in done.stderr
    claims = json.dumps({"sub": "a\x1b[2Jb", "a\x9bb": 1}, ensure_ascii=False)
    odd = f"{header}.{b64(claims.encode())}.AAAA"
    shown = token("inspect", odd).stdout
    assert "[2J" in shown and "\x1b" not in shown and "\x9b" not in shown


def test_a_configuration_never_shows_its_secret(tmp_path):
    for command in [["config"], ["config", "--json"], ["config", "--toml"], ["config", "--said"]]:
        done = subprocess.run(
            [PROGRAM, *command], capture_output=True, text=True, timeout=PATIENCE,
            env={**os.environ, "RIALTO_JWT_SECRET": SECRET},
        )
        assert done.returncode == 0 and SECRET not in done.stdout + done.stderr, done
        assert "(set)" in done.stdout, command


def test_a_session_token_is_printed_once_and_lets_in_who_shows_it(tmp_path):
    seen = set()
    for _ in range(2):
        with running(["serve", "--session-token", "--log-level", "trace"], tmp_path) as bridge:
            line = eventually(lambda: re.search(r"^session token: ([0-9a-f]{64})$", bridge.said(), re.M), "the token")
            made = line[1]
            seen.add(made)
            (tmp_path / "token").write_text(made + "\n")
            follow = [PROGRAM, "subscribe", "--url", bridge.websocket, "team:red"]
            wrong = ["--token", made[1:]]
            for arguments, said in [([], "4501"), (wrong, "401 Unauthorized the token is not the session token")]:
                done = subprocess.run([*follow, *arguments], capture_output=True, text=True, timeout=PATIENCE)
                assert done.returncode == 1 and said in done.stderr and made[1:] not in done.stderr, done
            move = {"teamId": "red", "userId": "u1", "status": "PRESENCE_STATUS_IDLE"}
            body = json.dumps({"type": "team.presence.update", "data": move}).encode()
            request = urllib.request.Request(f"{bridge.admin}/v1/publish", body, {"content-type": "application/json"})
            follow += ["--token", f"@{tmp_path / 'token'}", "--count", "1"]
            with subprocess.Popen(follow, stdout=subprocess.PIPE, text=True) as process:
                heard = lambda: urllib.request.urlopen(request, timeout=PATIENCE).close() or process.poll() is not None
                eventually(heard, "an event for it")
                assert process.returncode == 0 and "PRESENCE_STATUS_IDLE" in process.stdout.read()
            order = ["revoke", "--user", "session-token", "--admin", bridge.addresses["admin"]]
            done = subprocess.run([PROGRAM, *order], capture_output=True, text=True, timeout=PATIENCE)
            assert "; remembered until the bridge ends\n" in done.stdout, done
            done = subprocess.run(follow, capture_output=True, text=True, timeout=PATIENCE)
            assert done.returncode == 1 and "revoked this token" in done.stderr, done
            assert bridge.said().count(made[1:]) == 1, "told once, and in no line of the log"
    assert len(seen) == 2


def test_a_session_token_of_a_file_is_not_printed(tmp_path):
    with running(["serve", "--session-token-file", secret_file(tmp_path), "--log-level", "trace"], tmp_path) as bridge:
        assert SECRET not in bridge.said() and "session token:" not in bridge.said()
    done = subprocess.run(
        [PROGRAM, "serve", "--session-token"], capture_output=True, text=True, timeout=PATIENCE,
        env={**os.environ, "RIALTO_REQUIRE_TENANT": "true"},
    )
    assert done.returncode == 2 and "--session-token: a session token is of no tenant" in done.stderr, done


def test_what_is_no_jwt_is_called_what_it_is(tmp_path):
    path = secret_file(tmp_path)
    for arguments, code, said in [
        ([SECRET, "--session-token-file", path], 0, "accepted: user session-token"),
        (["x" * 43, "--session-token-file", path], 1, "nor is it the session token of --session-token-file"),
        (["x" * 43, "--session-token"], 1, "which only that bridge knows"),
        (["x" * 43], 1, "if it is a session token, give --session-token-file"),
        (["rialto_" + "x" * 43], 1, "a publisher's token"),
        ([mint(tmp_path), "--session-token-file", path], 1, "is not the session token"),
    ]:
        done = token("inspect", *arguments)
        assert done.returncode == code and said in done.stdout + done.stderr, (arguments, done)
        if code == 0:
            assert "it has no claims and no end" in done.stdout and SECRET not in done.stdout


def test_a_publishers_lines_are_refused_by_the_option_or_the_file_that_is_wrong(tmp_path):
    done = token("publisher", "--name", "bad name", "--everything")
    assert done.returncode == 2 and "--name: is not 1 to 64 letters" in done.stderr and ".toml" not in done.stderr, done
    done = token("publisher", "--name", "a", "--type", "Not a type", "--channel", "{x}")
    assert "--type: " in done.stderr and "--channel: " in done.stderr, done
    listed = tmp_path / "publishers.toml"
    first = token("publisher", "--name", "billing", "--everything", "--add-to", listed)
    assert first.returncode == 0, first
    before = listed.read_text()
    done = token("publisher", "--name", "billing", "--everything", "--add-to", listed)
    assert done.returncode == 2 and listed.read_text() == before, done
    assert f'--name: {listed} has a publisher "billing" already' in done.stderr and "token-sha256 = [" in done.stderr, done
