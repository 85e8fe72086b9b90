/* What follows each end of an instance. */
#include "suite.h"

static void ends_by(sam_recovery_policy_t policy, int start, int code, int signal)
{
	enter(60000, policy);
	if (start)
		OK(sam_start());
	if (instance == 2) {
		OK(sam_finalize());
		exit(22);
	}
	if (signal != 0)
		kill(getpid(), signal);
	exit(code);
}

#define ENDS(name, policy, start, code, signal) \
	static void name(void) { ends_by(SAM_RECOVERY_POLICY_##policy, start, code, signal); }

ENDS(quit_0, QUIT, 1, 0, 0)
ENDS(quit_1, QUIT, 1, 1, 0)
ENDS(quit_255, QUIT, 1, 255, 0)
ENDS(quit_abort, QUIT, 1, 0, SIGABRT)
ENDS(quit_segv, QUIT, 1, 0, SIGSEGV)
ENDS(quit_kill, QUIT, 1, 0, SIGKILL)
ENDS(quit_before_start, QUIT, 0, 9, 0)
ENDS(restart_0, RESTART, 1, 0, 0)
ENDS(restart_1, RESTART, 1, 1, 0)
ENDS(restart_abort, RESTART, 1, 0, SIGABRT)
ENDS(restart_kill, RESTART, 1, 0, SIGKILL)
ENDS(restart_before_start_0, RESTART, 0, 0, 0)
ENDS(restart_before_start_1, RESTART, 0, 1, 0)
ENDS(restart_before_start_abort, RESTART, 0, 0, SIGABRT)

static void restart_after_stop(void)
{
	enter(60000, SAM_RECOVERY_POLICY_RESTART);
	OK(sam_start());
	OK(sam_stop());
	if (instance == 2) {
		OK(sam_finalize());
		exit(22);
	}
	exit(1);
}

static void a_hundred_crashes(void)
{
	enter(60000, SAM_RECOVERY_POLICY_RESTART);
	OK(sam_start());
	if (instance <= 100)
		exit(1);
	SAW(instance, 101);
	OK(sam_finalize());
	exit(23);
}

/* A daemon's loop, which ends at SIGTERM, whichever process sent it. */
static void out_after_a_warning(void)
{
	enter(100, SAM_RECOVERY_POLICY_RESTART);
	if (instance == 2) {
		OK(sam_finalize());
		exit(22);
	}
	count_signal(SIGTERM);
	OK(sam_start());
	while (counted == 0)
		pause();
	beat_for(150);
	exit(0);
}

static void own_before_start(void)
{
	setenv("SAM_COROSYNC", "0", 1);
	ends_by(SAM_RECOVERY_POLICY_RESTART, 0, 1, 0);
}

static void three_instances_follow_each_other(void)
{
	unsigned int log[4] = { 0, 0, 0, 0 };
	size_t size = 4711;

	enter(60000, SAM_RECOVERY_POLICY_RESTART);
	OK(sam_data_getsize(&size));
	SAW(size, (instance - 1) * sizeof *log);
	OK(sam_data_restore(log, sizeof log));
	SAW(log[0], instance > 1 ? 100 : 0);
	SAW(log[1], instance > 2 ? 101 : 0);
	log[instance - 1] = 99 + instance;
	OK(sam_start());
	OK(sam_data_store(log, instance * sizeof *log));
	if (instance == 1)
		exit(1);
	if (instance == 2)
		abort();
	SAW(instance, 3);
	OK(sam_stop());
	exit(0);
}

static void the_next_instance_has_the_memory_of_before_register(void)
{
	static int variable = 5;
	int *heap = (int *)malloc(sizeof *heap);

	*heap = 6;
	enter(60000, SAM_RECOVERY_POLICY_RESTART);
	SAW(variable, 5);
	SAW(*heap, 6);
	variable = *heap = 0;
	OK(sam_start());
	if (instance < 3)
		exit(1);
	free(heap);
	OK(sam_finalize());
}

static void a_crash_at_start_ends_within_the_budget(void)
{
	setenv("SAM_BUDGET", "3/60s", 1);
	setenv("SAM_BACKOFF", "1ms..1ms", 1);
	enter(60000, SAM_RECOVERY_POLICY_RESTART);
	OK(sam_start());
	exit((int)(10 + instance));
}

static void an_operators_stop_reaches_the_instance(void)
{
	pid_t supervisor;

	enter(60000, SAM_RECOVERY_POLICY_RESTART);
	count_signal(SIGTERM);
	OK(sam_start());
	supervisor = getppid();
	kill(supervisor, SIGTERM);
	while (counted == 0 && getppid() == supervisor)
		beat_for(0);
	SAW(counted, 1);
	SAW(getppid() == supervisor, 1);
	exit(12);
}

const struct test recovery_cases[] = {
	{ "quit: exit 0", quit_0, 0, NULL },
	{ "quit: exit 1", quit_1, 1, NULL },
	{ "quit: exit 255", quit_255, 255, NULL },
	{ "quit: abort", quit_abort, -SIGABRT, NULL },
	{ "quit: SIGSEGV", quit_segv, -SIGSEGV, NULL },
	{ "quit: SIGKILL", quit_kill, -SIGKILL, NULL },
	{ "quit: exit 9 before start", quit_before_start, 9, NULL },
	{ "restart: exit 0", restart_0, 0, NULL },
	{ "restart: exit 1", restart_1, 22, NULL },
	{ "restart: abort", restart_abort, 22, NULL },
	{ "restart: SIGKILL", restart_kill, 22, NULL },
	{ "restart: exit 0 before start", restart_before_start_0, 0, NULL },
	{ "restart: exit 1 before start", restart_before_start_1, 1, NULL },
	{ "restart: abort before start", restart_before_start_abort, 22, NULL },
	{ "restart: exit 1 after stop", restart_after_stop, 1, NULL },
	{ "restart: a hundred crashes in a row", a_hundred_crashes, 23, NULL },
	{ "restart: exit 0 on the way out after a warning", out_after_a_warning, 22, NULL },
	{ "restart: exit 1 before start, not as corosync has it",
	  own_before_start, 22, "it is not corosync's" },
	{ "three instances follow each other", three_instances_follow_each_other, 0, NULL },
	{ "the next instance has the memory of before register",
	  the_next_instance_has_the_memory_of_before_register, 0, NULL },
	{ "a crash at start ends within the budget", a_crash_at_start_ends_within_the_budget, 14,
	  "its supervisor restarts without end" },
	{ "an operator's stop reaches the instance", an_operators_stop_reaches_the_instance, 12,
	  "its supervisor dies and leaves the instance running unsupervised" },
	{ NULL, NULL, 0, NULL },
};
