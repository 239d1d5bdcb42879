"""Publishes events to Rialto and says what became of them.

    python main.py --count 1000
    python main.py --event ../step.json     # a workflow.step_completed as ProtoJSON
"""

import argparse
import pathlib
import sys
import time

from google.protobuf import json_format
from project.v1.project_pb2 import ProcessProgress
from publisher import Publisher, Refused
from workflow.v1.workflow_pb2 import WorkflowStepCompleted


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", default="127.0.0.1:50051")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--interval-ms", type=int, default=0, help="a pause after each event")
    parser.add_argument("--event", type=pathlib.Path, help="publish the workflow.step_completed in this file instead")
    arguments = parser.parse_args()
    step = arguments.event and json_format.Parse(arguments.event.read_bytes(), WorkflowStepCompleted())

    publisher = Publisher(arguments.address)
    futures = []
    for number in range(1, arguments.count + 1):
        event = step or ProcessProgress(
            project_id="42",
            process_id="python",
            progress=100 * number / arguments.count,
            message=f"{number} of {arguments.count}",
        )
        futures.append(publisher.publish(event, {"publisher": "python", "number": str(number)}))
        time.sleep(arguments.interval_ms / 1000)
    publisher.close()

    acked = duplicates = refused = 0
    for future in futures:
        try:
            accepted = future.result()
            acked += 1
            duplicates += accepted.duplicate
        except Refused as reason:
            print(f"refused: {reason}", file=sys.stderr)
            refused += 1
    print(
        f"acked {acked}, duplicates {duplicates}, refused {refused}, "
        f"connections {publisher.connections}, sent again {publisher.sent_again}"
    )
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
