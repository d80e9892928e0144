#!/usr/bin/env bash
# A real Slurm on two virtual nodes runs train.sbatch to the end over several starts, by srun and by mpirun, and sweep.sbatch:
# every result is that of an uninterrupted run, byte for byte.
#
# Usage: Tests/Cluster/slurm.sh      as root; DROPBLOCK_PROGRAM names another program than the built one
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
for reason in "$(why_no_hosts)" "$(why_no_slurm)"; do
  [[ ! $reason ]] || skip "$reason"
done

steps=16
# Rank 0 pauses twice on its way, so that there is time to warn a job between two steps, however fast or slow steps are.
pauses=(--inject "stall:rank=0,step=4,seconds=8" --inject "stall:rank=0,step=9,seconds=8")
tiny_configuration | sed "s/length: 6 steps/length: $steps steps/" >"$work/tiny.yaml"
sed 's/^name: tiny/name: other/; $a random: {seed: 2}' "$work/tiny.yaml" >"$work/other.yaml"

uninterrupted() {
  logged "whole-$1" mpirun -np 2 --bind-to none --mca mpi_yield_when_idle 1 -x OMP_NUM_THREADS=1 \
    -x "DROPBLOCK_CACHE=$work/cache" "$program" --config "$work/$1.yaml" --output "$work/whole-$1"
}
# submit LAUNCHER SBATCH-OPTION... FILE ARGUMENT...: a job on both nodes, by the user of node 0; prints its number.
submit() {
  local launcher=$1
  shift
  on 0 sbatch --parsable -N 2 --exclusive --chdir="$work" --time=3 --signal=B:USR1@90 \
    "--export=ALL,DROPBLOCK_PROGRAM=$program,DROPBLOCK_LAUNCHER=$launcher,DROPBLOCK_BINDING=none$variables" "$@"
}
variables=,DROPBLOCK_INTERFACE=eth0,DROPBLOCK_CACHE=$work/here/cache,DROPBLOCK_RUNS=$work/here
count() { cat "$2" 2>/dev/null | grep -c "$1"; }
is_over() { [[ ! $(on 0 squeue -h -j "$1" 2>/dev/null) ]]; }
# warn_twice JOB LOG: sees a job through two requeues. A start that gets two steps on before the time limit's own warning,
# which comes at one of Slurm's looks, is sent what Slurm would send.
warn_twice() {
  local job=$1 log=$2 start end=$((SECONDS + 300))
  until started "$log" 3; do
    ((SECONDS < end)) || return 1
    start=$(count 'start [0-9]* of job' "$log")
    if begun "$log" "$start" && (($(count 'warned by USR1' "$log") < start)); then
      on 0 scancel --signal=USR1 --batch "$job"
    fi
    sleep 0.3
  done
  # From now on it has time enough, however slow the machine is.
  on 0 scontrol update jobid="$job" timelimit=10
}
started() { (($(count 'start [0-9]* of job' "$1") >= $2)); }
# begun LOG START: whether the start has got two steps on.
begun() {
  local steps
  [[ -r $1 ]] || return 1
  steps=$(awk -v start="$2" '/: start [0-9]* of job/ { n++ } /^step / && n == start { steps++ } END { print steps + 0 }' "$1")
  ((steps >= 2))
}

hosts_up 2
slurm_up
check "2 ranks on one machine" uninterrupted tiny
check "  and with another seed" uninterrupted other

# refused COMMAND...: whether a wrong start is refused with the line that works.
refused() {
  logged refused "$@"
  (($? == 78)) && tail -n 20 "$work/refused.log" | grep -q "would train alone.*start it with: .*srun --mpi=pmix"
}
check "srun without PMIx is refused" refused on 0 srun -N 2 -n 2 "$program" --config "$work/tiny.yaml"
check "the program alone in an allocation is refused" refused on 0 salloc -N 2 -n 2 "$program" --config "$work/tiny.yaml"

# --resume never is for the first start: those after it go on from its checkpoints.
for launcher in srun mpirun; do
  start=$SECONDS log=$work/$launcher.log
  job=$(submit $launcher --output="$log" \
    "$root/launch/slurm/train.sbatch" --config "$work/tiny.yaml" --output "$work/here/$launcher" \
    --resume never "${pauses[@]}")
  check "$launcher: job $job is warned twice and comes back" warn_twice "$job" "$log"
  check "  it ends" until_true 240 is_over "$job"
  say "        after $((SECONDS - start)) s in $(count ': start' "$log") starts"
  check "  Slurm counts it as completed" grep -q "JobId=$job .*JobState=COMPLETED" <(on 0 scontrol -o show job "$job")
  check "  over at least two requeues" test "$(count 'of job' "$log")" -ge 3
  check "  to the bytes of the uninterrupted run" same_state "$work/whole-tiny" "$(disk 0)/$launcher" "$steps"
done

# A rank that is killed takes its job with it, and the checkpoint that it made lets the job come back.
log=$work/killed.log
job=$(submit srun --output="$log" \
  "$root/launch/slurm/train.sbatch" --config "$work/tiny.yaml" --output "$work/here/killed" \
  "${pauses[@]}")
check "job $job has a checkpoint" until_true 180 test -L "$(disk 0)/killed/checkpoints/latest"
on 0 scontrol update jobid="$job" timelimit=10
for process in $(ip netns pids "$(host 1)"); do
  if [[ /proc/$process/exe -ef $program ]]; then kill -9 "$process"; fi
done
check "  a rank is killed, and it comes back" until_true 180 started "$log" 2
check "  it ends" until_true 240 is_over "$job"
check "  to the bytes of the uninterrupted run" same_state "$work/whole-tiny" "$(disk 0)/killed" "$steps"

# Slurm may warn in the first second, when mpirun has only just begun to start.
log=$work/early.log
job=$(submit mpirun --output="$log" \
  "$root/launch/slurm/train.sbatch" --config "$work/tiny.yaml" --output "$work/here/early" \
  "${pauses[@]}")
until_true 180 started "$log" 1
on 0 scancel --signal=USR1 --batch "$job"
check "job $job, warned in its first second, comes back" until_true 180 started "$log" 2
on 0 scontrol update jobid="$job" timelimit=10
check "  it ends" until_true 240 is_over "$job"
check "  to the bytes of the uninterrupted run" same_state "$work/whole-tiny" "$(disk 0)/early" "$steps"

# The last task of an array has the number of the whole array; only the warned one may come back.
array=$(submit srun --array=0-1%1 --output="$work/sweep-%a.log" \
  "$root/launch/slurm/sweep.sbatch" "$work/tiny.yaml" "$work/other.yaml" -- "${pauses[@]}")
check "sweep: task 1 begins" until_true 180 begun "$work/sweep-1.log" 1
on 0 scancel --signal=USR1 --batch "${array}_1"
on 0 scontrol update jobid="${array}_1" timelimit=10
check "  array $array ends" until_true 240 is_over "$array"
check "  the warned task came back" test "$(count 'of job' "$work/sweep-1.log")" -ge 2
for name in tiny other; do
  check "  $name has the bytes of the uninterrupted run" same_state "$work/whole-$name" "$(disk 0)/$name" "$steps"
done
finish
