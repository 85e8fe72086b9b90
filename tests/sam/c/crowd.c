/* Threads, kills and signals in the middle of calls. */
#include "suite.h"

#define STORED (64 * 1024)
#define ROUNDS 300

/* All bytes of the stored data are one value, whichever thread stored it. */
static long is_whole(const unsigned char *bytes, size_t size)
{
	size_t i;

	for (i = 1; i < size; i++)
		if (bytes[i] != bytes[0])
			return 0;
	return 1;
}

static void *beats(void *failed)
{
	int i;

	for (i = 0; i < 100 * ROUNDS; i++)
		if (sam_hc_send() != CS_OK)
			*(int *)failed = 1;
	return NULL;
}

static void *stores(void *failed)
{
	unsigned char *bytes = (unsigned char *)malloc(STORED);
	int i;

	for (i = 0; i < ROUNDS; i++) {
		memset(bytes, i, STORED);
		if (sam_data_store(bytes, (size_t)(STORED - i * 100)) != CS_OK)
			*(int *)failed = 1;
	}
	free(bytes);
	return NULL;
}

static void *restores(void *failed)
{
	unsigned char *bytes = (unsigned char *)calloc(1, STORED);
	size_t size = 0;
	int i;

	for (i = 0; i < ROUNDS; i++)
		if (sam_data_getsize(&size) != CS_OK || size > STORED ||
		    sam_data_restore(bytes, STORED) != CS_OK || !is_whole(bytes, STORED - ROUNDS * 100))
			*(int *)failed = 1;
	free(bytes);
	return NULL;
}

static void threads_beat_store_and_restore_at_once(void)
{
	void *(*const work[])(void *) = { beats, stores, restores, beats, stores, restores };
	enum { THREADS = sizeof work / sizeof *work };
	int failed[THREADS];
	pthread_t threads[THREADS];
	unsigned char *bytes = (unsigned char *)malloc(STORED);
	size_t size = 0;
	int i;

	enter(10000, SAM_RECOVERY_POLICY_RESTART);
	OK(sam_start());
	if (instance == 1) {
		memset(bytes, 0, STORED);
		OK(sam_data_store(bytes, STORED));
	}
	memset(failed, 0, sizeof failed);
	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work[i], &failed[i]);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < THREADS; i++)
		SAW(failed[i], 0);
	OK(sam_data_getsize(&size));
	SAW(size, STORED - (ROUNDS - 1) * 100);
	OK(sam_data_restore(bytes, STORED));
	SAW(is_whole(bytes, size), 1);
	free(bytes);
	if (instance == 1)
		abort();
	OK(sam_finalize());
}

static void threads_start_and_stop_at_once_body(void)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		sam_start();
		sam_hc_send();
		sam_stop();
	}
}

static void *start_and_stop(void *argument)
{
	threads_start_and_stop_at_once_body();
	return argument;
}

static void threads_start_and_stop_at_once(void)
{
	const struct timespec three_intervals = { 0, 900000000L };
	pthread_t threads[4];
	int i;

	enter(300, SAM_RECOVERY_POLICY_QUIT);
	count_signal(SIGTERM);
	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, start_and_stop, NULL);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	/* The last thread has called sam_stop, so silence is no failure. */
	BAD_HANDLE(sam_stop());
	nanosleep(&three_intervals, NULL);
	SAW(counted, 0);
}

static void *kill_soon(void *argument)
{
	struct timespec soon = { 0, 0 };

	soon.tv_nsec = 1000000L + (long)(instance * 7919 % 17) * 170000L;
	nanosleep(&soon, NULL);
	kill(getpid(), SIGKILL);
	return argument;
}

