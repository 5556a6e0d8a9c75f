/*
 * Stands in for a VMM where there is none: does what its cage must allow, and nothing else.
 *
 * stand-in --version           Firecracker's
 * stand-in --api-sock PATH …   makes the socket of Firecracker's API and that of its vsock, and agrees to every request
 * stand-in                     says that it runs, and waits
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int listener(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 8)) die(path);
  return fd;
}

/* The value of `"uds_path":"…"`, which only the request for the vsock has. */
static void make_vsock(char *request) {
  char *name = strstr(request, "\"uds_path\":\"");
  if (!name) return;
  name += strlen("\"uds_path\":\"");
  name[strcspn(name, "\"")] = 0;
  listener(name);
}

/* A request comes whole, because its sender writes it whole and waits for the answer. */
static void serve(int line) {
  static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";
  char request[65536];
  for (ssize_t length; (length = recv(line, request, sizeof request - 1, 0)) > 0;) {
    request[length] = 0;
    make_vsock(request);
    if (send(line, answer, sizeof answer - 1, 0) < 0) return;
  }
}

int main(int count, char **words) {
  const char *api = NULL;
  for (int at = 1; at < count; at++) {
    if (!strcmp(words[at], "--version")) return puts("Firecracker v1.14.1") < 0;
    if (!strcmp(words[at], "--api-sock") && at + 1 < count) api = words[++at];
  }
  if (!api) {
    if (puts("ready") < 0 || fflush(stdout)) die("standard output");
    for (;;) poll(NULL, 0, -1);
  }
  int fd = listener(api);
  for (;;) {
    int line = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (line < 0) die("accept4");
    serve(line);
    close(line);
  }
}
