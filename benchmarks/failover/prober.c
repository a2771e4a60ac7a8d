/*
 * prober ADDRESS PORT INTERVAL_US FIRST: a client that opens a connection each INTERVAL_US, whatever became of those before, and
 * sends a number, FIRST and onward. For each answer it prints "N STARTED_US ANSWERED_US NODE EPOCH" (CLOCK_MONOTONIC). A
 * connection is given up after two seconds. Ends with its standard input.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TRIES = 1024, LINE = 128 };
static const int64_t PATIENCE_US = 2000000;

struct try {
  long number;
  int64_t started;
  int sent, length;
  char line[LINE];
};

static struct pollfd fds[TRIES + 1];
static struct try tries[TRIES + 1];
static int count = 1;

static int64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void drop(int i) {
  close(fds[i].fd);
  fds[i] = fds[--count];
  tries[i] = tries[count];
}

static void begin(const struct sockaddr_in *address, long number) {
  if (count > TRIES) return;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  tries[count] = (struct try){.number = number, .started = now_us()};
  fds[count++] = (struct pollfd){.fd = fd, .events = POLLOUT};
  connect(fd, (const void *)address, sizeof *address);
}

static void attend(int i) {
  struct try *t = &tries[i];
  if (!t->sent && (fds[i].revents & POLLOUT) && !(fds[i].revents & POLLERR)) {
    char text[32];
    int length = snprintf(text, sizeof text, "%ld\n", t->number);
    if (send(fds[i].fd, text, length, MSG_NOSIGNAL) != length) return drop(i);
    t->sent = 1;
    fds[i].events = POLLIN;
    return;
  }
  ssize_t n = t->sent ? recv(fds[i].fd, t->line + t->length, LINE - 1 - t->length, 0) : -1;
  if (n <= 0) return drop(i);
  t->length += n;
  long number;
  char node[64];
  int epoch;
  if (!memchr(t->line, '\n', t->length)) return;
  if (sscanf(t->line, "%ld %63s %d", &number, node, &epoch) == 3 && number == t->number)
    printf("%ld %lld %lld %s %d\n", number, (long long)t->started, (long long)now_us(), node, epoch);
  drop(i);
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
  inet_pton(AF_INET, argv[1], &address.sin_addr);
  int64_t interval = atoi(argv[3]), next = now_us();
  long number = atol(argv[4]);
  prctl(PR_SET_TIMERSLACK, 1000);
  setvbuf(stdout, NULL, _IOLBF, 0);
  fds[0] = (struct pollfd){.fd = 0, .events = POLLIN};
  for (;;) {
    int64_t wait = next - now_us();
    struct timespec bound = {.tv_nsec = wait > 0 ? wait * 1000 : 0};
    ppoll(fds, count, &bound, NULL);
    char end[64];
    if (fds[0].revents && read(0, end, sizeof end) <= 0) return 0;
    for (int i = count - 1; i > 0; i--)
      if (fds[i].revents) attend(i);
    int64_t now = now_us();
    for (int i = count - 1; i > 0; i--)
      if (now - tries[i].started > PATIENCE_US) drop(i);
    if (now < next) continue;
    begin(&address, number++);
    next += interval;
    if (next < now) next = now; /* it was not scheduled: no burst afterwards */
  }
}
