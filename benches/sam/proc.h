/* Reads the clock and other processes, in the same way for every supervisor. */
#ifndef PROC_H
#define PROC_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static inline long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static inline void sleep_ms(long milliseconds)
{
	const struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

static inline int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The sum of two lines of a file of /proc. Both lines must be there. */
static inline double two_lines(pid_t pid, const char *name, const char *one, const char *other)
{
	char path[64], line[256];
	double value, sum = 0;
	int found = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	file = fopen(path, "r");
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, one, &value) == 1 || sscanf(line, other, &value) == 1) {
			sum += value;
			found++;
		}
	if (file != NULL)
		fclose(file);
	if (found != 2) {
		fprintf(stderr, "%s cannot be read\n", path);
		exit(1);
	}
	return sum;
}

/* The private memory of a process, in kB. */
static inline double private_memory(pid_t pid)
{
	return two_lines(pid, "smaps_rollup", "Private_Clean: %lf", "Private_Dirty: %lf");
}

/* How often a process (its first thread; supervisors have no other) left a core. */
static inline double switches(pid_t pid)
{
	return two_lines(pid, "status", "voluntary_ctxt_switches: %lf", "nonvoluntary_ctxt_switches: %lf");
}

/* How often a process wakes up in two seconds. */
static inline double wake_ups(pid_t pid)
{
	double before = switches(pid);

	sleep_ms(2000);
	return switches(pid) - before;
}

#endif
