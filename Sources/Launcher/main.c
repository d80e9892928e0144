// The `dropblock-dist` of an installed tree: becomes the program that was built for the best instructions this processor has.
//
//   PREFIX/bin/dropblock-dist                             this file, for any x86-64
//   PREFIX/lib/dropblock-dist/x86-64-v4/dropblock-dist    for AVX-512
//   PREFIX/lib/dropblock-dist/x86-64-v3/dropblock-dist    for AVX2 and FMA
//
// The tree is found from where this file lies, so it can be moved. What an older processor or a machine without Open MPI
// lacks is said in one line with code 78: the program itself would die of it without a word.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { bad_configuration = 78 };

static int has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2");
}
static int has_avx512(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

// The folder `levels` above a path, in place.
static void go_up(char *path, int levels) {
  for (char *slash; levels > 0 && (slash = strrchr(path, '/')); levels--) *slash = 0;
}

// Becomes the program of a level; returns where the tree has none, and leaves where it cannot be started.
static void become(const char *prefix, const char *level, char **arguments) {
  char path[PATH_MAX];
  snprintf(path, sizeof(path), "%s/lib/dropblock-dist/%s/dropblock-dist", prefix, level);
  execv(path, arguments);
  if (errno == ENOENT) return;
  fprintf(stderr, "error: %s: cannot be started: %s\n", path, strerror(errno));
  exit(bad_configuration);
}

int main(int count, char **arguments) {
  (void)count;
  char prefix[PATH_MAX] = "";
  if (readlink("/proc/self/exe", prefix, sizeof(prefix) - 1) < 0) {
    perror("dropblock-dist: /proc/self/exe");
    return bad_configuration;
  }
  go_up(prefix, 2);
  if (!has_avx2()) {
    fprintf(stderr, "error: this processor lacks AVX2 or FMA; dropblock-dist needs x86-64-v3: Intel from Haswell (2013), "
                    "AMD from Excavator (2015) on\n");
    return bad_configuration;
  }
  if (!dlopen("libmpi.so.40", RTLD_LAZY)) {
    fprintf(stderr, "error: no Open MPI 4 or 5 here (%s); install it (Debian: openmpi-bin; RHEL: openmpi) or load its "
                    "module\n", dlerror());
    return bad_configuration;
  }
  if (has_avx512()) become(prefix, "x86-64-v4", arguments);
  become(prefix, "x86-64-v3", arguments);
  fprintf(stderr, "error: no program below %s/lib/dropblock-dist that this processor can run; start dropblock-dist where it was "
                  "installed, or install it again\n", prefix);
  return bad_configuration;
}
