/*
 * A program under a supervisor that is a command of its own, whichever that is, and what
 * observes the two from beside them:
 *
 *     command instance PAGE        says in PAGE, a file of 4 KiB, that it began, and waits
 *     command observe PAGE KILLS   kills instances; prints what follows
 *
 * Prints the median from the SIGKILL of an instance to the first line of the next, in ns; the
 * supervisor's private memory in kB; how often the supervisor woke up in two idle seconds.
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "proc.h"

#define MOST 64

/* A page that survives the instances. One instance at a time writes to it. */
struct page {
	long long at;
	pid_t pid;
	pid_t supervisor;
	/* Written last, with release: a reader that sees the number sees the other fields. */
	_Atomic unsigned int instances;
};

static void wait_for(struct page *page, unsigned int instances)
{
	long long start = now();

	while (atomic_load(&page->instances) < instances) {
		if (now() - start > 20000000000LL) {
			fprintf(stderr, "no instance %u within 20 s\n", instances);
			exit(1);
		}
		sleep_ms(1);
	}
}

static int observe(struct page *page, int kills)
{
	double sample[MOST], memory, woken;
	long long since;
	int i;

	wait_for(page, 1);
	/* runit delays the next instance if this one has not lived for a second. */
	sleep_ms(1200);
	woken = wake_ups(page->supervisor);
	memory = private_memory(page->supervisor);
	for (i = 0; i < kills && i < MOST; i++) {
		unsigned int instances = atomic_load(&page->instances);

		since = now();
		kill(page->pid, SIGKILL);
		wait_for(page, instances + 1);
		sample[i] = (double)(page->at - since);
		sleep_ms(1200);
	}
	qsort(sample, (size_t)i, sizeof *sample, ascending);
	printf("%.0f %.0f %.0f\n", sample[i / 2], memory, woken);
	return 0;
}

int main(int argc, char **argv)
{
	long long at = now();
	struct page *page;
	int fd;

	if (argc < 3 || (fd = open(argv[2], O_RDWR | O_CLOEXEC)) < 0)
		return 2;
	page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return 1;
	if (strcmp(argv[1], "observe") == 0)
		return observe(page, argc > 3 ? atoi(argv[3]) : 1);
	page->at = at;
	page->pid = getpid();
	page->supervisor = getppid();
	atomic_fetch_add(&page->instances, 1);
	for (;;)
		pause();
}
