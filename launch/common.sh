# Functions shared by the scripts of this folder; sourced, not run.
# shellcheck shell=bash

# The repository, wherever the caller stands.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Where builds go. Set DROPBLOCK_BUILD to keep them elsewhere, for example when the checkout is read-only.
build=${DROPBLOCK_BUILD:-$root/.build}

# Everything that tests and the program are built with. Both use the same flags, so that nothing is compiled twice.
build_flags=(-c release -Xswiftc -enable-testing)

# What the program and its tests are built with, under the names of Debian and Ubuntu.
packages=(libdnnl-dev libopenmpi-dev openmpi-bin libturbojpeg0-dev libspng-dev libsimdjson-dev zlib1g-dev
  liblzma-dev libsodium-dev libfreetype-dev fonts-dejavu-core pkg-config g++ git ca-certificates python3 python3-venv xz-utils)
# The same under the names of Fedora, RHEL and Rocky (with EPEL and CRB; libpng stands in for libspng, which they lack).
rpm_packages=(onednn-devel openmpi-devel turbojpeg-devel libpng-devel simdjson-devel zlib-devel xz-devel libsodium-devel
  freetype-devel dejavu-sans-fonts pkgconf-pkg-config gcc-c++ git python3 xz)
# What swift.org's toolchain needs beside them to run; its archive cannot ask for it.
toolchain_packages() {
  # Since Debian 14 and Ubuntu 26.04 libxml2 is called by its version.
  local xml=libxml2
  apt_offers libxml2 || ! apt_offers libxml2-16 || xml=libxml2-16
  say libcurl4 libncurses6 libsqlite3-0 "$xml" tzdata
}

say() { printf '%s\n' "$*"; }
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# Runs a command as the administrator.
as_root() {
  if ((EUID == 0)); then "$@"; elif command -v sudo >/dev/null; then sudo "$@"; else return 1; fi
}

