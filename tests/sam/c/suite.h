/*
 * A case runs in a child of the suite, which compares the child's end, too. Each fact is a line of standard
  * output:
 *
 *     ok 2 sam_start() = 1
 *     no 1 sam_start() = 9, not 1
 *
 * with the number of the instance that saw it, 0 before there is one. The source is C99,
 * C17 and C++17.
 */
#ifndef SUITE_H
#define SUITE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <corosync/sam.h>

struct test {
	const char *name;
	void (*run)(void);
	int status;             /* exit code, or the signal as a negative number */
	const char *own;        /* why it is not for corosync's library; NULL: it is */
};

/* The cases of each file, up to one without a name. */
extern const struct test life_cases[];
extern const struct test health_cases[];
extern const struct test recovery_cases[];
extern const struct test data_cases[];
extern const struct test crowd_cases[];

/* The number of this instance, 0 before sam_register. */
extern unsigned int instance;

/* Prints a fact, and whether it is as wanted. */
void fact(const char *what, long got, long wanted);

#define SAW(got, wanted) fact(#got, (long)(got), (long)(wanted))
#define OK(call) fact(#call, (long)(call), (long)CS_OK)
#define BAD_HANDLE(call) fact(#call, (long)(call), (long)CS_ERR_BAD_HANDLE)
#define INVALID(call) fact(#call, (long)(call), (long)CS_ERR_INVALID_PARAM)

/* sam_initialize and sam_register, which must succeed. */
void enter(int interval, sam_recovery_policy_t policy);

/* Hangs: neither beats nor ends. */
void hang(void);

/* Goes on for this many milliseconds, with a beat at least every 5. */
void beat_for(int milliseconds);

/* Milliseconds of a clock that does not jump. */
long milliseconds(void);

/* Sets a handler that counts. */
void count_signal(int signal);
extern volatile sig_atomic_t counted, last_signal;

/* Runs `run` in a child of this process, and returns the child's exit code. */
int in_child(int (*run)(void));

#endif
