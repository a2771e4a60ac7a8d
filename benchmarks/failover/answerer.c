/*
 * answerer ADDRESS PORT DIRECTORY START_MS [prestart]: the small application of the failover benchmark. It needs START_MS to start,
 * keeps numbers in a file, and answers a number only when it is durable. One line in, one line out:
 *   N      →  N NODE EPOCH     after fdatasync
 *   list   →  every number that is kept, then an empty line
 * With `prestart` it waits for a line on its standard input before it touches file and address.
 *
 * All requests that came in one look share one fdatasync. An error of the file ends it: what the kernel could not
 * write once is never answered.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 512, LINE = 64 };

struct client {
  char line[LINE];
  int length, complete;
};

static struct pollfd fds[CLIENTS + 1];
static struct client clients[CLIENTS + 1];
static int count = 1;

static void drop(int i) {
  close(fds[i].fd);
  fds[i] = fds[--count];
  clients[i] = clients[count];
}

static void list(int client, const char *path) {
  char buffer[65536];
  int file = open(path, O_RDONLY | O_CLOEXEC);
  fcntl(client, F_SETFL, 0);
  for (ssize_t n; file >= 0 && (n = read(file, buffer, sizeof buffer)) > 0;)
    if (write(client, buffer, n) != n) break;
  if (write(client, "\n", 1) != 1) perror("list");
  close(file);
}

static void take(int i, int file, const char *path, int *written) {
  struct client *c = &clients[i];
  ssize_t n = read(fds[i].fd, c->line + c->length, LINE - 1 - c->length);
  if (n <= 0) {
    drop(i);
    return;
  }
  c->length += n;
  if (!memchr(c->line, '\n', c->length)) return;
  if (strncmp(c->line, "list", 4) == 0) {
    list(fds[i].fd, path);
    drop(i);
    return;
  }
  if (write(file, c->line, c->length) != c->length) exit(1);
  c->complete = *written = 1;
}

int main(int argc, char **argv) {
  if (argc != 5 && argc != 6) return 2;
  usleep(atoi(argv[4]) * 1000);
  char word[LINE];
  if (argc == 6 && !fgets(word, sizeof word, stdin)) return 1;
  const char *node = getenv("HOLDFAST_NODE"), *epoch = getenv("HOLDFAST_EPOCH");
  char path[512];
  snprintf(path, sizeof path, "%s/numbers", argv[3]);
  int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0 || fdatasync(file)) return 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
  inet_pton(AF_INET, argv[1], &address.sin_addr);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (void *)&address, sizeof address) || listen(listener, 256)) return 1;
  fds[0] = (struct pollfd){.fd = listener, .events = POLLIN};
  for (;;) {
    poll(fds, count, -1);
    int written = 0;
    for (int i = count - 1; i > 0; i--)
      if (fds[i].revents) take(i, file, path, &written);
    if (written && fdatasync(file)) return 1;
    for (int i = count - 1; i > 0; i--) {
      if (!clients[i].complete) continue;
      dprintf(fds[i].fd, "%.*s %s %s\n", clients[i].length - 1, clients[i].line, node ? node : "-", epoch ? epoch : "0");
      drop(i);
    }
    for (int fd; count <= CLIENTS && (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0; count++) {
      fds[count] = (struct pollfd){.fd = fd, .events = POLLIN};
      clients[count] = (struct client){.length = 0};
    }
  }
}
