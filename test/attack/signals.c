/*
 * Sends signals by tkill(2), as a Firecracker built with musl does. Takes one request a line, and answers each with a line: the `errno`
 * of the call, 0 if it worked. A signal of this process's own counts as sent when it has arrived.
 *
 *   other SIGNAL      to another thread of this process
 *   self SIGNAL       to the thread that asks
 *   tid TID SIGNAL    to any thread
 *   sweep FROM TO     to the threads with these ids that are not of this process, until one call works
 *   flood THREADS N   N times to the other thread from each of as many threads
 *   listen            instead: installs a filter with a listener of its own, which would take the supervisor's place
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OURS = 35, MOST = 64 };
static atomic_int other, failure;
static sem_t arrived;
static int repeats;

static void arrive(int signal) { sem_post(&arrived); }

static void *idle(void *nothing) {
  other = syscall(SYS_gettid);
  for (;;) poll(NULL, 0, -1);
  return nothing;
}

static int send_to(int tid, int signal) { return syscall(SYS_tkill, tid, signal) == 0 ? 0 : errno; }

static int send_own(int tid, int signal) {
  int error = send_to(tid, signal);
  while (error == 0 && sem_wait(&arrived) != 0) continue;
  return error;
}

static void *send_many(void *nothing) {
  for (int sent = 0; sent < repeats; sent++) {
    int error = send_own(other, OURS);
    if (error) failure = error;
  }
  return nothing;
}

static int flood(int count) {
  pthread_t threads[MOST];
  for (int at = 0; at < count; at++) pthread_create(&threads[at], NULL, send_many, NULL);
  for (int at = 0; at < count; at++) pthread_join(threads[at], NULL);
  return failure;
}

static int sweep(int from, int to) {
  int error = ESRCH;
  for (int tid = from; tid <= to && error != 0; tid++)
    if (tid != other && tid != getpid()) error = send_to(tid, OURS);
  return error;
}

static int listen_itself(void) {
  struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {1, &allow};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program) >= 0 ? 0 : errno;
}

static int answer(const char *line) {
  int first, second;
  if (sscanf(line, "other %d", &first) == 1) return send_own(other, first);
  if (sscanf(line, "self %d", &first) == 1) return send_own(getpid(), first);
  if (sscanf(line, "tid %d %d", &first, &second) == 2) return send_to(first, second);
  if (sscanf(line, "sweep %d %d", &first, &second) == 2) return sweep(first, second);
  if (sscanf(line, "flood %d %d", &first, &repeats) == 2 && first <= MOST) return flood(first);
  return strcmp(line, "listen\n") == 0 ? listen_itself() : EINVAL;
}

int main(void) {
  struct sigaction action = {.sa_handler = arrive, .sa_flags = SA_RESTART};
  char line[128];
  pthread_t thread;
  sem_init(&arrived, 0, 0);
  sigaction(OURS, &action, NULL);
  pthread_create(&thread, NULL, idle, NULL);
  while (other == 0) sched_yield();
  while (fgets(line, sizeof line, stdin)) {
    printf("%d\n", answer(line));
    fflush(stdout);
  }
  return 0;
}
