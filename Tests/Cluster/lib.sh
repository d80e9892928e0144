# Virtual hosts and a Slurm on this one machine; sourced by the tests of this folder.
# shellcheck shell=bash
#
# A host is a network namespace with a host name of its own, so that Open MPI and Slurm take it for a machine. All hosts
# hang on a bridge in one more namespace. Nothing is joined to the machine's own network: no packet can leave.
source "$(dirname "${BASH_SOURCE[0]}")/../../launch/common.sh"
here=$root/Tests/Cluster

program=${DROPBLOCK_PROGRAM:-$build/release/dropblock-dist}
[[ -x $program ]] || fail "$program: build it first (launch/test, or swift build -c release)"

# Whatever is made lies below this folder (short: the paths of sockets have 108 characters) and goes away at the end.
work=$(mktemp -d /tmp/dbc.XXXX)
# What the rsh agent and the hosts' names are made of; two tests may run at once.
export CLUSTER_PREFIX=${work##*.}
export CLUSTER_WORK=$work
subnet=10.$((RANDOM % 100 + 100)).$((RANDOM % 250))
switch=$CLUSTER_PREFIX-switch
hosts=0

passed=0 failures=()
# check WHAT COMMAND...: runs a command that must succeed, and counts.
check() {
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    say "ok      $what"
  else
    failures+=("$what")
    say "NOT OK  $what"
  fi
}
# logged NAME COMMAND...: runs a command; what it says is appended to NAME.log.
logged() {
  local log=$work/$1.log
  shift
  "$@" >>"$log" 2>&1
}
# The end of a test: what was found, and exit code 1 when something failed.
finish() {
  say "$passed passed, ${#failures[@]} failed"
  ((${#failures[@]} == 0)) || { printf '  failed: %s\n' "${failures[@]}"; exit 1; }
  exit 0
}
# skip REASON: the end of a test that cannot run here, by a code that is neither success nor failure.
skip() { say "skipped: $1"; exit 77; }
# less A B: whether A < B, for numbers with a point.
less() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a < b) }'; }
seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }
# same_state RUN RUN STEP: whether two runs hold the same bytes after a step.
same_state() {
  local name set
  printf -v set 'checkpoints/step-%08d' "$3"
  for name in model.safetensors optimizer.safetensors state.json; do
    cmp "$1/$set/$name" "$2/$set/$name" || return 1
  done
}
# until_true SECONDS COMMAND...: waits for a command to succeed.
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.3
  done
}

# --- hosts ------------------------------------------------------------------------------------------------------------

host() { say "$CLUSTER_PREFIX$1"; }
address() { say "$subnet.$(($1 + 1))"; }
# on I COMMAND...: runs a command on host I.
on() { local index=$1; shift; "$here/agent" "$(host "$index")" "$(printf '%q ' "$@")"; }

# Why there can be no virtual hosts here, empty when there can.
why_no_hosts() {
  ((EUID == 0)) || { say "needs root"; return; }
  command -v ip >/dev/null || { say "needs iproute2"; return; }
  local probe=$CLUSTER_PREFIX-probe
  ip netns add "$probe" 2>/dev/null && ip -n "$probe" link add "$probe" type veth peer name peer 2>/dev/null &&
    ip netns exec "$probe" unshare --uts true 2>/dev/null || say "namespaces are not allowed here"
  ip netns del "$probe" 2>/dev/null || true
}

# hosts_up N: makes hosts 0 to N-1.
hosts_up() {
  hosts=$1
  local i names="127.0.0.1 localhost"
  for ((i = 0; i < hosts; i++)); do names+=$'\n'"$(address "$i") $(host "$i")"; done
  ip netns add "$switch"
  ip -n "$switch" link add bridge type bridge
  ip -n "$switch" link set bridge up
  for ((i = 0; i < hosts; i++)); do
    local name
    name=$(host "$i")
    ip netns add "$name"
    ip -n "$name" link set lo up
    ip -n "$switch" link add "port$i" type veth peer name eth0 netns "$name"
    ip -n "$switch" link set "port$i" master bridge up
    ip -n "$name" address add "$(address "$i")/24" dev eth0
    ip -n "$name" link set eth0 up
    # `ip netns exec` shows a process this file as /etc/hosts.
    mkdir -p "/etc/netns/$name" "$work/disk.$name" "$work/here"
    say "$names" >"/etc/netns/$name/hosts"
    say "$name slots=${RANKS_PER_HOST:-1}" >>"$work/hosts"
  done
}

