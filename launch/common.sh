# Functions shared by the scripts of this folder; sourced, not run.
# shellcheck shell=bash

# The repository, wherever the caller stands.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Where builds go. Set DROPBLOCK_BUILD to keep them elsewhere, for example when the checkout is read-only.
build=${DROPBLOCK_BUILD:-$root/.build}

# Everything that tests and the program are built with. Both use the same flags, so that nothing is compiled twice.
build_flags=(-c release -Xswiftc -enable-testing)

# What the program and its tests are built with.
packages=(libdnnl-dev libopenmpi-dev openmpi-bin libturbojpeg0-dev libspng-dev libsimdjson-dev zlib1g-dev
  liblzma-dev libsodium-dev pkg-config g++ python3)

say() { printf '%s\n' "$*"; }
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# install_packages PACKAGE...: installs those that are missing, as dpkg says; touches no network otherwise.
install_packages() {
  local missing=() package as_root=()
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian system: make sure that the equivalents of $* are installed" >&2
    return
  fi
  for package in "$@"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail "missing packages and no sudo; ask the administrator for: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq || say "apt-get update failed; trying with the lists that are there" >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" ||
    fail "apt-get could not install ${missing[*]}"
}

# Stops with instructions when there is no usable Swift.
require_swift() {
  command -v swift >/dev/null ||
    fail "no swift on PATH; install Swift 6.2 or later from https://www.swift.org/install/linux and open a new shell"
  swift --version >/dev/null 2>&1 ||
    fail "$(command -v swift) does not run: $(swift --version 2>&1 | head -n 1)"
}

# Runs `swift build` with the arguments given, in the repository.
swift_build() {
  mkdir -p "$build" 2>/dev/null && [[ -w $build ]] ||
    fail "cannot write $build; clone the repository as this user, or set DROPBLOCK_BUILD to a directory of yours"
  # Swift keeps caches in the home directory, which service users do not have.
  if [[ ! -w ${HOME:-/nonexistent} ]]; then export HOME=$build/home && mkdir -p "$HOME"; fi
  # Its lock file in the temporary directory stays behind and belongs to whoever built here first.
  mkdir -p "$build/tmp"
  # What `--version` names.
  DROPBLOCK_COMMIT=$(git -C "$root" describe --always --dirty 2>/dev/null || say unknown)
  export DROPBLOCK_COMMIT
  TMPDIR=$build/tmp swift build --package-path "$root" "$@"
}

# The folder of what a build of `build_flags` made.
products() { swift_build --scratch-path "$build" "${build_flags[@]}" --show-bin-path; }

# Physical cores that this process may use. (Plain nproc would obey OMP_NUM_THREADS.)
physical_cores() {
  local allowed physical
  allowed=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
  physical=$(lscpu -p=CORE,SOCKET 2>/dev/null | grep -v '^#' | sort -u | wc -l)
  ((physical >= 1 && physical < allowed)) && say "$physical" || say "$allowed"
}

# Open MPI wants both of these from root, and nobody else minds.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# Fills the array `mpirun` with a command for R ranks of T threads on this machine: each rank bound to T cores where they
# fit, else unbound, sharing, and yielding while they wait.
mpirun_command() {
  local ranks=$1 threads=$2
  mpirun=(mpirun -np "$ranks" -x "OMP_NUM_THREADS=$threads")
  if ((ranks * threads <= $(physical_cores))); then
    mpirun+=(--map-by "ppr:$ranks:node:pe=$threads" --bind-to core)
  else
    mpirun+=(--oversubscribe --bind-to none --mca mpi_yield_when_idle 1)
  fi
}
