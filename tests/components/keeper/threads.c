// Threads that C code in an image starts and leaves: one by the C library, one by the kernel alone.

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct timespec lives;
static char stack[1 << 16] __attribute__((aligned(64)));

// Without the C library's own function, which would use the thread-locals of the thread that this one has not.
static int sleep_for_a_while(void *nothing) {
    (void)nothing;
    syscall(SYS_nanosleep, &lives, NULL);
    // Code of the image runs after the sleep.
    lives.tv_nsec = 0;
    return 0;
}

static void *begin(void *argument) {
    sleep_for_a_while(argument);
    return NULL;
}

int leave_thread_of_the_c_library(uint32_t millis) {
    pthread_t thread;
    lives = (struct timespec){millis / 1000, (long)(millis % 1000) * 1000000};
    int error = pthread_create(&thread, NULL, begin, NULL);
    return error ? error : pthread_detach(thread);
}

int leave_raw_thread(uint32_t millis) {
    lives = (struct timespec){millis / 1000, (long)(millis % 1000) * 1000000};
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    return clone(sleep_for_a_while, stack + sizeof stack, flags, NULL) < 0;
}