# Ends everything on the hosts and removes them.
hosts_down() {
  local name i
  for ((i = 0; i < hosts; i++)); do
    name=$(host "$i")
    ip netns pids "$name" 2>/dev/null | xargs -r kill -9 2>/dev/null
  done
  ip netns pids "$switch" 2>/dev/null | xargs -r kill -9 2>/dev/null
  for ((i = 0; i < hosts; i++)); do
    name=$(host "$i")
    ip netns del "$name" 2>/dev/null
    rm -rf "/etc/netns/${name:?}" "/tmp/ompi.$name."* "/dev/shm/vader_segment.$name."* \
      "/tmp/prterun.$name."* "/tmp/prte.$name."* "/dev/shm/sm_segment.$name."*
  done
  ip netns del "$switch" 2>/dev/null
  rmdir /etc/netns 2>/dev/null
  hosts=0
}

# disk I: where this script sees the disk of host I, which that host has as $work/here.
disk() { say "$work/disk.$(host "$1")"; }

# plug I up|down: the cable of host I at the switch.
plug() { ip -n "$switch" link set "port$1" "$2"; }
# reaches I J: whether host I gets an answer from host J. After a cable was out, neighbours need seconds to find each other.
reaches() {
  [[ $(ip netns exec "$(host "$1")" env LC_ALL=C bash -c "echo >/dev/tcp/$(address "$2")/9" 2>&1) == *refused* ]]
}

# cable I MILLISECONDS MEGABIT PERCENT: a long, slow, lossy cable between host I and the switch.
cable() {
  [[ -x $work/cable ]] || cc -O2 -o "$work/cable" "$here/cable.c" || fail "cc cannot compile cable.c"
  ip -n "$switch" link add "near$1" type veth peer name "far$1"
  ip -n "$switch" link set "port$1" nomaster
  ip -n "$switch" link set "far$1" master bridge up
  ip -n "$switch" link set "near$1" up
  ip netns exec "$switch" "$work/cable" "port$1" "near$1" "$2" "$3" "$4" >"$work/cable$1.log" 2>&1 </dev/null &
  disown
  until_true 5 grep -q joined "$work/cable$1.log" || fail "no cable: $(cat "$work/cable$1.log")"
}

# shape I MEGABIT: host I sends at most so much a second; `unshape I` takes the limit away.
shape() { ip netns exec "$(host "$1")" tc qdisc replace dev eth0 root tbf rate "$2mbit" burst 256kb latency 50ms; }
unshape() { ip netns exec "$(host "$1")" tc qdisc del dev eth0 root 2>/dev/null; }

# sent I: bytes that host I has sent so far.
sent() { ip netns exec "$(host "$1")" cat /sys/class/net/eth0/statistics/tx_bytes; }

# What makes mpirun call the agent in the place of ssh, as Open MPI 4 and as 5 name it.
agent_variables=(OMPI_MCA_plm=rsh "OMPI_MCA_plm_rsh_agent=$here/agent")
(($(open_mpi_major) < 5)) || agent_variables=(PRTE_MCA_plm=ssh "PRTE_MCA_plm_ssh_agent=$here/agent")

# on_hosts [OPTION...] -- ARGUMENT...: `launch/hosts` as a user of host 0 calls it.
on_hosts() {
  on 0 env "DROPBLOCK_PROGRAM=$program" "DROPBLOCK_CACHE=$work/here/cache" DROPBLOCK_THREADS=1 DROPBLOCK_BINDING=none DROPBLOCK_INTERFACE=eth0 \
    "${agent_variables[@]}" "$root/launch/hosts" "$work/hosts" "$@"
}

# --- Slurm ------------------------------------------------------------------------------------------------------------

# Why there can be no Slurm here, empty when there can.
why_no_slurm() {
  local name
  for name in slurmctld slurmd munged sbatch srun; do
    PATH=$PATH:/usr/sbin command -v "$name" >/dev/null || { say "needs the packages slurm-wlm, slurm-client and munge"; return; }
  done
}

