"""Tokens that RFC 7515, 7519 and 8725 refuse, against the real port, in each of the ways in; and where their text ends up."""

import base64
import hashlib
import hmac
import json
import time
import urllib.request

import pytest
from conftest import PATIENCE, ROOT, eventually, running
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

SECRET = b"kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e"
PAGE = "https://app.example"
KEYS = ROOT / "tests" / "vectors" / "keys"
ISSUER = "https://id.example"
MARK = "marked-by-the-forger"


def b64(data):
    data = data if isinstance(data, bytes) else data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header, claims, key=SECRET, hash_name="sha256"):
    """A token of these texts, whatever they say, with a right signature."""
    header = header if isinstance(header, str) else json.dumps(header)
    claims = claims if isinstance(claims, str) else json.dumps(claims)
    message = f"{b64(header)}.{b64(claims)}"
    return f"{message}.{b64(hmac.new(key, message.encode(), hash_name).digest())}"


def claims(**changes):
    """Good claims with others; `None` takes one away."""
    now = int(time.time())
    all = {"iss": ISSUER, "aud": "rialto", "sub": MARK, "iat": now - 60, "exp": now + 600, **changes}
    return {name: value for name, value in all.items() if value is not None}


def forged():
    """Every token, by what is wrong with it."""
    now, hs = int(time.time()), {"alg": "HS256", "typ": "JWT"}
    good = signed(hs, claims())
    header, body, signature = good.split(".")
    public = (KEYS / "rsa.pub.pem").read_bytes()
    key = {"kty": "oct", "k": b64(SECRET)}
    tokens = {
        "none": f"{b64(json.dumps({'alg': 'none'}))}.{body}.",
        "None": f"{b64(json.dumps({'alg': 'None'}))}.{body}.{signature}",
        "no algorithm": signed({"typ": "JWT"}, claims()),
        "an algorithm that is no text": signed({"alg": ["HS256"]}, claims()),
        "a public key as a secret": signed(hs, claims(), key=public),
        "a public key without its last line's end": signed(hs, claims(), key=public.strip()),
        "RS256 signed by HMAC": signed({"alg": "RS256", "kid": "rsa"}, claims(), key=public),
        "another secret": signed(hs, claims(), key=SECRET[::-1]),
        "an empty secret": signed(hs, claims(), key=b""),
        "an empty signature": f"{header}.{body}.",
        "no signature": f"{header}.{body}",
        "detached": f"{header}..{signature}",
        "cut short": good[:-1],
        "another body": f"{header}.{b64(json.dumps(claims(sub='root')))}.{signature}",
        "padded": good + "=",
        "five parts, as JWE": f"{header}.{body}.{signature}.{body}.{signature}",
        "an array for claims": signed(hs, "[]"),
        "a text for claims": signed(hs, '"x"'),
        "claims twice": signed(hs, json.dumps(claims())[:-1] + f', "sub": "{MARK}2"}}'),
        "a header twice": signed('{"alg":"HS256","alg":"HS256"}', claims()),
        "something behind the claims": signed(hs, json.dumps(claims()) + "{}"),
        "a nested token": signed({**hs, "cty": "JWT"}, claims()),
        "encrypted": signed({"alg": "HS256", "enc": "A128GCM"}, claims()),
        "compressed": signed({**hs, "zip": "DEF"}, claims()),
        "crit": signed({**hs, "crit": ["exp"]}, claims()),
        "b64": signed({**hs, "b64": False, "crit": ["b64"]}, claims()),
        "another kind": signed({"alg": "HS256", "typ": "logout+jwt"}, claims()),
        "its own key": signed({**hs, "jwk": {"kty": "oct", "k": b64(b"x" * 32)}}, claims(), key=b"x" * 32),
        "its own key set": signed({**hs, "jku": f"{ISSUER}/keys"}, claims(), key=b"x" * 32),
        "its own certificate": signed({**hs, "x5u": f"{ISSUER}/c", "x5c": [b64(b"x")]}, claims(), key=b"x" * 32),
        "a path for a key": signed({**hs, "kid": "../../../../dev/null"}, claims(), key=b""),
        "a query for a key": signed({**hs, "kid": "x' UNION SELECT 'y"}, claims(), key=b"y"),
        "a number for a key": signed({**hs, "kid": 7}, claims()),
        "an empty key's name": signed({**hs, "kid": ""}, claims()),
        "expired": signed(hs, claims(exp=now - 60)),
        "expired long ago": signed(hs, claims(exp=1)),
        "not yet": signed(hs, claims(nbf=now + 120)),
        "from the future": signed(hs, claims(iat=now + 120)),
        "no end": signed(hs, claims(exp=None)),
        "no user": signed(hs, claims(sub=None)),
        "an empty user": signed(hs, claims(sub="")),
        "a list of users": signed(hs, claims(sub=[MARK])),
        "a long user": signed(hs, claims(sub="x" * 256)),
        "another issuer": signed(hs, claims(iss="https://evil.example")),
        "a list of issuers": signed(hs, claims(iss=[ISSUER])),
        "no issuer": signed(hs, claims(iss=None)),
        "another audience": signed(hs, claims(aud="other")),
        "a list of other audiences": signed(hs, claims(aud=["other", "Rialto"])),
        "a number among audiences": signed(hs, claims(aud=["rialto", 7])),
        "no audience": signed(hs, claims(aud=None)),
        "too old": signed(hs, claims(iat=now - 25 * 3600)),
        "too long": signed(hs, claims(x="y" * 8192)),
        "a set as the key": signed(hs, claims(), key=json.dumps(key).encode()),
    }
    for end in [float(now + 600), -1, str(now + 600), True, [now + 600], 1e300]:
        tokens[f"an end of {end!r}"] = signed(hs, claims(exp=end))
    tokens["an end beyond 64 bits"] = signed(hs, json.dumps(claims(exp=1)).replace('"exp": 1', '"exp": ' + "9" * 30))
    return good, tokens


