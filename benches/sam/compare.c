/*
 * One figure of a libsam, whichever the loader finds:
 *
 *     compare beat | store BYTES | restart MIB | warn | memory
 *
 * Prints the median and the least of what it measured: nanoseconds, or kB for memory. The same
 * binary is run with each library, so nothing but the library differs.
 */
#define _GNU_SOURCE

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <corosync/sam.h>

#define MOST 64

/* Survives the instances. */
struct record {
	long long since;
	int samples;
	double sample[MOST];
};

static struct record *record;
static unsigned int instance;

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void add(double sample)
{
	if (record->samples < MOST)
		record->sample[record->samples++] = sample;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void finish(void)
{
	qsort(record->sample, (size_t)record->samples, sizeof *record->sample, ascending);
	printf("%.2f %.2f\n", record->sample[record->samples / 2], record->sample[0]);
	fflush(stdout);
	sam_stop();
	sam_finalize();
	exit(0);
}

static void enter(int interval)
{
	if (sam_initialize(interval, SAM_RECOVERY_POLICY_RESTART) != CS_OK || sam_register(&instance) != CS_OK) {
		fprintf(stderr, "not supervised\n");
		exit(1);
	}
	sam_start();
}

static void beat(void)
{
	int round, i;
	long long start;

	enter(60000);
	for (round = 0; round < 40; round++) {
		start = now();
		for (i = 0; i < 20000; i++)
			sam_hc_send();
		add((double)(now() - start) / 20000);
	}
	finish();
}

static void store(size_t size)
{
	char *data = (char *)malloc(size);
	int round, i, times = size > 100000 ? 20 : 2000;
	long long start;

	memset(data, 1, size);
	enter(60000);
	/* Both have what they keep. */
	for (i = 0; i < 4; i++)
		sam_data_store(data, size);
	for (round = 0; round < 40; round++) {
		start = now();
		for (i = 0; i < times; i++)
			if (sam_data_store(data, size) != CS_OK)
				exit(1);
		add((double)(now() - start) / times);
	}
	finish();
}

/* From the SIGKILL of an instance to the first line of the next. */
static void restart(size_t mib)
{
	const struct timespec settled = { 0, 30000000L };
	long long at;

	if (mib > 0)
		memset(malloc(mib << 20), 1, mib << 20);
	enter(60000);
	at = now();
	if (instance > 1)
		add((double)(at - record->since));
	if (instance == 31)
		finish();
	nanosleep(&settled, NULL);
	record->since = now();
	kill(getpid(), SIGKILL);
}

#define INTERVAL 100

static void warned(int signal)
{
	(void)signal;
	add((double)(now() - record->since) - INTERVAL * 1000000.0);
	_exit(1);
}

/* From the end of the interval after the last beat to the warning's handler. */
static void warn(void)
{
	enter(INTERVAL);
	if (instance == 21)
		finish();
	signal(SIGTERM, warned);
	sam_hc_send();
	record->since = now();
	for (;;)
		pause();
}

/* What the supervisor has in memory that it shares with nobody. */
static void memory(void)
{
	char path[64], line[256];
	double kilobytes, sum = 0;
	FILE *file;
	const struct timespec settled = { 0, 200000000L };

	enter(60000);
	nanosleep(&settled, NULL);
	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)getppid());
	file = fopen(path, "r");
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, "Private_Clean: %lf", &kilobytes) == 1 ||
		    sscanf(line, "Private_Dirty: %lf", &kilobytes) == 1)
			sum += kilobytes;
	add(sum);
	finish();
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	long number = argc > 2 ? atol(argv[2]) : 0;

	record = (struct record *)mmap(NULL, sizeof *record, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (record == MAP_FAILED)
		return 1;
	if (strcmp(what, "beat") == 0)
		beat();
	else if (strcmp(what, "store") == 0)
		store((size_t)number);
	else if (strcmp(what, "restart") == 0)
		restart((size_t)number);
	else if (strcmp(what, "warn") == 0)
		warn();
	else if (strcmp(what, "memory") == 0)
		memory();
	return 2;
}
