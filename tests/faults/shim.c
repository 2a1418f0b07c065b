/* Shim: the system calls of a process, as libc gives them, of which one may fail.

   Loaded by LD_PRELOAD below Python and SQLite. `faults_arm` names a directory, which kinds of calls
   count, which of them fails and how; only calls that touch a file below the directory, or a
   socket, count. What was hit stands in memory that the parent shares, so a kill hides nothing. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { LOOKS = 1, CHANGES = 2, GROWS = 4, WRITES = 8 }; /* kinds; GROWS: a full disk refuses it */
enum { ACT_KILL = -1, ACT_TORN = -2 };      /* otherwise an errno */

struct told { long seen; char name[32]; char path[472]; };

static struct told *told;
static char root[4096];
static size_t root_len;
static long fail_at;
static int how, kinds;
static int is_steady;         /* pauses take no time, SQLite draws the same salts each time */
static long long passed_ns;   /* in pauses that took no time */

void faults_arm(struct told *to, const char *below, int which, long at, int action, int steady) {
    strncpy(root, below, sizeof root - 1);
    root_len = strlen(root);
    told = NULL; kinds = which; fail_at = at; how = action; is_steady = steady;
    told = to;
}

void faults_disarm(void) { told = NULL; is_steady = 0; }

#define REAL(name) ({ static __typeof__(&name) real; \
    real = real ? real : (__typeof__(&name))dlsym(RTLD_NEXT, #name); real; })

static int is_below(const char *path) {
    return !strncmp(path, root, root_len) || !strncmp(path, "socket:", 7);
}

static int link_of(int fd, char *into, size_t size) {
    char name[48];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(name, into, size - 1);
    if (n < 0) return 0;
    into[n] = 0;
    return 1;
}

/* Count a call; 1: it has to fail, errno is set. */
static int hit(const char *name, const char *path, int kind) {
    if (!is_below(path)) return 0;
    if (!(kind & kinds)) return 0;
    if (++told->seen != fail_at) return 0;
    strncpy(told->name, name, sizeof told->name - 1);
    strncpy(told->path, path, sizeof told->path - 1);
    if (how == ACT_KILL) kill(getpid(), SIGKILL);
    if (how == ACT_TORN) return 1;
    errno = how;
    return 1;
}

static int by_fd(const char *name, int fd, int kind) {
    char path[4096];
    if (!told) return 0;
    int kept = errno;
    int found = link_of(fd, path, sizeof path) && hit(name, path, kind);
    if (!found) errno = kept;
    return found;
}

static int by_path(const char *name, int at, const char *path, int kind) {
    char full[8192];
    if (!told || !path) return 0;
    int kept = errno;
    if (path[0] == '/') snprintf(full, sizeof full, "%s", path);
    else {
        char base[4096];
        if (at == AT_FDCWD ? !getcwd(base, sizeof base) : !link_of(at, base, sizeof base)) return 0;
        snprintf(full, sizeof full, "%s/%s", base, path);
    }
    int found = hit(name, full, kind);
    if (!found) errno = kept;
    return found;
}

/* Half of a write reaches the file, then the process is gone. */
#define TORN(call) do { if (how == ACT_TORN) { (void)!(call); kill(getpid(), SIGKILL); } } while (0)

static int opens(int flags) { return flags & (O_CREAT | O_TRUNC) ? CHANGES | GROWS : LOOKS; }
static mode_t mode_of(int flags, va_list more) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
}

#define OPEN(name) int name(const char *path, int flags, ...) { \
    va_list more; va_start(more, flags); mode_t mode = mode_of(flags, more); va_end(more); \
    return by_path("open", AT_FDCWD, path, opens(flags)) ? -1 : REAL(name)(path, flags, mode); }
OPEN(open) OPEN(open64)
#define OPENAT(name) int name(int at, const char *path, int flags, ...) { \
    va_list more; va_start(more, flags); mode_t mode = mode_of(flags, more); va_end(more); \
    return by_path("openat", at, path, opens(flags)) ? -1 : REAL(name)(at, path, flags, mode); }
