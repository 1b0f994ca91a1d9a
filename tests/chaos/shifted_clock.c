/* Preloaded into a gateway: its clocks run ahead by as many seconds as the file CHAOS_CLOCK says (8 bytes, mapped). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *ahead_s;

__attribute__((constructor)) static void map_the_file(void)
{
    const char *path = getenv("CHAOS_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *at = mmap(0, sizeof *ahead_s, PROT_READ, MAP_SHARED, file, 0);
    if (at != MAP_FAILED)
        ahead_s = at;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && ahead_s && (clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC))
        now->tv_sec += *ahead_s;
    return failed;
}