# slurm_up: a controller on host 0 and a node daemon on every host, without systemd and control groups.
slurm_up() {
  export SLURM_CONF=$work/slurm.conf PATH=$PATH:/usr/sbin
  local i cores memory
  cores=$(physical_cores)
  memory=$(awk '/MemTotal/ { print int($2 / 2048) }' /proc/meminfo)
  mkdir -p "$work"/{state,log,run}
  {
    cat <<CONF
ClusterName=test
SlurmctldHost=$(host 0)($(address 0))
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# Jobs that go back to the queue wait this long, so that no credential of their first start is valid any more.
AuthInfo=socket=$work/run/munge,cred_expire=5
CredType=cred/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool.%n
# Nodes that share a file system must not share the folder of the PMIx plugin.
TmpFS=$work/tmp.%n
SlurmctldPidFile=$work/run/slurmctld
SlurmdPidFile=$work/run/slurmd.%n
SlurmctldLogFile=$work/log/slurmctld
SlurmdLogFile=$work/log/slurmd.%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=bf_interval=5,sched_interval=5,batch_sched_delay=0
JobRequeue=1
KillWait=10
MessageTimeout=20
ReturnToService=2
PropagateResourceLimits=NONE
CONF
    for ((i = 0; i < hosts; i++)); do
      say "NodeName=$(host "$i") NodeAddr=$(address "$i") CPUs=$cores RealMemory=$memory"
      mkdir -p "$work/tmp.$(host "$i")"
    done
    say "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=10"
  } >"$SLURM_CONF"
  # From 24.05 on a daemon that finds no control groups of its own goes only without any; before, that has no name.
  local plugin=cgroup/v1 version
  version=$(slurmd -V | sed -nE 's/^[^0-9]*([0-9]+)\.([0-9]+).*/\1\2/p')
  ((${version:-0} < 2405)) || plugin=disabled
  say "CgroupPlugin=$plugin" >"$work/cgroup.conf"
  (umask 077 && head -c 128 /dev/urandom >"$work/munge.key")
  chown root: "$work" "$work"/{run,log,munge.key}
  chmod 755 "$work"
  munged --force --socket="$work/run/munge" --key-file="$work/munge.key" --pid-file="$work/run/munged" \
    --log-file="$work/log/munged" --seed-file="$work/run/munge.seed"
  on 0 slurmctld -c
  for ((i = 0; i < hosts; i++)); do on "$i" slurmd; done
  until_true 30 slurm_is_idle || { tail -n 5 "$work"/log/* >&2; fail "Slurm's nodes did not come up"; }
}
slurm_is_idle() { (($(on 0 sinfo -h -N -o %T 2>/dev/null | grep -c '^idle$') == hosts)); }

# Ends the jobs and the daemons, by the numbers that they wrote down.
slurm_down() {
  [[ -e $work/run/slurmctld ]] && on 0 timeout 10 scancel --full --state=RUNNING -u root 2>/dev/null
  local file
  for file in "$work"/run/slurmctld "$work"/run/slurmd.* "$work"/run/munged; do
    [[ -e $file ]] && kill "$(cat "$file")" 2>/dev/null
  done
  sleep 1
}

# The end of every test, however it comes.
clean_up() {
  slurm_down
  ((hosts == 0)) || hosts_down
  if [[ ${KEEP:-} ]]; then say "kept: $work"; else rm -rf "$work"; fi
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# A detector that trains in seconds, one thread a rank; `name` is the run's.
tiny_configuration() {
  cat <<'YAML'
name: tiny
threads_per_rank: 1
data:
  kind: shapes
  shapes: {size: 64, train_images: 24, val_images: 4}
input: {size: 64, scale_min: 0.8, scale_max: 1.2, evaluation: {size: 64}}
model: {form: paper, depth: 18, classes: 5, trainable_layers: 0}
dropblock: {groups: [3, 4], block_size: 3, keep_prob: 0.8}
batch: {per_rank: 1}
learning_rate: {warmup: 2 steps, schedule: cosine}
train: {length: 6 steps, checkpoint_every: 2 steps, keep_checkpoints: 1, evaluate_every: null, log_every: 1}
planner: {algorithms: direct}
distributed: {deadline_seconds: 60}
YAML
}