static void stored_data_stays_whole_when_its_program_is_killed_while_it_stores(void)
{
	unsigned char *bytes = (unsigned char *)malloc(STORED);
	pthread_t thread;
	unsigned char value;

	setenv("SAM_BUDGET", "64/1s", 1);
	setenv("SAM_BACKOFF", "1ms..1ms", 1);
	enter(60000, SAM_RECOVERY_POLICY_RESTART);
	OK(sam_start());
	if (instance > 1) {
		OK(sam_data_restore(bytes, STORED));
		SAW(is_whole(bytes, STORED), 1);
	}
	if (instance == 30) {
		OK(sam_finalize());
		exit(0);
	}
	memset(bytes, 1, STORED);
	OK(sam_data_store(bytes, STORED));
	pthread_create(&thread, NULL, kill_soon, NULL);
	for (value = 2;; value++) {
		memset(bytes, value, STORED);
		sam_data_store(bytes, STORED);
	}
}

static unsigned char *shared;
static volatile sig_atomic_t stored_in_handler, refused_in_handler, wrong_in_handler;

static void store_in_handler(int signal)
{
	size_t size;
	cs_error_t status = sam_data_store(shared, 100);

	(void)signal;
	if (status == CS_OK)
		stored_in_handler = 1;
	else if (status == CS_ERR_TRY_AGAIN && sam_data_getsize(&size) == CS_ERR_TRY_AGAIN)
		refused_in_handler = 1;
	else
		wrong_in_handler = 1;
	/* These never wait. */
	if (sam_stop() != CS_OK || sam_start() != CS_OK || sam_hc_send() != CS_OK)
		wrong_in_handler = 1;
}

static void a_handler_that_interrupts_a_store_does_not_wait_for_it(void)
{
	const struct itimerval often = { { 0, 500 }, { 0, 500 } };
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };
	struct sigaction action;

	enter(60000, SAM_RECOVERY_POLICY_RESTART);
	OK(sam_start());
	shared = (unsigned char *)calloc(1, 1 << 20);
	memset(&action, 0, sizeof action);
	action.sa_handler = store_in_handler;
	action.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	while (!refused_in_handler)
		if (sam_data_store(shared, 1 << 20) != CS_OK)
			wrong_in_handler = 1;
	while (!stored_in_handler)
		pause();
	setitimer(ITIMER_REAL, &never, NULL);
	SAW(wrong_in_handler, 0);
	OK(sam_stop());
}

#define MUCH (8 * 1024 * 1024)

static volatile sig_atomic_t answers;

static int answer(void)
{
	answers = answers + 1;
	return 0;
}

static void a_callback_answers_in_the_middle_of_large_stores(void)
{
	unsigned char *bytes = (unsigned char *)malloc(MUCH);
	unsigned char value = 1;
	size_t size = 0;

	enter(20, SAM_RECOVERY_POLICY_RESTART);
	/* This may take longer than an interval, which the case does not test. */
	signal(SIGTERM, SIG_IGN);
	if (instance == 2) {
		OK(sam_data_getsize(&size));
		SAW(size, MUCH);
		OK(sam_data_restore(bytes, MUCH));
		SAW(is_whole(bytes, MUCH), 1);
		free(bytes);
		OK(sam_finalize());
		exit(0);
	}
	OK(sam_hc_callback_register(answer));
	OK(sam_start());
	while (answers < 20) {
		memset(bytes, value++, MUCH);
		if (sam_data_store(bytes, MUCH) != CS_OK)
			SAW(value, 0);
	}
	abort();
}

const struct test crowd_cases[] = {
	{ "threads beat, store and restore at once", threads_beat_store_and_restore_at_once, 0,
	  "a restore may get half of what another thread stores" },
	{ "threads start and stop at once", threads_start_and_stop_at_once, 0, NULL },
	{ "stored data stays whole when its program is killed while it stores",
	  stored_data_stays_whole_when_its_program_is_killed_while_it_stores, 0,
	  "its supervisor dies of SIGPIPE, sooner or later" },
	{ "a handler that interrupts a store does not wait for it",
	  a_handler_that_interrupts_a_store_does_not_wait_for_it, 0,
	  "its calls wait for each other for ever" },
	{ "a callback answers in the middle of large stores",
	  a_callback_answers_in_the_middle_of_large_stores, 0,
	  "answers in between corrupt what is stored" },
	{ NULL, NULL, 0, NULL },
};
