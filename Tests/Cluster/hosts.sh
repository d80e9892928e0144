#!/usr/bin/env bash
# Four virtual hosts train over TCP with launch/hosts: the traffic is that of the gradients, a bad cable changes nothing but
# the time, and a cut cable ends the job in time, with blame, and costs nothing of the result.
#
# Usage: Tests/Cluster/hosts.sh      as root; DROPBLOCK_PROGRAM names another program than the built one
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
reason=$(why_no_hosts)
[[ ! $reason ]] || skip "$reason"

steps=6
tiny_configuration >"$work/tiny.yaml"
# train NAME [OPTION...]: a run on all hosts, below host 0's own disk; its output is appended to NAME.log.
train() {
  local name=$1
  shift
  logged "$name" on_hosts -- --config "$work/tiny.yaml" --output "$work/here/$name" "$@"
}
trained() { same_state "$work/whole" "$(disk 0)/$1" "$steps"; }
on_one_machine() {
  logged whole mpirun -np 4 --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 -x OMP_NUM_THREADS=1 \
    -x "DROPBLOCK_CACHE=$work/cache" "$program" --config "$work/tiny.yaml" --output "$work/whole"
}

hosts_up 4
# The same ranks as processes of one machine are what the hosts must agree with.
check "4 ranks on one machine" on_one_machine

counters() { local i; for ((i = 0; i < hosts; i++)); do sent "$i"; done; }
before=($(counters))
check "4 hosts x 1 rank" train plain
between=($(counters))
check "  the same bytes as on one machine" trained plain
have() { local i; for ((i = 0; i < hosts; i++)); do [[ -d $(disk "$i")/$1 ]] || say "$i"; done; }
check "  each host has a cache of its own" test "$(have cache)" = ""
check "  the run is the first host's alone" test "$(have plain | tr '\n' ' ')" = "1 2 3 "
# Starting and ending cost the same traffic, however many steps there are.
check "2 steps of it" train short --set "train.length=2 steps"
after=($(counters))
"$program" inspect --config "$work/tiny.yaml" --json "$work/model.json" >/dev/null
gradients=$(sed -n 's/.*"gradients" : \([0-9]*\).*/\1/p' "$work/model.json")
due=$((2 * (hosts - 1) * gradients / hosts * (steps - 2)))
for ((i = 0; i < hosts; i++)); do
  bytes=$((between[i] - before[i] - (after[i] - between[i])))
  check "  host $i sent $bytes bytes in $((steps - 2)) steps, the ring makes it $due" \
    test $((bytes * 100)) -gt $((due * 99)) -a $((bytes * 100)) -lt $((due * 106))
done

check "doctor on 4 hosts" logged doctor on_hosts -- doctor --config "$work/tiny.yaml" --output "$work/here/plain"
check "  sees the hosts and the run" grep -qz "4 ranks on 4 hosts.*go on after step $steps" "$work/doctor.log"
check "evaluate of a checkpoint that the first host alone has" \
  logged evaluate on_hosts -- evaluate --checkpoint "$work/here/plain"

# TERM to launch/hosts, as soon as a step has been recorded.
: >"$work/told.log"
train told &
job=$!
until_true 60 grep -q "^step *1/" "$work/told.log"
for process in $(ip netns pids "$(host 0)"); do
  if tr '\0' ' ' <"/proc/$process/cmdline" | grep -q "^bash [^ ]*launch/hosts"; then kill "$process"; fi
done
wait "$job"
check "TERM to launch/hosts: code 75" test $? = 75
check "  the same command goes on" train told
check "  to the same bytes" trained told

cable 1 20 100 1
start=$EPOCHREALTIME
check "a cable of 100 Mbit/s, 20 ms and 1 % loss" train slow
say "        $(seconds_since "$start") s; the cable $(tail -n 1 "$work/cable1.log")"
check "  the same bytes" trained slow

# The cut: as soon as a step has been recorded, for good.
deadline=20
: >"$work/cut.log"
train cut --set "distributed.deadline_seconds=$deadline" &
job=$!
until_true 60 grep -q "^step *3/" "$work/cut.log"
plug 3 down
start=$EPOCHREALTIME
wait "$job"
code=$?
seconds=$(seconds_since "$start")
check "a cut cable ends the job with a code ($code) other than 0" test $code -ne 0
check "  $seconds s after the cut; the deadline is $deadline s" less "$seconds" $((deadline + 10))
if (($(open_mpi_major) < 5)); then
  check "  the log blames the lost rank" grep -q "at fault: rank 3 on $(host 3): not heard for" "$work/cut.log"
  for rank in 0 1 2; do
    check "  and says where rank $rank was, and for how long" \
      grep -qE "^ *rank $rank on $(host $rank): (in|not heard for [0-9.]+ s; last in) .*, for [0-9]" "$work/cut.log"
  done
else
  # mpirun of Open MPI 5 kills the ranks as soon as it misses the host itself, which may be before their deadline.
  check "  the log names the lost host" \
    grep -qE "at fault: rank 3 on $(host 3): not heard for|Remote daemon: .* on node $(host 3)$" "$work/cut.log"
fi
alone() { [[ ! $(ip netns pids "$(host 3)") ]]; }
check "  nothing is left on the lost host after 40 s" until_true 40 alone
plug 3 up
check "plugged in again, the host is found" until_true 30 reaches 3 0
check "the same command goes on" train cut
check "  from a checkpoint" grep -q "resuming from" "$work/cut.log"
check "  to the same bytes" trained cut
finish
