#!/usr/bin/env bash
# Compares what `plan` predicts with what `bench` measures on virtual hosts whose links are slow or long.
#
# Usage: Tests/Cluster/plan.sh      as root; DROPBLOCK_PROGRAM names another program than the built one
#   ROUNDS=3      turns of which the medians count
#   HOSTS="2 4"   numbers of hosts, one rank each
#   MODELS="small large"
#   LIMIT=15      percent that a prediction may be off
#
# All hosts share the cores of this machine. What a rank computes under that sharing is measured by `bench` on the same hosts
# before their links are made slow; `plan` gets that file and the slow network's numbers, and nothing else. Rounds go through
# all networks in turn, so that drift falls on all of them. Nothing else should run meanwhile.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
reason=$(why_no_hosts)
[[ ! $reason ]] || skip "$reason"
command -v tc >/dev/null || skip "needs tc of iproute2"

rounds=${ROUNDS:-3}
limit=${LIMIT:-15}
read -ra host_counts <<<"${HOSTS:-2 4}"
read -ra models <<<"${MODELS:-small large}"

# Pictures that show nothing, so that steps agree on their batches as those of a run do.
mkdir "$work/cifar10"
for ((i = 1; i <= 5; i++)); do head -c $((128 * 3073)) /dev/zero >"$work/cifar10/data_batch_$i.bin"; done

# configuration MODEL: 1.2 MB of gradients behind 64 pictures of 32 pixels, or 45 MB behind four of 64.
configuration() {
  say "data: {kind: cifar10, root: cifar10, workers: 1}"
  say "bench: {input: data}"
  say "planner: {algorithms: direct}"
  say "train: {length: 1000 steps}"
  case $1 in
    small)
      printf '%s\n' "input: {size: 32}" "model: {name: customnet, classes: 10}" "batch: {per_rank: 64}" \
        "distributed: {bucket_bytes: 200000}"
      ;;
    large)
      printf '%s\n' "input: {size: 64}" "model: {name: resnet, depth: 18, classes: 10}" "batch: {per_rank: 4}" \
        "distributed: {bucket_bytes: 8000000}"
      ;;
    *) fail "MODELS: expected small or large, got $1" ;;
  esac
}
for model in "${models[@]}"; do configuration "$model" >"$work/$model.yaml"; done

# measure NAME MODEL STEPS: a benchmark on all hosts; its figures go to NAME.json.
measure() {
  logged "$1" on_hosts -- bench --config "$work/$2.yaml" --steps "$3" --warmup 2 --json "$work/here/$1.json" &&
    cp "$(disk 0)/$1.json" "$work/$1.json"
}
# figure FILE PLACE...: a number in a JSON file.
figure() {
  python3 -c 'import json, sys
value = json.load(open(sys.argv[1]))
for place in sys.argv[2:]: value = value[int(place) if place.isdigit() else place]
print(value)' "$@"
}
# middle NUMBER...: the median, the smallest and the largest.
middle() {
  printf '%s\n' "$@" | sort -g | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2, v[1], v[NR] }'
}

# compare MODEL HOSTS NETWORK ROUND STEPS: adds what is measured now, and what is predicted from this round's figures.
declare -A measured predicted
compare() {
  local key="$1 $2 $3" name=$1-$2-${3//[^a-z0-9]/}-$4
  measure "$name" "$1" "$5" || fail "bench on $key: $(tail -n 3 "$work/$name.log")"
  "$program" plan --config "$work/$1.yaml" --bench "$work/$1-$2-plain-$4.json" --nodes "$2" --network "$3" \
    --json "$work/$name.plan.json" >"$work/$name.plan.log" || fail "plan of $key failed"
  measured[$key]+=" $(figure "$work/$name.json" step_seconds median)"
  predicted[$key]+=" $(figure "$work/$name.plan.json" predicted 0 step_seconds)"
  say "        $key: predicted ${predicted[$key]##* } s, measured ${measured[$key]##* } s"
}

for count in "${host_counts[@]}"; do
  rm -f "$work/hosts"
  hosts_up "$count"
  for ((round = 1; round <= rounds; round++)); do
    for model in "${models[@]}"; do
      measure "$model-$count-plain-$round" "$model" 10 || fail "bench failed: $(tail -n 3 "$work/$model-$count-plain-$round.log")"
      for megabit in 1000 100; do
        for ((i = 0; i < count; i++)); do shape "$i" "$megabit"; done
        compare "$model" "$count" "${megabit}Mbit/s" "$round" 5
        for ((i = 0; i < count; i++)); do unshape "$i"; done
      done
    done
  done
  # 10 ms to the switch and 10 ms behind it. Cables stay, so the delay comes last.
  for ((round = 1; round <= rounds; round++)); do
    ((round > 1)) || for ((i = 0; i < count; i++)); do cable "$i" 10 1000 0; done
    for model in "${models[@]}"; do compare "$model" "$count" "1000Mbit/s,20ms" "$round" 5; done
  done
  hosts_down
done

say "$(printf '%-6s %5s  %-18s %12s %12s  %-22s %s' model hosts network 'predicted s' 'measured s' 'measured from to' error)"
while read -r key; do
  read -r model count network <<<"$key"
  read -r expected _ _ <<<"$(middle ${predicted[$key]})"
  read -r found least most <<<"$(middle ${measured[$key]})"
  error=$(awk -v p="$expected" -v m="$found" 'BEGIN { printf "%.1f", (p - m) / m * 100 }')
  line=$(printf '%-6s %5s  %-18s %12.4f %12.4f  %-22s %s %%' "$model" "$count" "$network" "$expected" "$found" \
    "$(printf '%.4f to %.4f' "$least" "$most")" "$error")
  check "$line" less "${error#-}" "$limit"
done < <(printf '%s\n' "${!measured[@]}" | sort)
finish
