/*
 * One figure of a libsam, whichever the loader finds:
 *
 *     compare beat | store BYTES | restart MIB | warn | memory | parked
 *
 * Prints the median and the least of what it measured: nanoseconds, kB for memory, or
 * wake-ups of a supervisor that has nothing to do. The same binary is run with each library, so
 * nothing but the library differs.
 */
#define _GNU_SOURCE

#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include <corosync/sam.h>

#include "proc.h"

#define MOST 64

/* A page that survives the instances. */
struct record {
	long long since;
	int samples;
	double sample[MOST];
};

static struct record *record;
static unsigned int instance;

static void add(double sample)
{
	if (record->samples < MOST)
		record->sample[record->samples++] = sample;
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
	/* Both libraries have stored data by now. */
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
	long long at;

	if (mib > 0)
		memset(malloc(mib << 20), 1, mib << 20);
	enter(60000);
	at = now();
	if (instance > 1)
		add((double)(at - record->since));
	if (instance == 31)
		finish();
	sleep_ms(30);
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

static void memory(void)
{
	enter(60000);
	sleep_ms(200);
	add(private_memory(getppid()));
	finish();
}

/* The instance is supervised, and its health is not checked. */
static void parked(void)
{
	enter(100);
	sam_stop();
	sleep_ms(200);
	add(wake_ups(getppid()));
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
	else if (strcmp(what, "parked") == 0)
		parked();
	return 2;
}
