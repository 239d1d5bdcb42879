"""Makes the keys and tokens of this folder anew, with Python's `cryptography`, which shares no code with the bridge.

The keys are public knowledge: for tests only.
"""

import base64
import json
import pathlib

from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

HERE = pathlib.Path(__file__).parent
NOW = 1_790_000_000
SECRET = "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6eTu0Ya5Wi3Lo8Zx1CVb6Qe2Mk9Dj4Fr7G"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def write(name, key):
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (HERE / f"{name}.pem").write_bytes(private)
    (HERE / f"{name}.pub.pem").write_bytes(public)


def jwk(name, key):
    public = key.public_key()
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = public.public_numbers()
        fields = {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        numbers, size = public.public_numbers(), key.curve.key_size // 8
        fields = {"kty": "EC", "crv": f"P-{key.curve.key_size}", "x": number(numbers.x, size), "y": number(numbers.y, size)}
    else:
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        fields = {"kty": "OKP", "crv": "Ed25519", "x": b64(raw)}
    return {**fields, "kid": name, "use": "sig"}


def sign(algorithm, key, message):
    digest = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}.get(algorithm[2:])
    match algorithm[:2]:
        case "HS":
            mac = hmac.HMAC(SECRET.encode(), digest())
            mac.update(message)
            return mac.finalize()
        case "RS":
            return key.sign(message, padding.PKCS1v15(), digest())
        case "PS":
            return key.sign(message, padding.PSS(padding.MGF1(digest()), digest.digest_size), digest())
        case "ES":
            r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(digest())))
            size = key.curve.key_size // 8
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
        case _:
            return key.sign(message)


def token(algorithm, name, key):
    header = {"alg": algorithm, "typ": "JWT"} | ({"kid": name} if name else {})
    claims = {
        "iss": "https://id.example", "aud": "rialto", "sub": "u7", "iat": NOW - 60, "exp": NOW + 600, "jti": "t1",
        "sid": "s1", "tenant": "acme", "permissions": ["project:*:read"], "team": "blue",
    }
    message = ".".join(b64(json.dumps(part).encode()) for part in (header, claims))
    return f"{message}.{b64(sign(algorithm, key, message.encode()))}"


def main():
    keys = {
        "rsa": rsa.generate_private_key(65537, 2048),
        "rsa-other": rsa.generate_private_key(65537, 2048),
        "rsa-short": rsa.generate_private_key(65537, 1024),
        "p256": ec.generate_private_key(ec.SECP256R1()),
        "p384": ec.generate_private_key(ec.SECP384R1()),
        "p521": ec.generate_private_key(ec.SECP521R1()),
        "secp256k1": ec.generate_private_key(ec.SECP256K1()),
        "ed25519": ed25519.Ed25519PrivateKey.generate(),
    }
    for name, key in keys.items():
        write(name, key)
    good = ["rsa", "p256", "p384", "ed25519"]
    (HERE / "jwks.json").write_text(json.dumps({"keys": [jwk(name, keys[name]) for name in good]}, indent=1) + "\n")
    made = [("HS256", None), ("HS384", None), ("HS512", None), ("ES256", "p256"), ("ES384", "p384"), ("EdDSA", "ed25519")]
    made += [(f"{kind}{size}", "rsa") for kind in ("RS", "PS") for size in (256, 384, 512)]
    tokens = {algorithm: token(algorithm, name, keys.get(name)) for algorithm, name in made}
    (HERE / "tokens.json").write_text(json.dumps({"now": NOW, "secret": SECRET, "tokens": tokens}, indent=1) + "\n")


main()
