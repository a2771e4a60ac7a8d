/*
 * Preloaded in a node: SG_IO and SG_SCSI_RESET on a loop device that a nexus serves go to that nexus, as they would
 * go to the host adapter of a SCSI disk. Everything else passes. So the product runs its own `scsi` adapter, unchanged.
 *
 * Callers that look up `ioctl` in libc by name (a foreign function interface) would pass by a preloaded symbol: for
 * them, opening libc.so.6 answers the global scope, where this library comes first.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <scsi/sg.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire.h"

enum { LOOP_MAJOR = 7, NO_CONNECTION = 1 };

static void *next(const char *symbol) { return dlsym(RTLD_NEXT, symbol); }

void *dlopen(const char *file, int flags) {
  void *(*real)(const char *, int) = next("dlopen");
  return real(file && strcmp(file, "libc.so.6") == 0 ? NULL : file, flags);
}

/* A connection to the nexus that serves the device of `fd`; −1: none does. */
static int nexus_of(int fd) {
  struct stat st;
  const char *directory = getenv("LAB_NEXUS");
  if (!directory || fstat(fd, &st) || !S_ISBLK(st.st_mode) || major(st.st_rdev) != LOOP_MAJOR) return -1;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s/loop%u.sock", directory, minor(st.st_rdev));
  int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection >= 0 && connect(connection, (void *)&address, sizeof address) == 0) return connection;
  if (connection >= 0) close(connection);
  return -1;
}

static int all(int fd, void *buffer, size_t length, int writing) {
  for (size_t done = 0; done < length;) {
    ssize_t n = writing ? send(fd, (char *)buffer + done, length - done, MSG_NOSIGNAL)
                        : recv(fd, (char *)buffer + done, length - done, 0);
    if (n <= 0) return 0;
    done += n;
  }
  return 1;
}

static int ask(int fd, struct wire_request *request, void *data, struct wire_reply *reply) {
  return all(fd, request, sizeof *request, 1) && (!request->out || all(fd, data, request->length, 1)) &&
         all(fd, reply, sizeof *reply, 0) && reply->length <= request->length && all(fd, data, reply->length, 0);
}

static void submit(int fd, struct sg_io_hdr *header) {
  struct wire_request request = {.cdb_length = header->cmd_len,
                                 .out = header->dxfer_direction == SG_DXFER_TO_DEV,
                                 .length = header->dxfer_direction == SG_DXFER_NONE ? 0 : header->dxfer_len};
  struct wire_reply reply = {0};
  memcpy(request.cdb, header->cmdp, header->cmd_len);
  header->status = header->sb_len_wr = header->host_status = header->driver_status = header->resid = 0;
  if (!ask(fd, &request, header->dxferp, &reply) || reply.lost) {
    header->host_status = NO_CONNECTION;
    return;
  }
  header->status = reply.status;
  if (!request.out) header->resid = request.length - reply.length;
  if (reply.status == 2 && header->mx_sb_len >= 18) {
    uint8_t sense[18] = {0x70, 0, reply.sense_key, 0, 0, 0, 0, 10, 0, 0, 0, 0, reply.asc, reply.ascq};
    memcpy(header->sbp, sense, sizeof sense);
    header->sb_len_wr = sizeof sense;
  }
}

int ioctl(int fd, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  void *argument = va_arg(arguments, void *);
  va_end(arguments);
  int connection = request == SG_IO || request == SG_SCSI_RESET ? nexus_of(fd) : -1;
  if (connection < 0) {
    int (*real)(int, unsigned long, void *) = next("ioctl");
    return real(fd, request, argument);
  }
  int result = 0;
  if (request == SG_IO) {
    struct sg_io_hdr *header = argument;
    if (header->cmd_len > sizeof ((struct wire_request *)0)->cdb) errno = EINVAL, result = -1;
    else submit(connection, header);
  } else {
    struct wire_request reset = {.reset = 1};
    struct wire_reply reply = {0};
    if (!ask(connection, &reset, NULL, &reply) || reply.lost) errno = EIO, result = -1;
  }
  close(connection);
  return result;
}