OPENAT(openat) OPENAT(openat64)

ssize_t write(int fd, const void *data, size_t n) {
    if (!by_fd("write", fd, CHANGES | GROWS | WRITES)) return REAL(write)(fd, data, n);
    TORN(REAL(write)(fd, data, n / 2));
    return -1;
}
#define PWRITE(name, off) ssize_t name(int fd, const void *data, size_t n, off at) { \
    if (!by_fd("pwrite64", fd, CHANGES | GROWS | WRITES)) return REAL(name)(fd, data, n, at); \
    TORN(REAL(name)(fd, data, n / 2, at)); \
    return -1; }
PWRITE(pwrite, off_t) PWRITE(pwrite64, off64_t)

/* Result, name, kind, parameters, arguments: all others differ in nothing else. */
#define BY_FD(type, name, kind, params, ...) type name params { \
    return by_fd(#name, fd, kind) ? -1 : REAL(name)(__VA_ARGS__); }
#define BY_PATH(name, at, kind, params, ...) int name params { \
    return by_path(#name, at, path, kind) ? -1 : REAL(name)(__VA_ARGS__); }

BY_FD(ssize_t, writev, CHANGES | GROWS, (int fd, const struct iovec *v, int n), fd, v, n)
ssize_t read(int fd, void *data, size_t n) {
    char path[32];
    if (by_fd("read", fd, LOOKS)) return -1;
    ssize_t got = REAL(read)(fd, data, n);
    if (got > 0 && is_steady && link_of(fd, path, sizeof path) && !strcmp(path, "/dev/urandom"))
        memset(data, 7, got);
    return got;
}
BY_FD(ssize_t, pread, LOOKS, (int fd, void *data, size_t n, off_t at), fd, data, n, at)
BY_FD(ssize_t, pread64, LOOKS, (int fd, void *data, size_t n, off64_t at), fd, data, n, at)
BY_FD(int, fsync, CHANGES | GROWS, (int fd), fd)
BY_FD(int, fdatasync, CHANGES | GROWS, (int fd), fd)
BY_FD(int, ftruncate, CHANGES | GROWS, (int fd, off_t size), fd, size)
BY_FD(int, ftruncate64, CHANGES | GROWS, (int fd, off64_t size), fd, size)
BY_FD(int, fchmod, CHANGES, (int fd, mode_t mode), fd, mode)
BY_FD(int, fchown, CHANGES, (int fd, uid_t user, gid_t group), fd, user, group)
BY_FD(int, flock, LOOKS, (int fd, int what), fd, what)
BY_FD(int, fstat, LOOKS, (int fd, struct stat *found), fd, found)
BY_FD(int, fstat64, LOOKS, (int fd, struct stat64 *found), fd, found)
BY_FD(int, connect, CHANGES, (int fd, const struct sockaddr *to, socklen_t n), fd, to, n)
BY_FD(ssize_t, send, CHANGES, (int fd, const void *data, size_t n, int flags), fd, data, n, flags)
BY_FD(ssize_t, recv, LOOKS, (int fd, void *data, size_t n, int flags), fd, data, n, flags)
BY_FD(ssize_t, sendto, CHANGES, (int fd, const void *data, size_t n, int flags,
      const struct sockaddr *to, socklen_t size), fd, data, n, flags, to, size)

BY_PATH(mkdir, AT_FDCWD, CHANGES | GROWS, (const char *path, mode_t mode), path, mode)
BY_PATH(mkdirat, at, CHANGES | GROWS, (int at, const char *path, mode_t mode), at, path, mode)
BY_PATH(rmdir, AT_FDCWD, CHANGES, (const char *path), path)
BY_PATH(unlink, AT_FDCWD, CHANGES, (const char *path), path)
BY_PATH(unlinkat, at, CHANGES, (int at, const char *path, int flags), at, path, flags)
BY_PATH(chmod, AT_FDCWD, CHANGES, (const char *path, mode_t mode), path, mode)
BY_PATH(stat, AT_FDCWD, LOOKS, (const char *path, struct stat *found), path, found)
BY_PATH(stat64, AT_FDCWD, LOOKS, (const char *path, struct stat64 *found), path, found)
BY_PATH(lstat, AT_FDCWD, LOOKS, (const char *path, struct stat *found), path, found)
BY_PATH(lstat64, AT_FDCWD, LOOKS, (const char *path, struct stat64 *found), path, found)
BY_PATH(fstatat, at, LOOKS, (int at, const char *path, struct stat *found, int flags),
        at, path, found, flags)
BY_PATH(fstatat64, at, LOOKS, (int at, const char *path, struct stat64 *found, int flags),
        at, path, found, flags)
/* The same for who was built against an older libc, as SQLite may be. */
int __xstat64(int of, const char *path, struct stat64 *found) {
    return by_path("stat", AT_FDCWD, path, LOOKS) ? -1 : REAL(__xstat64)(of, path, found); }
int __lxstat64(int of, const char *path, struct stat64 *found) {
    return by_path("lstat", AT_FDCWD, path, LOOKS) ? -1 : REAL(__lxstat64)(of, path, found); }
int __fxstat64(int of, int fd, struct stat64 *found) {
    return by_fd("fstat", fd, LOOKS) ? -1 : REAL(__fxstat64)(of, fd, found); }

BY_PATH(rename, AT_FDCWD, CHANGES | GROWS, (const char *path, const char *to), path, to)
BY_PATH(renameat, at, CHANGES | GROWS, (int at, const char *path, int to_at, const char *to),
        at, path, to_at, to)
BY_PATH(link, AT_FDCWD, CHANGES | GROWS, (const char *path, const char *to), path, to)
BY_PATH(linkat, at, CHANGES | GROWS, (int at, const char *path, int to_at, const char *to,
        int flags), at, path, to_at, to, flags)
BY_PATH(symlink, AT_FDCWD, CHANGES | GROWS, (const char *to, const char *path), to, path)

/* A file is closed whatever close says. */
int close(int fd) {
    int fails = by_fd("close", fd, LOOKS), code = errno;
    int done = REAL(close)(fd);
    if (!fails) return done;
    errno = code;
    return -1;
}

/* Locks of SQLite. */
#define FCNTL(name) int name(int fd, int what, ...) { \
    va_list more; va_start(more, what); void *given = va_arg(more, void *); va_end(more); \
    return by_fd("fcntl", fd, LOOKS) ? -1 : REAL(name)(fd, what, given); }
FCNTL(fcntl) FCNTL(fcntl64)

/* Pauses: who waits for a lock that stays is at the end of his patience at once. */
static long long ns_of(const struct timespec *of) { return of->tv_sec * 1000000000LL + of->tv_nsec; }

int clock_gettime(clockid_t clock, struct timespec *now) {
    int done = REAL(clock_gettime)(clock, now);
    if (done || !passed_ns || clock != CLOCK_MONOTONIC) return done;
    long long all = ns_of(now) + passed_ns;
    now->tv_sec = all / 1000000000LL; now->tv_nsec = all % 1000000000LL;
    return 0;
}

int usleep(useconds_t us) {
    if (!is_steady) return REAL(usleep)(us);
    passed_ns += us * 1000LL;
    return 0;
}

int nanosleep(const struct timespec *pause, struct timespec *left) {
    if (!is_steady) return REAL(nanosleep)(pause, left);
    passed_ns += ns_of(pause);
    return 0;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *pause,
                    struct timespec *left) {
    struct timespec now;
    if (!is_steady || clock != CLOCK_MONOTONIC)
        return REAL(clock_nanosleep)(clock, flags, pause, left);
    clock_gettime(clock, &now);
    long long more = ns_of(pause) - (flags & TIMER_ABSTIME ? ns_of(&now) : 0);
    passed_ns += more > 0 ? more : 0;
    return 0;
}
