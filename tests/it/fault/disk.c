/*
 * A disk that fails when it is told to, for one process: preloaded, it stands between SQLite and the system's calls that
 * write and sync. It concerns files whose names end as those of a SQLite store do. What it is to do, and what it has
 * seen, stands in a small file that the test writes and reads; see faulty.rs, which knows the same layout.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum kind { NONE = 0, WRITE = 1, SYNC = 2 };

struct control {
    uint32_t armed;     /* which kind of call fails */
    uint32_t error;     /* with which errno */
    uint32_t nth;       /* the how manieth since it was armed */
    uint32_t onwards;   /* whether all that come after it fail too */
    uint32_t seen;      /* calls of that kind since it was armed */
    uint32_t failed;    /* how many of them failed */
    uint32_t wal_syncs; /* how often the write-ahead log was synced since the process began */
};

static struct control *control;

__attribute__((constructor)) static void attach(void)
{
    const char *path = getenv("FAULTY_DISK_CONTROL");
    if (path == NULL)
        return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *memory = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory != MAP_FAILED)
        control = memory;
    close(fd);
}

static int ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), ending = strlen(end);
    return length >= ending && strcmp(name + length - ending, end) == 0;
}

/* Puts the name of the file into `name`; gives whether it is one of a store. */
static int is_of_store(int fd, char name[PATH_MAX])
{
    if (control == NULL)
        return 0;
    int before = errno;
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, name, PATH_MAX - 1);
    errno = before;
    if (length < 0)
        return 0;
    name[length] = '\0';
    return ends_with(name, ".db") || ends_with(name, "-wal") || ends_with(name, "-journal");
}

static int fails(enum kind kind)
{
    if (__atomic_load_n(&control->armed, __ATOMIC_SEQ_CST) != kind)
        return 0;
    uint32_t number = __atomic_add_fetch(&control->seen, 1, __ATOMIC_SEQ_CST);
    if (number < control->nth || (number > control->nth && !control->onwards))
        return 0;
    __atomic_add_fetch(&control->failed, 1, __ATOMIC_SEQ_CST);
    errno = (int)control->error;
    return 1;
}

static int write_fails(int fd)
{
    char name[PATH_MAX];
    return is_of_store(fd, name) && fails(WRITE);
}

static int sync_fails(int fd)
{
    char name[PATH_MAX];
    if (!is_of_store(fd, name))
        return 0;
    if (fails(SYNC))
        return 1;
    if (ends_with(name, "-wal"))
        __atomic_add_fetch(&control->wal_syncs, 1, __ATOMIC_SEQ_CST);
    return 0;
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    return write_fails(fd) ? -1 : syscall(SYS_write, fd, bytes, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at)
{
    return write_fails(fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at)
{
    return write_fails(fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, count, at);
}

int ftruncate(int fd, off_t length)
{
    return write_fails(fd) ? -1 : (int)syscall(SYS_ftruncate, fd, length);
}

int ftruncate64(int fd, off64_t length)
{
    return write_fails(fd) ? -1 : (int)syscall(SYS_ftruncate, fd, length);
}

int fsync(int fd)
{
    return sync_fails(fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_fails(fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}