@pytest.fixture
def guarded(tmp_path):
    """A bridge with a secret and public keys of one issuer, that takes tokens in every way and writes down all that it can."""
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    keys = ["--jwt-secret-file", secret, "--jwks-file", KEYS / "jwks.json", "--jwt-issuer", ISSUER, "--jwt-audience", "rialto"]
    ways = ["--token-cookie", "app", "--token-in-query", "--allowed-origin", PAGE, "--log-level", "trace"]
    with running(["serve", *keys, *ways], tmp_path) as bridge:
        yield bridge


def ways(token):
    """Each way in: what connects by it."""
    text = {"subprotocols": ["rialto.v1.json"]}
    query = urllib.request.quote(token, safe="")
    yield "header", "", {"additional_headers": {"authorization": f"Bearer {token}"}}
    yield "cookie", "", {"additional_headers": {"cookie": f"app={token}"}, "origin": PAGE}
    yield "query", f"?token={query}", {}
    yield "first frame", "", text


def answer(bridge, way, query, more, token):
    """Who one is, or the refusal and everything that was said with it."""
    try:
        with connect(f"{bridge.websocket}{query}", **more) as socket:
            if way == "first frame":
                socket.send(json.dumps({"type": "connection.init", "data": {"token": token}}))
            return json.loads(socket.recv(timeout=PATIENCE))["data"]["userId"], ""
    except InvalidStatus as refused:
        response = refused.response
        return response.status_code, response.body.decode() + str(response.headers)
    except ConnectionClosed as closed:
        return closed.rcvd.code, closed.rcvd.reason


def test_no_forged_token_gets_in_by_any_way_and_none_is_repeated(guarded):
    good, tokens = forged()
    for way, query, more in ways(good):
        assert answer(guarded, way, query, more, good) == (MARK, ""), way
    said = []
    for name, token in tokens.items():
        for way, query, more in ways(token):
            who, text = answer(guarded, way, query, more, token)
            # A request line or header that is too long is HTTP's to refuse.
            expected = (4001, 4002) if way == "first frame" else (401, 414, 431)
            assert who in expected, f"{name}, by the {way}: {who} {text}"
            said.append(text)
    with urllib.request.urlopen(f"{guarded.admin}/metrics", timeout=PATIENCE) as metrics:
        said.append(metrics.read().decode())
    said.append(eventually(lambda: guarded.said(), "a log"))
    for name, token in [("good", good), *tokens.items()]:
        # A header says nothing; a signature and claims do.
        for part in [token, *[part for part in token.split(".")[1:] if len(part) > 20]]:
            assert not any(part in text for text in said), f"{name}: a token, or a part of it, is repeated"
    assert hashlib.sha256(SECRET).hexdigest() not in said[-1] and SECRET.decode() not in said[-1]
