/* Delays every sync to disk by SYNC_US microseconds: a slow SD card, for `make bench`. Loaded with LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static int delayed(const char *name, int file)
{
    int (*sync)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    const char *delay = getenv("SYNC_US");
    int result = sync(file);
    if (delay)
        usleep((useconds_t)atoi(delay));
    return result;
}

int fsync(int file) { return delayed("fsync", file); }
int fdatasync(int file) { return delayed("fdatasync", file); }
