#!/usr/bin/env bash
# Runs a training as several processes on this machine, as a cluster would; each gets a GPU if there are any.
#
#   launch/local.sh [-n PROCESSES] COMMAND...
#
# SIGTERM and Ctrl-C ask the processes to save and stop; a second one kills them. If a process fails, the others, which
# would wait for it, are killed, and the exit code is that of the first that failed.

processes=2
if [ "${1-}" = -n ]; then
  processes=${2-}
  shift 2
fi
if ! [ "$processes" -ge 1 ] 2>/dev/null || [ $# -eq 0 ]; then
  echo "usage: $0 [-n PROCESSES] COMMAND..." >&2
  exit 2
fi

# A port on which nobody listens, below those that the system gives away.
port=$((20000 + RANDOM % 12000))
while (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
  port=$((20000 + RANDOM % 12000))
done

set -m # each process gets a group of its own, with all that it starts
running=()
kill_all() {
  kill -s KILL -- "${running[@]/#/-}" 2>/dev/null
}
trap 'trap kill_all INT TERM; kill -s TERM "${running[@]}" 2>/dev/null' INT TERM

for ((id = 0; id < processes; id++)); do
  JAX_COORDINATOR_ADDRESS="localhost:$port" JAX_NUM_PROCESSES="$processes" JAX_PROCESS_ID="$id" \
    JAX_LOCAL_DEVICE_IDS="$id" "$@" &
  running+=("$!")
done

# The bash of macOS cannot wait for whichever process ends first.
failure=0
while [ "${#running[@]}" -gt 0 ]; do
  sleep 0.2
  for at in "${!running[@]}"; do
    kill -0 "${running[$at]}" 2>/dev/null && continue
    wait "${running[$at]}"
    code=$?
    unset "running[$at]"
    if [ "$code" -ne 0 ] && [ "$failure" -eq 0 ]; then
      failure=$code
      kill_all
    fi
  done
done
exit "$failure"
