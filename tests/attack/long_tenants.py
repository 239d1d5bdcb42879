"""Rows of tenants beside each other for `make attack`."""

import contextlib
import http.client
import json
import subprocess
import threading
import time

import bridges
from bridges import PATIENCE
from conftest import control, guarded, metrics
from long_websocket import together
from pair import CHANNEL
from peer import Ended, Peer, address

PER_SECOND, BATCH = 200, 100


def publisher(folder, name, tenant, more=""):
    """Adds a publisher to the list; gives its token."""
    path = folder / "publishers.toml"
    command = [bridges.PROGRAM, "token", "publisher", "--name", name, "--everything", "--add-to", path]
    if tenant:
        command += ["--tenant", tenant]
    made = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    path.write_text(path.read_text() + more)
    return made.stdout.strip()


def flood(bridge, token, tenant, until):
    """Publishes as fast as one connection can: how many events were accepted, and how many refused for their rate."""
    accepted = refused = 0
    data = {"projectId": CHANNEL.split(":")[1], "processId": "p", "message": "x" * 500}
    body = json.dumps([{"type": "process.progress", "data": data, "tenant": tenant}] * BATCH)
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    with contextlib.closing(http.client.HTTPConnection(*address(bridge.admin), timeout=PATIENCE)) as line:
        while time.monotonic() < until:
            line.request("POST", "/v1/publish", body, headers)
            response = line.getresponse()
            answers = json.loads(response.read())
            assert response.status == 200 and len(answers) == BATCH, answers
            for answer in answers:
                if "accepted" in answer:
                    accepted += 1
                else:
                    assert answer["error"]["details"][0]["reason"] == "PUBLISHER_RATE", answer
                    refused += 1
    return accepted, refused


def listen(peer):
    with contextlib.suppress(Ended, OSError):
        while True:
            peer.hear(timeout=86_400)


def test_az_05_a_tenant_at_its_rate_costs_its_neighbour_nothing(tmp_path, figures):
    """Both use channels of the same name; one publishes as fast as it can, with subscribers of its own."""

    def beside(rate):
        folder = tmp_path / (rate and "limited" or "unlimited")
        folder.mkdir()
        limit = f"events-per-second = {rate}\nburst = {rate}\n" if rate else ""
        greedy, neighbour = publisher(folder, "greedy", "acme", limit), publisher(folder, "neighbour", "")
        return guarded(folder, "--publishers", folder / "publishers.toml"), greedy, neighbour

    serving, greedy, neighbour = beside(PER_SECOND)
    with serving as bridge:
        mint = [bridges.PROGRAM, "token", "mint", "--secret-file", tmp_path / "limited" / "secret", "--sub", "eve"]
        mint += ["--tenant", "acme", "--permission", "**"]
        eve = subprocess.run(mint, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout.strip()
        with control(bridge, figures, token=bridge.mint("ann", "**"), publisher=neighbour, baseline=2):
            peers = [Peer(bridge.websocket, token=eve) for _ in range(5)]
            for peer in peers:
                peer.subscribe(CHANNEL)
                threading.Thread(target=listen, args=(peer,), daemon=True).start()
            counts, began = [], time.monotonic()
            together(1, lambda until: counts.append(flood(bridge, greedy, "acme", until)))
            took = time.monotonic() - began
            for peer in peers:
                peer.stream.close()
        accepted, refused = (sum(count[index] for count in counts) for index in (0, 1))
        assert PER_SECOND <= accepted <= PER_SECOND * (took + 2), f"{accepted} in {took:.1f} s"
        assert refused > accepted, "it did not try for more than it has"
        counted = metrics(bridge)
        assert counted['rialto_limit_hits_total{limit="events-per-second-per-publisher"}'] == refused
        assert counted['rialto_publisher_events_total{publisher="neighbour",result="accepted"}'] > 0
        assert 'rialto_publisher_events_total{publisher="neighbour",result="refused"}' not in counted
        figures["accepted/s"], figures["refused"] = f"{accepted / took:.0f} of {PER_SECOND}", refused
    serving, greedy, _ = beside(None)
    with serving as bridge:
        accepted, refused = flood(bridge, greedy, "acme", time.monotonic() + 2)
        assert refused == 0 and accepted > 4 * PER_SECOND, "the negative control: without a rate nothing holds it back"
        figures["without a rate"] = f"{accepted / 2:.0f}/s"
