// System calls that Swift cannot make itself: a variable number of arguments, or not in its view of the C library.
#pragma once
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

long syscall(long number, ...);
int sched_setaffinity(int process, unsigned long mask_bytes, const void *mask);

/// Has this process get a signal when the thread that started it ends; 0 when that is set. It outlives exec.
static inline int shim_signal_with_parent(int signal_number) {
  return prctl(PR_SET_PDEATHSIG, (unsigned long)signal_number);
}

/// Exchanges what two names stand for in one step; 0 when that is done, which not every file system can do.
static inline int shim_exchange_names(const char *first, const char *second) {
  const int at_working_directory = -100, exchange = 2;
  return (int)syscall(SYS_renameat2, at_working_directory, first, at_working_directory, second, exchange);
}

/// Lets this process run on every CPU that its control group has.
static inline void shim_use_every_cpu(void) {
  unsigned char mask[128];
  memset(mask, 0xff, sizeof mask);
  sched_setaffinity(0, sizeof mask, mask);
}
