/*
 * A guest's kernel reads the host's monotonic clock; preloaded, this adds to it what a file says, so
 * that a frozen machine finds, when it runs again, that an hour has gone by. The rest of the world
 * need not wait for that hour. Eight bytes of the file LAB_CLOCK_SHIFT: nanoseconds, in the host's order.
 *
 * Timers of the guest are relative to the host's own clock and stay as they are: the first that fires
 * shows the guest its new time, as after a real freeze.
 *
 * Reference: Linux arch/um/os-Linux/time.c, os_nsecs(); clock_gettime(2).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift;

__attribute__((constructor)) static void find_shift(void) {
  const char *path = getenv("LAB_CLOCK_SHIFT");
  int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  void *page = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
  if (page != MAP_FAILED) shift = page;
  close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  long failed = syscall(SYS_clock_gettime, clock, now);
  if (failed != 0 || clock != CLOCK_MONOTONIC || shift == NULL) return (int)failed;
  int64_t nanoseconds = now->tv_nsec + *shift % 1000000000;
  now->tv_sec += *shift / 1000000000 + nanoseconds / 1000000000;
  now->tv_nsec = nanoseconds % 1000000000;
  return 0;
}
