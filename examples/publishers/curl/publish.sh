#!/usr/bin/env bash
# Publishes events to Rialto over HTTP and says what became of them.
#
#     ./publish.sh --count 10
#     ./publish.sh --event ../step.json      # a workflow.step_completed as ProtoJSON
#
# curl itself tries again, backing off, with the same body and so with the same idempotency key.
set -euo pipefail

address=127.0.0.1:9090 count=10 interval_ms=0 step=
while (($#)); do
    case "$1" in
        --address) address="$2" ;;
        --count) count="$2" ;;
        --interval-ms) interval_ms="$2" ;;
        --event) step="$(cat "$2")" ;;
        *) echo "unknown option $1" >&2 && exit 2 ;;
    esac
    shift 2
done

# Prints the answer, and its HTTP status on a line of its own. What is no answer, and an answer that says to come back
# (408, 429, 5xx), is tried again.
publish() { # type data number
    curl --silent --show-error --max-time 10 --retry 10 --retry-all-errors --retry-max-time 120 \
        --write-out '\n%{http_code}' \
        -H 'content-type: application/json' "http://$address/v1/publish" --data-binary @- <<JSON
{
  "type": "$1",
  "data": $2,
  "idempotencyKey": "$run-$3",
  "metadata": {"publisher": "curl", "number": "$3"}
}
JSON
}

run="$(cat /proc/sys/kernel/random/uuid)"
acked=0 duplicates=0 refused=0
for ((number = 1; number <= count; number++)); do
    if [ -n "$step" ]; then
        type=workflow.step_completed data="$step"
    else
        type=process.progress
        data="{\"projectId\":\"42\",\"processId\":\"curl\",\"progress\":$((100 * number / count)),\"message\":\"$number of $count\"}"
    fi
    answer="$(publish "$type" "$data" "$number")" || { echo "number $number has no answer" >&2 && exit 1; }
    if [ "${answer##*$'\n'}" = 200 ]; then
        acked=$((acked + 1))
        [[ $answer != *'"duplicate":true'* ]] || duplicates=$((duplicates + 1))
    else
        echo "refused: $answer" >&2
        refused=$((refused + 1))
    fi
    sleep "$(printf '%d.%03d' $((interval_ms / 1000)) $((interval_ms % 1000)))"
done
echo "acked $acked, duplicates $duplicates, refused $refused"
((refused == 0))
