"""Publishers who must show who they are, with grpcio as the foreign client; the token and the list are the command line's own."""

import contextlib
import json
import subprocess
import threading
import urllib.error
import urllib.request

import grpc
import pytest
from certificates import Authority
from conftest import PATIENCE, PROGRAM, eventually, running
from websockets.sync.client import connect

SECRET = "kq8Zt0vLw3Xy7Rb2Nf5Jd9Hs1Gm4Pc6e"


def token(folder, name, *options):
    """Makes a publisher's token and adds its lines to the list."""
    command = [PROGRAM, "token", "publisher", "--name", name, "--add-to", folder / "publishers.toml", *options]
    made = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert made.stderr == ""
    return made.stdout.strip()


def test_a_token_says_what_its_publisher_may_do(tmp_path):
    command = [PROGRAM, "token", "publisher", "--name", "x", "--add-to", tmp_path / "publishers.toml"]
    for options, problem in [([], "--everything"), (["--everything", "--type", "a.b"], "cannot be used with")]:
        refused = subprocess.run([*command, *options], capture_output=True, text=True, timeout=PATIENCE)
        assert (refused.returncode, refused.stdout) == (2, "") and problem in refused.stderr, refused.stderr
    assert not (tmp_path / "publishers.toml").exists(), "nothing was granted by the way"


@pytest.fixture
def listed(tmp_path):
    """A bridge with two publishers, of which one may do less than the other."""
    (tmp_path / "secret").write_text(SECRET)
    billing = token(tmp_path, "billing", "--type", "process.*", "--channel", "project:*", "--tenant", "acme")
    everything = token(tmp_path, "everything", "--everything", "--tenant", "*")
    arguments = ["serve", "--publishers", tmp_path / "publishers.toml", "--jwt-secret-file", tmp_path / "secret"]
    with running([*arguments, "--log-level", "trace"], tmp_path) as bridge:
        bridge.folder, bridge.billing, bridge.everything = tmp_path, billing, everything
        yield bridge


def shown(token):
    return [("authorization", f"Bearer {token}")]


@pytest.fixture
def publisher(listed, stubs):
    with grpc.insecure_channel(listed.grpc) as channel:
        yield stubs.services.PublisherServiceStub(channel), stubs.publisher


def json_event(messages, kind, data, **more):
    return messages.Event(json=messages.JsonPayload(type=kind, data=json.dumps(data)), **more)


def progress(messages, project="42", **more):
    return json_event(messages, "process.progress", {"projectId": project, "processId": "p", "progress": 1}, **more)


def beat(messages, **more):
    return json_event(messages, "system.heartbeat", {"source": "cron"}, **more)


def test_a_call_without_a_good_credential_is_unauthenticated(listed, publisher):
    stub, messages = publisher
    request = messages.PublishRequest(event=beat(messages))
    wrong = [
        None,
        shown("rialto_" + "x" * 43),
        shown(listed.everything) * 2,
        [("authorization", "Basic YTpi")],
        [("authorization", "Bearer")],
        [("authorization", "x" * 12_000)],
    ]
    for metadata in wrong:
        with pytest.raises(grpc.RpcError) as refused:
            stub.Publish(request, metadata=metadata, timeout=PATIENCE)
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED, metadata
        with pytest.raises(grpc.RpcError) as refused:
            list(stub.PublishStream(iter([]), metadata=metadata, timeout=PATIENCE))
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED, metadata
    stub.Publish(request, metadata=shown(listed.everything), timeout=PATIENCE)
    for secret in (listed.billing, listed.everything):
        assert secret not in listed.said()