# install_packages PACKAGE...: installs those that are missing, as dpkg says; touches no network otherwise.
install_packages() {
  local missing=() package installed
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian system: make sure that the equivalents of $* are installed;" \
      "on Fedora, RHEL and Rocky: dnf install ${rpm_packages[*]}" >&2
    return
  fi
  # With what they provide: libcurl4 is libcurl4t64 since Debian 13.
  installed=$(dpkg-query -W -f='${db:Status-Status}, ${Package}, ${Provides}, \n' | sed -E '/^installed/!d; s/ \([^)]*\)//g') ||
    installed=''
  for package in "$@"; do [[ $installed == *", $package, "* ]] || missing+=("$package"); done
  ((${#missing[@]})) || return 0
  ((EUID == 0)) || command -v sudo >/dev/null ||
    fail "missing packages and no sudo; ask the administrator for: apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  as_root apt-get update -qq || say "apt-get update failed; trying with the lists that are there" >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" ||
    fail "apt-get could not install ${missing[*]}"
}

# Whether Swift's package manager starts, which needs more libraries than the compiler.
swift_runs() { swift build --version >/dev/null 2>&1; }

# The folder of the Swift toolchain with its bin, lib and share, whatever stands in PATH for it.
toolchain_folder() {
  local resources
  resources=$(swift -print-target-info 2>/dev/null | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
  [[ -d $resources ]] && (cd "$resources/../.." && pwd)
}

# Whether apt has a package to offer; fetches its lists where there are none.
apt_offers() {
  [[ $(find /var/lib/apt/lists -name '*Packages*' 2>/dev/null) ]] || as_root apt-get update -qq || true
  [[ $(LC_ALL=C apt-cache policy "$1" 2>/dev/null) =~ Candidate:\ *[0-9] ]]
}

# Makes this machine ready to build: looks at Swift first, which only the user can bring on most systems, then installs all
# that is missing at once.
set_up() {
  local wanted=("${packages[@]}") site=https://www.swift.org/install/linux
  if ! command -v swift >/dev/null; then
    apt_offers swiftlang ||
      fail "no swift on PATH, and no package swiftlang here; install Swift 6.0 or later from $site and open a new shell;" \
        "on Debian and Ubuntu it needs: apt-get install $(toolchain_packages) git g++"
    wanted+=(swiftlang)
  elif ! swift_runs; then
    local needed
    read -ra needed <<<"$(toolchain_packages)"
    wanted+=("${needed[@]}")
  fi
  install_packages "${wanted[@]}"
  swift_runs || fail "$(command -v swift) does not run: $(swift build --version 2>&1 | head -n 1)"
  local version
  version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\)\..*/\1/p')
  ((${version:-0} >= 6)) || fail "Swift ${version:-of an unknown version} is too old; install Swift 6.0 or later from $site"
}

# Runs a command of Swift's package manager with the arguments given, in the repository.
swift_command() {
  local command=$1
  shift
  mkdir -p "$build" 2>/dev/null && [[ -w $build ]] ||
    fail "cannot write $build; clone the repository as this user, or set DROPBLOCK_BUILD to a directory of yours"
  # Swift keeps caches in the home directory, which service users do not have.
  if [[ ! -w ${HOME:-/nonexistent} ]]; then export HOME=$build/home && mkdir -p "$HOME"; fi
  # Its lock file in the temporary directory stays behind and belongs to whoever built here first.
  mkdir -p "$build/tmp"
  # What `--version` names.
  DROPBLOCK_COMMIT=$(git -C "$root" describe --always --dirty 2>/dev/null || say unknown)
  export DROPBLOCK_COMMIT
  local package=$root
  if [[ ! -w $root ]]; then
    # SwiftPM writes Package.resolved beside the manifest.
    package=$build/package
    mkdir -p "$package"
    ln -sfn "$root"/{Package.swift,Sources,Tests} "$package"
  fi
  # From Swift 6.4 on another build system is the default, which leaves its products elsewhere.
  TMPDIR=$build/tmp swift "$command" --build-system native --package-path "$package" "$@"
}

# Runs `swift build` with the arguments given, in the repository.
swift_build() { swift_command build "$@"; }

# The folder of what a build of `build_flags` made.
products() { swift_build --scratch-path "$build" "${build_flags[@]}" --show-bin-path; }

# Physical cores that this process may use. (Plain nproc would obey OMP_NUM_THREADS.)
physical_cores() {
  local allowed physical
  allowed=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
  # Of the threads that it may use, those of one core count once.
  physical=$(lscpu -p=CPU,CORE,SOCKET 2>/dev/null | awk -F, -v list="$(sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status)" '
    BEGIN {
      ranges = split(list, range, ",")
      for (i = 1; i <= ranges; i++) {
        ends = split(range[i], bound, "-")
        for (cpu = bound[1]; cpu <= bound[ends]; cpu++) usable[cpu] = 1
      }
    }
    /^[0-9]/ && ($1 in usable) && !seen[$2, $3]++ { cores++ }
    END { print cores + 0 }')
  ((physical >= 1 && physical < allowed)) && say "$physical" || say "$allowed"
}

# Open MPI wants both of these from root, and nobody else minds.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# The major version of the Open MPI whose mpirun is in PATH; 4 where it does not say.
open_mpi_major() {
  local major
  major=$(mpirun --version 2>/dev/null | sed -n 's/^mpirun (Open MPI) \([0-9]*\)\..*/\1/p')
  say "${major:-4}"
}

# mpirun_command R T [shared]: fills the array `mpirun` with a command for R ranks of T threads on this machine: each rank
# bound to T cores where they fit, else unbound, sharing, and yielding while they wait. With `shared` they are not bound where
# they leave cores free either: all jobs that do so would be on the first cores.
mpirun_command() {
  local ranks=$1 threads=$2 cores
  cores=$(physical_cores)
  mpirun=(mpirun -np "$ranks" -x "OMP_NUM_THREADS=$threads")
  if [[ ${3:-} == shared ]] && ((ranks * threads < cores)); then
    mpirun+=(--bind-to none)
  elif ((ranks * threads <= cores)); then
    mpirun+=(--map-by "ppr:$ranks:node:pe=$threads" --bind-to core)
  else
    mpirun+=(--oversubscribe --bind-to none --mca mpi_yield_when_idle 1)
  fi
}
