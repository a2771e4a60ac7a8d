/*
 * nexus URL INITIATOR DIRECTORY NAME: one iSCSI session of one node as a block device.
 *
 * The host's kernel has no SCSI disks, so the session lives in this process. Data: a FUSE file of one session, a loop
 * device on it, a mount on that. Commands: a Unix socket that carries CDBs, for `sg-shim.c`. Both travel on the SAME
 * session, so to the target they are one I_T nexus, as with a real host adapter: when the target refuses its writes,
 * the mount feels it.
 *
 * It makes DIRECTORY/NAME.file/disk, takes a free loop device N for it, serves DIRECTORY/loopN.sock and then writes
 * "N" to DIRECTORY/NAME.loop. The loop device goes by itself (autoclear) when this process is gone and nothing is
 * mounted; this process holds it open for reading only, so that it counts as nobody's writer.
 *
 * It never logs in again: a session that ended is a host whose registration is gone.
 */
#define _GNU_SOURCE
#define FUSE_USE_VERSION 32
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <linux/loop.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire.h"

enum { TIMEOUT_S = 4, TRIES = 8, SECTOR = 4096, TRANSFER = 1 << 20 };

static struct iscsi_context *session;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static int lun;
static uint64_t disk_bytes;
static uint32_t block;
static const char *directory, *name;

static void die(const char *what) {
  fprintf(stderr, "nexus: %s: %s\n", what, session ? iscsi_get_error(session) : strerror(errno));
  exit(1);
}

/* One command at a time. NULL: the session is gone. A unit attention says "not executed": the data path asks again. */
static struct scsi_task *command(const uint8_t *cdb, int cdb_length, int direction, void *out, uint32_t length,
                                 int attentions) {
  for (int attempt = 0;; attempt++) {
    struct scsi_task *task = scsi_create_task(cdb_length, (unsigned char *)cdb, direction, length);
    struct iscsi_data data = {.size = length, .data = out};
    if (!task) return NULL;
    pthread_mutex_lock(&turn);
    struct scsi_task *done = iscsi_scsi_command_sync(session, lun, task, direction == SCSI_XFER_WRITE ? &data : NULL);
    pthread_mutex_unlock(&turn);
    if (!done) {
      scsi_free_scsi_task(task);
      return NULL;
    }
    int again = done->status == SCSI_STATUS_CHECK_CONDITION && done->sense.key == SCSI_SENSE_UNIT_ATTENTION;
    if (!again || attempt >= attentions) return done;
    scsi_free_scsi_task(done);
  }
}

/* The data path: READ (16), WRITE (16), SYNCHRONIZE CACHE (10). */
static int transfer(int opcode, int direction, char *buffer, size_t length, off_t offset) {
  if (length % block || offset % block || (uint64_t)offset + length > disk_bytes) return -EINVAL;
  uint8_t cdb[16] = {opcode};
  uint64_t at = offset / block;
  uint32_t blocks = length / block;
  for (int i = 0; i < 8; i++) cdb[2 + i] = at >> (56 - 8 * i);
  for (int i = 0; i < 4; i++) cdb[10 + i] = blocks >> (24 - 8 * i);
  struct scsi_task *task = command(cdb, 16, direction, buffer, length, TRIES);
  if (!task) return -EIO;
  int result = task->status == SCSI_STATUS_GOOD ? (int)length : -EIO;
  if (result > 0 && direction == SCSI_XFER_READ) {
    if ((size_t)task->datain.size < length) result = -EIO;
    else memcpy(buffer, task->datain.data, length);
  }
  scsi_free_scsi_task(task);
  return result;
}

static int file_getattr(const char *path, struct stat *st, struct fuse_file_info *info) {
  (void)info;
  memset(st, 0, sizeof *st);
  st->st_nlink = 1;
  if (strcmp(path, "/") == 0) st->st_mode = S_IFDIR | 0700;
  else if (strcmp(path, "/disk") == 0) {
    st->st_mode = S_IFREG | 0600;
    st->st_size = disk_bytes;
  } else return -ENOENT;
  return 0;
}

