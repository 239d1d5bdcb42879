#!/usr/bin/env bash
# Fuzzes every target, or those that are named, one after the other: TIME seconds each (60), on one core and in bounded memory.
# What they learn stays below target/fuzz; what they find is copied to fuzz/found, where the ordinary tests replay it.
set -euo pipefail
cd "$(dirname "$0")/.."
time="${TIME:-60}"
build=target/fuzz
export PATH="$PWD/target/tools/bin:$HOME/.cargo/bin:$PATH"
targets=("$@")
((${#targets[@]})) || targets=(frame_parser client_frames schema transcoder visibility token)

if [ -z "${BUILT:-}" ]; then
    cargo +nightly --version >/dev/null 2>&1 || { echo "fuzzing needs a nightly compiler: rustup toolchain install nightly" >&2; exit 1; }
    cargo fuzz --version >/dev/null 2>&1 || { echo "fuzzing needs cargo-fuzz: cargo install cargo-fuzz" >&2; exit 1; }
    # Without the address sanitizer: there is no unsafe code of ours to look into, and it is four times as fast.
    cargo +nightly fuzz build --sanitizer none --fuzz-dir fuzz --target-dir "$build"
fi
host="$(rustc -vV | sed -n 's/^host: //p')"
failed=()
for target in "${targets[@]}"; do
    mkdir -p "$build/corpus/$target" "$build/artifacts/$target" "$build/logs"
    log="$build/logs/$target.log"
    if nice -n 19 "$build/$host/release/$target" "$build/corpus/$target" "fuzz/corpus/$target" \
        -max_total_time="$time" -timeout=10 -rss_limit_mb=2048 -max_len=4096 -len_control=10 -print_final_stats=1 \
        -artifact_prefix="$build/artifacts/$target/" >"$log" 2>&1; then
        echo "$target: clean, $(sed -n 's/^stat::number_of_executed_units: //p' "$log") cases in ${time} s"
    else
        failed+=("$target")
        echo "$target: FAILED, see $log" >&2
        grep -aE 'panicked|SUMMARY|Test unit written' -A1 "$log" | head -20 >&2 || true
        mkdir -p "fuzz/found/$target"
        find "$build/artifacts/$target" -type f -newer "$build/$host/release/$target" -exec cp {} "fuzz/found/$target/" \;
    fi
done
((${#failed[@]} == 0))
