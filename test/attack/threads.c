/*
 * Makes threads until it can't, 500 at most: prints how many, and holds them until its input ends.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *wait(void *nothing) {
  poll(NULL, 0, -1); /* the cage's filter has no pause(2) */
  return nothing;
}

int main(void) {
  pthread_attr_t small;
  pthread_t thread;
  int made = 0;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 65536);
  while (made < 500 && pthread_create(&thread, &small, wait, NULL) == 0) made++;
  printf("%d\n", made);
  fflush(stdout);
  getchar();
  return 0;
}