static int file_open(const char *path, struct fuse_file_info *info) {
  if (strcmp(path, "/disk") != 0) return -ENOENT;
  info->direct_io = 1;
  return 0;
}

static int file_read(const char *path, char *buffer, size_t length, off_t offset, struct fuse_file_info *info) {
  (void)path, (void)info;
  if ((uint64_t)offset >= disk_bytes) return 0;
  if (offset + length > disk_bytes) length = disk_bytes - offset;
  return transfer(0x88, SCSI_XFER_READ, buffer, length, offset);
}

static int file_write(const char *path, const char *buffer, size_t length, off_t offset, struct fuse_file_info *info) {
  (void)path, (void)info;
  return transfer(0x8a, SCSI_XFER_WRITE, (char *)buffer, length, offset);
}

static int file_fsync(const char *path, int data_only, struct fuse_file_info *info) {
  (void)path, (void)data_only, (void)info;
  const uint8_t synchronize_cache[10] = {0x35};
  struct scsi_task *task = command(synchronize_cache, 10, SCSI_XFER_NONE, NULL, 0, TRIES);
  int result = task && task->status == SCSI_STATUS_GOOD ? 0 : -EIO;
  if (task) scsi_free_scsi_task(task);
  return result;
}

static void *file_init(struct fuse_conn_info *connection, struct fuse_config *config) {
  (void)config;
  connection->max_write = connection->max_readahead = TRANSFER;
  return NULL;
}

static const struct fuse_operations operations = {.getattr = file_getattr, .open = file_open, .read = file_read,
                                                  .write = file_write, .fsync = file_fsync, .init = file_init};

static int exactly(int fd, void *buffer, size_t length, int writing) {
  for (size_t done = 0; done < length;) {
    ssize_t n = writing ? write(fd, (char *)buffer + done, length - done) : read(fd, (char *)buffer + done, length - done);
    if (n <= 0) return 0;
    done += n;
  }
  return 1;
}

static void answer(struct wire_request *request, uint8_t *data, struct wire_reply *reply, struct scsi_task **keep) {
  if (request->reset) {
    pthread_mutex_lock(&turn);
    reply->lost = iscsi_task_mgmt_lun_reset_sync(session, lun) != 0;
    pthread_mutex_unlock(&turn);
    return;
  }
  int direction = request->out ? SCSI_XFER_WRITE : request->length ? SCSI_XFER_READ : SCSI_XFER_NONE;
  struct scsi_task *task = *keep = command(request->cdb, request->cdb_length, direction, data, request->length, 0);
  if (!task) {
    reply->lost = 1;
    return;
  }
  reply->status = task->status;
  if (task->status == SCSI_STATUS_CHECK_CONDITION) {
    reply->sense_key = task->sense.key;
    reply->asc = task->sense.ascq >> 8;
    reply->ascq = task->sense.ascq & 0xff;
  } else if (direction == SCSI_XFER_READ && task->status == SCSI_STATUS_GOOD) {
    reply->length = (uint32_t)task->datain.size < request->length ? (uint32_t)task->datain.size : request->length;
  }
}

/* One caller until it hangs up. */
static void *serve(void *argument) {
  int fd = (int)(intptr_t)argument;
  struct wire_request request;
  uint8_t *data = malloc(WIRE_LIMIT);
  while (data && exactly(fd, &request, sizeof request, 0) && request.length <= WIRE_LIMIT) {
    struct wire_reply reply = {0};
    struct scsi_task *task = NULL;
    if (request.out && !exactly(fd, data, request.length, 0)) break;
    answer(&request, data, &reply, &task);
    int sent = exactly(fd, &reply, sizeof reply, 1) &&
               (reply.length == 0 || exactly(fd, task->datain.data, reply.length, 1));
    if (task) scsi_free_scsi_task(task);
    if (!sent) break;
  }
  free(data);
  close(fd);
  return NULL;
}

