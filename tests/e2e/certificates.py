"""Certificates made by openssl for a test, below its folder."""

import subprocess
import time


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """An authority whose certificate is `ca.pem` of a folder, and what it signs."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.ca, self.key = folder / "ca.pem", folder / "ca.key"
        ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        openssl("req", "-x509", *ec, "-keyout", self.key, "-out", self.ca, "-subj", f"/CN={folder.name}", "-days", "2")

    def sign(self, name, names="DNS:localhost,IP:127.0.0.1", into=None, days=1):
        """Signs a certificate; gives its file and its key's. One of 0 days has ended."""
        folder = into or self.folder
        certificate, key, request = folder / f"{name}.crt", folder / f"{name}.key", folder / f"{name}.csr"
        extensions = folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\n")
        openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        dates = ["-days", str(days)]
        signed = ["-CA", self.ca, "-CAkey", self.key, "-CAcreateserial", "-extfile", extensions]
        openssl("x509", "-req", "-in", request, *signed, *dates, "-out", certificate)
        ends = int(time.time()) + 1
        while days == 0 and time.time() <= ends:
            time.sleep(0.05)
        return certificate, key
