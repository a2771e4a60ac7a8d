/*
 * User-mode Linux 6.1 keeps the floating point registers of a process in a buffer of its own size.
 * On processors with more registers (AMX) the host refuses to write back less than all of them, and
 * no guest starts ("ptrace set fp regs failed, errno = 14"). Preloaded, this fills up what the guest's
 * kernel does not know with what the process already holds; guests never use those registers.
 *
 * Reference: ptrace(2), PTRACE_SETREGSET; Linux arch/x86/kernel/fpu/regset.c, xstateregs_set().
 */
#define _GNU_SOURCE
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

static long raw(long request, long pid, void *address, void *data) {
  return syscall(SYS_ptrace, request, pid, address, data);
}

static long set_all(long pid, void *address, const struct iovec *known) {
  static char bytes[65536] __attribute__((aligned(64)));
  struct iovec all = {bytes, sizeof bytes};
  if (raw(PTRACE_GETREGSET, pid, address, &all) < 0) return -1;
  memcpy(bytes, known->iov_base, known->iov_len < all.iov_len ? known->iov_len : all.iov_len);
  return raw(PTRACE_SETREGSET, pid, address, &all);
}

/* As in the C library, a PEEK answers with the word itself. */
long ptrace(enum __ptrace_request request, ...) {
  va_list arguments;
  va_start(arguments, request);
  long pid = va_arg(arguments, long);
  void *address = va_arg(arguments, void *);
  void *data = va_arg(arguments, void *);
  va_end(arguments);
  if (request == PTRACE_SETREGSET && (long)address == NT_X86_XSTATE)
    return set_all(pid, address, data);
  if (request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA || request == PTRACE_PEEKUSER) {
    long word;
    return raw(request, pid, address, &word) < 0 ? -1 : word;
  }
  return raw(request, pid, address, data);
}