/* A free loop device on the file, ours alone; another node may be quicker, so it is tried again. */
static int take_loop(int file) {
  int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  for (int attempt = 0; attempt < 100 && control >= 0; attempt++) {
    int number = ioctl(control, LOOP_CTL_GET_FREE);
    char path[64];
    snprintf(path, sizeof path, "/dev/loop%d", number);
    if (number < 0) break;
    if (mknod(path, S_IFBLK | 0600, makedev(7, number)) && errno != EEXIST) break;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct loop_config config = {.fd = file, .block_size = SECTOR,
                                 .info = {.lo_flags = LO_FLAGS_DIRECT_IO | LO_FLAGS_AUTOCLEAR}};
    if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &config) == 0) {
      if (open(path, O_RDONLY | O_CLOEXEC) < 0) break;
      close(fd);
      close(control);
      return number;
    }
    if (fd >= 0) close(fd);
    usleep(2000);
  }
  die("no loop device");
  return -1;
}

static void *publish(void *unused) {
  (void)unused;
  char path[512];
  snprintf(path, sizeof path, "%s/%s.file/disk", directory, name);
  int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) die("the FUSE file");
  int number = take_loop(file);
  close(file);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s/loop%d.sock", directory, number);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, (void *)&address, sizeof address) || listen(listener, 16)) die("the socket");
  snprintf(path, sizeof path, "%s/%s.loop", directory, name);
  FILE *ready = fopen(path, "w");
  if (!ready || fprintf(ready, "%d\n", number) < 0 || fclose(ready)) die("the ready file");
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    pthread_t thread;
    if (fd >= 0 && pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0) pthread_detach(thread);
  }
  return NULL;
}

static void login(const char *url_text, const char *initiator) {
  session = iscsi_create_context(initiator);
  struct iscsi_url *url = session ? iscsi_parse_full_url(session, url_text) : NULL;
  if (!url) die("URL");
  iscsi_set_targetname(session, url->target);
  iscsi_set_session_type(session, ISCSI_SESSION_NORMAL);
  iscsi_set_header_digest(session, ISCSI_HEADER_DIGEST_NONE);
  iscsi_set_noautoreconnect(session, 1);
  iscsi_set_timeout(session, TIMEOUT_S);
  iscsi_set_tcp_user_timeout(session, TIMEOUT_S * 1000);
  lun = url->lun;
  if (iscsi_full_connect_sync(session, url->portal, lun)) die("login");
  struct scsi_task *task = iscsi_readcapacity16_sync(session, lun);
  struct scsi_readcapacity16 *capacity = task ? scsi_datain_unmarshall(task) : NULL;
  if (!capacity) die("READ CAPACITY");
  block = capacity->block_length;
  disk_bytes = (capacity->returned_lba + 1) * block;
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: nexus URL INITIATOR DIRECTORY NAME\n");
    return 2;
  }
  directory = argv[3], name = argv[4];
  login(argv[1], argv[2]);
  char mount_point[512];
  snprintf(mount_point, sizeof mount_point, "%s/%s.file", directory, name);
  mkdir(mount_point, 0700);
  char *fuse_argv[] = {"nexus", "-o", "fsname=nexus"};
  struct fuse_args arguments = FUSE_ARGS_INIT(3, fuse_argv);
  struct fuse *fuse = fuse_new(&arguments, &operations, sizeof operations, NULL);
  pthread_t thread;
  if (!fuse || fuse_mount(fuse, mount_point) || pthread_create(&thread, NULL, publish, NULL)) die("FUSE");
  struct fuse_loop_config loop = {.clone_fd = 0, .max_idle_threads = 4};
  return fuse_loop_mt(fuse, &loop);
}
