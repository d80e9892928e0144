// A long cable between two network interfaces, for kernels without netem: every frame arrives late, at most at a rate, or
// not at all.
//
// Usage: cable INTERFACE INTERFACE MILLISECONDS MEGABIT PERCENT     ends with its namespace
//
// Frames are taken before segmentation (their virtio header travels with them), so one may have 64 KiB, and what is lost is
// lost in such pieces.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { longestFrame = 1 << 17, mostWaiting = 4096 };

struct frame {
  double due;
  ssize_t length;
  char* bytes;
};

// Frames on their way from one end to the other, oldest first.
struct direction {
  int from, to;
  struct frame waiting[mostWaiting];
  size_t first, count;
  double lineIsFree;
  unsigned long carried, lost;
};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void stop(const char* what) {
  fprintf(stderr, "cable: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int openEnd(const char* name) {
  int end = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), on = 1, buffer = 16 << 20;
  struct sockaddr_ll address = {
      .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(name)};
  struct packet_mreq everything = {.mr_ifindex = address.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
  if (end < 0 || address.sll_ifindex == 0) stop(name);
  if (setsockopt(end, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on)) stop("virtio header");
  if (setsockopt(end, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on)) stop("own frames");
  if (bind(end, (struct sockaddr*)&address, sizeof address)) stop("bind");
  if (setsockopt(end, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &everything, sizeof everything)) stop("promiscuous");
  setsockopt(end, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  setsockopt(end, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
  return end;
}

static void take(struct direction* way, double delay, double bytesPerSecond, double loss) {
  static char bytes[longestFrame];
  ssize_t length;
  while ((length = recv(way->from, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
    if (way->count == mostWaiting || drand48() < loss) {
      way->lost++;
      continue;
    }
    double start = now() > way->lineIsFree ? now() : way->lineIsFree;
    way->lineIsFree = start + (double)length / bytesPerSecond;
    struct frame* frame = &way->waiting[(way->first + way->count++) % mostWaiting];
    frame->due = way->lineIsFree + delay;
    frame->length = length;
    frame->bytes = malloc((size_t)length);
    if (frame->bytes == NULL) stop("memory");
    memcpy(frame->bytes, bytes, (size_t)length);
  }
}

// Delivers what is due; returns when the next frame is, or a second from now.
static double deliver(struct direction* way) {
  while (way->count > 0) {
    struct frame* frame = &way->waiting[way->first];
    if (frame->due > now()) return frame->due;
    if (send(way->to, frame->bytes, (size_t)frame->length, 0) < 0 && errno == ENOBUFS) return now() + 1e-4;
    free(frame->bytes);
    way->first = (way->first + 1) % mostWaiting;
    way->count--;
    way->carried++;
  }
  return now() + 1;
}

int main(int count, char** arguments) {
  static struct direction ways[2];
  if (count != 6) {
    fprintf(stderr, "usage: cable INTERFACE INTERFACE MILLISECONDS MEGABIT PERCENT\n");
    return 64;
  }
  double delay = atof(arguments[3]) / 1e3, rate = atof(arguments[4]) * 1e6 / 8, loss = atof(arguments[5]) / 100;
  int ends[2] = {openEnd(arguments[1]), openEnd(arguments[2])};
  for (int i = 0; i < 2; i++) {
    ways[i].from = ends[i];
    ways[i].to = ends[1 - i];
  }
  printf("joined\n");
  fflush(stdout);
  double told = now();
  for (;;) {
    double next = now() + 1;
    for (int i = 0; i < 2; i++) {
      take(&ways[i], delay, rate, loss);
      double due = deliver(&ways[i]);
      if (due < next) next = due;
    }
    if (now() - told > 1) {
      told = now();
      printf("carried %lu, lost %lu\n", ways[0].carried + ways[1].carried, ways[0].lost + ways[1].lost);
      fflush(stdout);
    }
    struct pollfd polled[2] = {{.fd = ends[0], .events = POLLIN}, {.fd = ends[1], .events = POLLIN}};
    double wait = next - now();
    if (wait < 0) wait = 0;
    struct timespec time = {.tv_sec = (time_t)wait, .tv_nsec = (long)((wait - (double)(time_t)wait) * 1e9)};
    ppoll(polled, 2, &time, NULL);
  }
}