def test_what_is_not_granted_is_refused_in_its_ack_and_the_rest_goes_through(listed, publisher):
    stub, messages = publisher
    events = [
        progress(messages, tenant="acme"),
        beat(messages, tenant="acme"),
        progress(messages),
        progress(messages, tenant="other"),
        progress(messages, project="43", tenant="acme"),
    ]
    requests = [messages.PublishStreamRequest(events=events[:3]), messages.PublishStreamRequest(events=events[3:])]
    responses = stub.PublishStream(iter(requests), metadata=shown(listed.billing), timeout=PATIENCE)
    acks = [ack for response in responses for ack in response.acks]
    denied = grpc.StatusCode.PERMISSION_DENIED.value[0]
    assert [ack.error.code for ack in acks] == [0, denied, denied, denied, 0]
    assert "may not publish system.heartbeat" in acks[1].error.message
    assert "the tenant without a name" in acks[2].error.message
    assert 'the tenant "other"' in acks[3].error.message
    assert acks[4].accepted.positions[0].channel == "project:43"


def test_who_is_taken_out_of_the_list_ends_and_a_new_one_begins(listed, publisher):
    stub, messages = publisher
    gone = threading.Event()

    def requests():
        while not gone.is_set():
            yield messages.PublishStreamRequest(events=[beat(messages)])

    path = listed.folder / "publishers.toml"
    list_before = path.read_text()
    responses = stub.PublishStream(requests(), metadata=shown(listed.everything), timeout=PATIENCE)
    assert next(responses).acks[0].WhichOneof("result") == "accepted"
    path.write_text(list_before[: list_before.index('[[publisher]]\nname = "everything"')])
    with pytest.raises(grpc.RpcError) as ended:
        for _ in responses:
            pass
    gone.set()
    assert ended.value.code() == grpc.StatusCode.UNAUTHENTICATED
    later = token(listed.folder, "later", "--type", "system.heartbeat")

    def is_known():
        try:
            return stub.Publish(
                messages.PublishRequest(event=beat(messages)), metadata=shown(later), timeout=PATIENCE
            ).accepted.event_id
        except grpc.RpcError as refused:
            assert refused.code() == grpc.StatusCode.UNAUTHENTICATED
            return None

    eventually(is_known, "the new publisher")


def test_http_asks_for_the_same(listed):
    def post(headers):
        body = json.dumps({"type": "system.heartbeat", "data": {"source": "cron"}, "tenant": "acme"}).encode()
        request = urllib.request.Request(f"{listed.admin}/v1/publish", data=body, method="POST")
        for name, value in {"content-type": "application/json", **headers}.items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    assert post({})[0] == 401
    assert post({"authorization": f"Bearer {listed.billing}"})[0] == 403
    status, accepted = post({"authorization": f"Bearer {listed.everything}"})
    assert (status, accepted["positions"][0]["channel"]) == (200, "system")


