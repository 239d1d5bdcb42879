"""Publishes one event, as a Python service would."""

import grpc
from google.protobuf.any_pb2 import Any
from project.v1.project_pb2 import ProcessProgress
from rialto.v1.publisher_pb2 import Event, PublishRequest
from rialto.v1.publisher_pb2_grpc import PublisherServiceStub

progress = ProcessProgress(project_id="42", process_id="python", progress=12.5)
payload = Any()
payload.Pack(progress)

with grpc.insecure_channel("127.0.0.1:50051") as channel:
    publisher = PublisherServiceStub(channel)
    response = publisher.Publish(PublishRequest(event=Event(payload=payload)))
    for position in response.accepted.positions:
        print(position.channel, position.sequence)
