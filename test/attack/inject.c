/*
 * Makes system calls inside another process, as code that had taken it over would: ptrace(2) points its main thread at a `syscall`
 * or `int $0x80` instruction of its own text, and steps over it.
 *
 * inject PID: reads one request a line, answers one line each.
 *
 *   call64 NUMBER A0 .. A5   a call by the `syscall` instruction -> "= RESULT", or "! STATUS" when the process ended, after wait(2)
 *   call32 NUMBER A0 .. A5   the same by `int $0x80`
 *   peek LENGTH              hexadecimal contents of the buffer that `&` stands for
 *   poke BYTES               fills it with hexadecimal bytes -> its address
 *
 * An argument is a number, `@` and hexadecimal bytes whose address is passed, or `&`, the address of a buffer.
 * At the end of the input the process runs on as it was.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCRATCH 65536
#define BUFFER 32768 /* where `&` points, within the scratch memory */

static int pid, memory;
static struct user_regs_struct saved;
static unsigned long scratch, used;

static void die(const char *what) {
  fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
  exit(1);
}

/* The address of two bytes in any text of the process. */
static unsigned long find(unsigned char first, unsigned char second) {
  char path[64], line[512], rights[8];
  unsigned long from, to, found = 0;
  snprintf(path, sizeof path, "/proc/%d/maps", pid);
  FILE *maps = fopen(path, "r");
  if (!maps) die(path);
  while (!found && fgets(line, sizeof line, maps)) {
    if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[2] != 'x' || !strchr(line, '/')) continue;
    unsigned char *text = malloc(to - from);
    ssize_t length = pread(memory, text, to - from, from);
    for (ssize_t at = 0; at + 1 < length && !found; at++)
      if (text[at] == first && text[at + 1] == second) found = from + at;
    free(text);
  }
  fclose(maps);
  if (!found) die("no instruction for a system call");
  return found;
}

/* A filter may end the calling thread alone, which would leave the others waiting for it. */
static void ended(unsigned long status) {
  kill(pid, SIGKILL);
  printf("! %lu\n", status);
  exit(0);
}

static long step(unsigned long instruction, long number, const unsigned long a[6], int wide) {
  struct user_regs_struct regs = saved;
  int status;
  regs.rip = instruction;
  regs.rax = number;
  regs.orig_rax = -1;
  if (wide) {
    regs.rdi = a[0], regs.rsi = a[1], regs.rdx = a[2], regs.r10 = a[3], regs.r8 = a[4], regs.r9 = a[5];
  } else {
    regs.rbx = a[0], regs.rcx = a[1], regs.rdx = a[2], regs.rsi = a[3], regs.rdi = a[4], regs.rbp = a[5];
  }
  if (ptrace(PTRACE_SETREGS, pid, 0, &regs)) die("setting registers");
  do { /* signals for the process meanwhile are lost */
    if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0)) die("stepping");
    if (waitpid(pid, &status, __WALL) < 0) die("waiting");
    if (!WIFSTOPPED(status)) ended(status);
    if (status >> 16 == PTRACE_EVENT_EXIT) {
      unsigned long reason = 0;
      ptrace(PTRACE_GETEVENTMSG, pid, 0, &reason);
      ended(reason);
    }
    if (WSTOPSIG(status) == SIGSYS) return -ENOSYS;
  } while (WSTOPSIG(status) != SIGTRAP);
  ptrace(PTRACE_GETREGS, pid, 0, &regs);
  return wide ? (long)regs.rax : (long)(int)regs.rax;
}

/* Writes hexadecimal bytes to the process, and returns how many. */
static size_t put(const char *hex, unsigned long at) {
  unsigned char bytes[4096];
  size_t length = 0;
  for (unsigned byte; length < sizeof bytes && sscanf(hex + 2 * length, "%2x", &byte) == 1;) bytes[length++] = byte;
  if (pwrite(memory, bytes, length, at) != (ssize_t)length) die("writing");
  return length;
}

static unsigned long store(const char *hex) {
  if (used + 4096 > BUFFER) used = 0;
  unsigned long at = scratch + used;
  used += (put(hex, at) + 15) & ~15UL;
  return at;
}

static void call(char *words, int wide) {
  unsigned long values[7] = {0};
  char *word = strtok(words, " \n");
  for (int at = 0; word && at < 7; at++, word = strtok(NULL, " \n"))
    values[at] = *word == '@' ? store(word + 1) : *word == '&' ? scratch + BUFFER : strtoull(word, NULL, 0);
  unsigned long instruction = wide ? find(0x0f, 0x05) : find(0xcd, 0x80);
  printf("= %ld\n", step(instruction, (long)values[0], values + 1, wide));
}

static void peek(size_t length) {
  unsigned char bytes[4096];
  ssize_t got = pread(memory, bytes, length < sizeof bytes ? length : sizeof bytes, scratch + BUFFER);
  for (ssize_t at = 0; at < got; at++) printf("%02x", bytes[at]);
  printf("\n");
}

int main(int count, char **words) {
  char path[64], *line = NULL;
  size_t size = 0;
  int status;
  if (count != 2) return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  pid = atoi(words[1]);
  if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEEXIT)) die("attaching");
  ptrace(PTRACE_INTERRUPT, pid, 0, 0);
  waitpid(pid, &status, __WALL);
  ptrace(PTRACE_GETREGS, pid, 0, &saved);
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  if ((memory = open(path, O_RDWR)) < 0) die(path);
  unsigned long map[6] = {0, SCRATCH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0};
  scratch = step(find(0x0f, 0x05), SYS_mmap, map, 1);
  if ((long)scratch < 0) die("mapping memory in the process");
  while (getline(&line, &size, stdin) > 0) {
    if (!strncmp(line, "call64 ", 7)) call(line + 7, 1);
    else if (!strncmp(line, "call32 ", 7)) call(line + 7, 0);
    else if (!strncmp(line, "peek ", 5)) peek(strtoul(line + 5, NULL, 0));
    else if (!strncmp(line, "poke ", 5)) put(line + 5, scratch + BUFFER), printf("%lu\n", scratch + BUFFER);
    else return 2;
  }
  ptrace(PTRACE_SETREGS, pid, 0, &saved);
  ptrace(PTRACE_DETACH, pid, 0, 0);
  return 0;
}