def test_the_command_line_publishes_for_a_tenant_and_its_users_alone_see_it(listed):
    def mint(*options):
        command = [PROGRAM, "token", "mint", "--secret-file", listed.folder / "secret", "--sub", "ann", *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout.strip()

    @contextlib.contextmanager
    def enter(token):
        with connect(listed.websocket, additional_headers={"authorization": f"Bearer {token}"}) as socket:
            subscribe = {"type": "channel.subscribe", "id": "s", "data": {"channels": [{"name": "project:42"}]}}
            socket.send(json.dumps(subscribe))
            while json.loads(socket.recv(timeout=PATIENCE)).get("replyTo") != "s":
                pass
            yield socket

    (listed.folder / "billing.token").write_text(listed.billing + "\n")
    data = json.dumps({"projectId": "42", "processId": "p", "progress": 1})
    publish = [PROGRAM, "publish", "process.progress", data, "--grpc", listed.grpc]
    may = ["--permission", "*"]
    with enter(mint("--tenant", "acme", *may)) as acme, enter(mint("--tenant", "other", *may)) as other:
        allowed = subprocess.run(
            [*publish, "--token", f"@{listed.folder}/billing.token", "--tenant", "acme"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert (allowed.returncode, allowed.stderr) == (0, "")
        assert json.loads(acme.recv(timeout=PATIENCE))["type"] == "process.progress"
        other.send(json.dumps({"type": "connection.heartbeat", "id": "fence"}))
        assert json.loads(other.recv(timeout=PATIENCE))["replyTo"] == "fence"
    refused = subprocess.run(publish, capture_output=True, text=True, timeout=PATIENCE)
    assert refused.returncode == 1 and "publishers must show who they are" in refused.stderr


def test_a_rate_is_told_with_the_time_to_wait(tmp_path, stubs):
    flood = token(tmp_path, "flood", "--everything")
    path = tmp_path / "publishers.toml"
    path.write_text(path.read_text() + "events-per-second = 2\nburst = 5\n")
    other = token(tmp_path, "other", "--channel", "**")
    with running(["serve", "--publishers", path], tmp_path) as bridge, grpc.insecure_channel(bridge.grpc) as channel:
        stub, messages = stubs.services.PublisherServiceStub(channel), stubs.publisher
        request = messages.PublishStreamRequest(events=[beat(messages)] * 100)

        def acks(secret):
            responses = stub.PublishStream(iter([request]), metadata=shown(secret), timeout=PATIENCE)
            return [ack for response in responses for ack in response.acks]

        flooded = acks(flood)
        assert [ack.error.code for ack in flooded[:5]] == [0] * 5
        refused = [ack.error for ack in flooded if ack.error.code]
        assert len(refused) > 50
        assert {error.code for error in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]}
        retry = stubs.error_details.RetryInfo()
        assert any(detail.Unpack(retry) for detail in refused[0].details)
        assert 0 < retry.retry_delay.ToTimedelta().total_seconds() <= 31
        assert not [ack for ack in acks(other) if ack.error.code], "nobody else is concerned"


def test_a_publisher_is_known_by_its_certificate_and_another_with_one_is_nobody(tmp_path, stubs):
    own, clients = Authority(tmp_path / "own"), Authority(tmp_path / "clients")
    certificate, key = own.sign("bridge")
    mesh = clients.sign("mesh", "URI:spiffe://shop/mesh,DNS:mesh.internal")
    stranger = clients.sign("stranger", "URI:spiffe://shop/stranger")
    both = token(tmp_path, "both", "--type", "system.*")
    path = tmp_path / "publishers.toml"
    path.write_text(
        path.read_text()
        + 'certificate = ["spiffe://shop/stranger"]\n'
        + '[[publisher]]\nname = "mesh"\ncertificate = "spiffe://shop/mesh"\ntypes = ["process.*"]\nchannels = ["*"]\n'
    )
    options = ["--tls-cert", certificate, "--tls-key", key, "--tls-port", "grpc", "--grpc-client-ca", clients.ca]
    with running(["serve", *options, "--publishers", path], tmp_path) as bridge:

        def publish(shown_certificate, event, metadata=None):
            """The code of the refusal, if it was one."""
            certificate, key = shown_certificate
            credentials = grpc.ssl_channel_credentials(own.ca.read_bytes(), key.read_bytes(), certificate.read_bytes())
            with grpc.secure_channel(bridge.grpc, credentials) as channel:
                stub = stubs.services.PublisherServiceStub(channel)
                try:
                    stub.Publish(stubs.publisher.PublishRequest(event=event), metadata=metadata, timeout=PATIENCE)
                except grpc.RpcError as refused:
                    return refused.code()
            return None

        messages = stubs.publisher
        assert publish(mesh, progress(messages)) is None
        assert publish(mesh, beat(messages)) == grpc.StatusCode.PERMISSION_DENIED
        assert publish(stranger, progress(messages)) == grpc.StatusCode.UNAUTHENTICATED
        assert publish(mesh, progress(messages), shown("wrong")) == grpc.StatusCode.UNAUTHENTICATED
        # A stolen token is worth nothing without the certificate that belongs to it.
        assert publish(stranger, beat(messages), shown(both)) is None
        assert publish(mesh, beat(messages), shown(both)) == grpc.StatusCode.UNAUTHENTICATED
