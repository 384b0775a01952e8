/*
 * Preloaded into a server: ends it at, or fails, calls that change the disk. The file that DISK_FAULTS names is the
 * `struct control` below and is shared with the test, which changes it while the server runs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum call { CREATE = 1, WRITE = 2, SYNC = 4, LINK = 8, RENAME = 16, UNLINK = 32, MKDIR = 64, SYMLINK = 128, TRUNCATE = 256 };

struct control {
  uint32_t killAt;          /* ends the process before the call of this number; 0: never */
  uint32_t count;           /* calls since the test set it to 0 */
  uint32_t failing;         /* a set of enum call */
  uint32_t error;           /* what failing calls say */
  uint32_t failed;          /* how often they said it */
  char path[256];           /* calls on paths without this part go on as ever */
  uint16_t calls[1024];     /* what was called, in order */
};

static struct control *control;

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("DISK_FAULTS");
  int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *shared = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (shared != MAP_FAILED) control = shared;
}

/* Whether the call fails, errno set; does not return when the process ends here. */
static int fails(enum call call, const char *path) {
  if (control == NULL) return 0;
  if (control->path[0] != 0 && strstr(path, control->path) == NULL) return 0;
  uint32_t number = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
  if (number <= 1024) control->calls[number - 1] = call;
  if (control->killAt != 0 && number >= control->killAt) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
  if ((control->failing & call) == 0) return 0;
  __atomic_add_fetch(&control->failed, 1, __ATOMIC_SEQ_CST);
  errno = (int)control->error;
  return 1;
}

/* Sockets and pipes are no disk. */
static int failsOn(enum call call, int fd) {
  struct stat stats;
  if (control == NULL || fstat(fd, &stats) != 0 || !(S_ISREG(stats.st_mode) || S_ISDIR(stats.st_mode))) return 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  path[length < 0 ? 0 : length] = 0;
  return fails(call, path);
}

#define REAL(name) \
  static __typeof__(&name) real; \
  if (real == NULL) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define ON_PATH(call, name, parameters, path, arguments) \
  int name parameters { REAL(name); return fails(call, path) ? -1 : real arguments; }
#define ON_FD(type, call, name, parameters, arguments) \
  type name parameters { REAL(name); return failsOn(call, fd) ? -1 : real arguments; }

ON_PATH(LINK, link, (const char *from, const char *to), to, (from, to))
ON_PATH(RENAME, rename, (const char *from, const char *to), to, (from, to))
ON_PATH(SYMLINK, symlink, (const char *from, const char *to), to, (from, to))
ON_PATH(UNLINK, unlink, (const char *path), path, (path))
ON_PATH(UNLINK, rmdir, (const char *path), path, (path))
ON_PATH(MKDIR, mkdir, (const char *path, mode_t mode), path, (path, mode))
ON_FD(int, SYNC, fsync, (int fd), (fd))
ON_FD(int, SYNC, fdatasync, (int fd), (fd))
ON_FD(int, TRUNCATE, ftruncate, (int fd, off_t size), (fd, size))
ON_FD(int, TRUNCATE, ftruncate64, (int fd, off64_t size), (fd, size))
ON_FD(ssize_t, WRITE, write, (int fd, const void *bytes, size_t size), (fd, bytes, size))
ON_FD(ssize_t, WRITE, pwrite, (int fd, const void *bytes, size_t size, off_t at), (fd, bytes, size, at))
ON_FD(ssize_t, WRITE, pwrite64, (int fd, const void *bytes, size_t size, off64_t at), (fd, bytes, size, at))
ON_FD(ssize_t, WRITE, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count))
ON_FD(ssize_t, WRITE, pwritev64, (int fd, const struct iovec *parts, int count, off64_t at), (fd, parts, count, at))

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    REAL(name); \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0; \
    va_end(rest); \
    if ((flags & O_CREAT) && fails(CREATE, path)) return -1; \
    return real(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)
