"""Rows of authentication and authorisation for `make attack`."""

import contextlib
import shutil
import subprocess
import threading
import time

from bridges import PATIENCE, eventually
from conftest import control, guarded, metrics, publish
from long_websocket import together
from peer import Peer, ask, request

# What the time of day is for a program: so many seconds off, as a file says.
CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
static long offset(void) {
    FILE *file = fopen(getenv("CLOCK_OFFSET"), "r");
    long seconds = 0;
    if (file) { if (fscanf(file, "%ld", &seconds) != 1) seconds = 0; fclose(file); }
    return seconds;
}
int clock_gettime(clockid_t clock, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, at);
    if (clock == CLOCK_REALTIME) at->tv_sec += offset();
    return result;
}
"""


def test_au_10_the_time_of_day_decides_about_tokens_and_about_nothing_else(tmp_path, figures):
    if not shutil.which("cc"):
        figures["NOT RUN"] = "needs a C compiler"
        print("\n!!!! AU-10 NOT RUN !!!!\n")
        return
    source, library, offset = tmp_path / "clock.c", tmp_path / "clock.so", tmp_path / "offset"
    source.write_text(CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True, timeout=PATIENCE)
    offset.write_text("0")
    clock = {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(offset)}
    with guarded(tmp_path, "--ping-interval", "2s", "--pong-timeout", "1s", environment=clock) as bridge:
        token = bridge.mint("ann", "**")
        with control(bridge, figures, token=token, baseline=2), Peer(bridge.websocket, token=token) as peer:
            peer.subscribe("project:a")
            for number in range(5):
                assert publish(bridge, "process.progress", {"projectId": "a", "message": str(number)})[0] == 200
                assert peer.until("process.progress")
            entered = lambda: ask(bridge.http, request(authorization=f"Bearer {token}"))[0]  # noqa: E731
            assert entered() == 101, "the negative control: at the right time it is let in"
            for hours, status in ((2, 401), (-2, 401), (0, 101), (1, 401), (0, 101)):
                offset.write_text(str(hours * 3_600))
                assert entered() == status, f"{hours} h off"
                # Who is there stays: the end of its token is so far away as it was. No event is too old, nobody is pinged early.
                with Peer(bridge.websocket, token=token) if status == 101 else contextlib.nullcontext(peer) as reader:
                    answer = reader.subscribe("project:a", after={"epoch": epoch(peer), "sequence": 0})[0]
                    assert answer["data"]["recovered"] is True, (hours, answer)
            figures["jumps"] = 5


def epoch(peer):
    (answer,) = peer.subscribe("project:a")
    return answer["data"]["head"]["epoch"]


def test_az_03_a_permission_that_is_taken_away_ends_what_it_carried(tmp_path, figures):
    with guarded(tmp_path) as bridge:
        both, none = bridge.mint("ann", "project:a:read"), bridge.mint("ann")
        with control(bridge, figures, token=bridge.mint("control", "**"), baseline=2):
            with Peer(bridge.websocket, token=both) as peer:
                peer.subscribe("project:a")
                stop, sent = threading.Event(), [0]

                def flow():
                    while not stop.is_set():
                        sent[0] += publish(bridge, "process.progress", {"projectId": "a", "processId": "p"})[0] == 200

                flowing = threading.Thread(target=flow)
                flowing.start()
                for _ in range(50):
                    assert peer.until("process.progress"), "the negative control: with the permission they come"
                peer.say("connection.refresh", "less", token=none)
                assert peer.until("channel.unsubscribed")["data"]["reason"] == "permission_lost"
                at = sent[0]
                eventually(lambda: sent[0] > at + 50, "publishing goes on")
                peer.say("connection.heartbeat", "end")
                after = []
                while not after or after[-1].get("replyTo") != "end":
                    after.append(peer.hear())
                stop.set()
                flowing.join(PATIENCE)
                assert [frame["type"] for frame in after] == ["connection.refreshed", "connection.heartbeat"]
                figures["events after it"] = 0
