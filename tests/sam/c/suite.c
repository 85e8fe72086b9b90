/* Lists the cases, or runs the case that is named. */
#include "suite.h"

unsigned int instance;
volatile sig_atomic_t counted, last_signal;

static const struct test *const all[] = { life_cases, health_cases, recovery_cases, data_cases, crowd_cases };

void fact(const char *what, long got, long wanted)
{
	char line[256];
	int len;

	if (got == wanted)
		len = snprintf(line, sizeof line, "ok %u %s = %ld\n", instance, what, got);
	else
		len = snprintf(line, sizeof line, "no %u %s = %ld, not %ld\n", instance, what, got, wanted);
	/* One write for each line, so lines of several processes do not mix. */
	if (len < 0 || write(STDOUT_FILENO, line, (size_t)len) != len)
		_exit(99);
}

void enter(int interval, sam_recovery_policy_t policy)
{
	unsigned int id = 4711;
	cs_error_t status = sam_initialize(interval, policy);

	if (status != CS_OK)
		fact("sam_initialize", status, CS_OK);
	status = sam_register(&id);
	instance = id;
	if (status != CS_OK)
		fact("sam_register", status, CS_OK);
}

void hang(void)
{
	for (;;)
		pause();
}

long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000L + now.tv_nsec / 1000000L;
}

void beat_for(int duration)
{
	const struct timespec nap = { 0, 5000000L };
	long end = milliseconds() + duration;

	do {
		sam_hc_send();
		nanosleep(&nap, NULL);
	} while (milliseconds() < end);
}

static void count(int signal)
{
	last_signal = signal;
	counted = counted + 1;
}

void count_signal(int signal)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_handler = count;
	sigaction(signal, &action, NULL);
}

int in_child(int (*run)(void))
{
	int status = 0;
	pid_t child = fork();

	if (child == 0)
		_exit(run());
	while (waitpid(child, &status, 0) == -1 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static const struct test *find(const char *name)
{
	size_t i;
	const struct test *test;

	for (i = 0; i < sizeof all / sizeof *all; i++)
		for (test = all[i]; test->name != NULL; test++)
			if (name == NULL)
				printf("%s\t%s\n", test->name, test->own == NULL ? "" : test->own);
			else if (strcmp(name, test->name) == 0)
				return test;
	return NULL;
}

/* Runs a case in a child, until the time limit. */
static int observe(const struct test *test)
{
	const char *patience = getenv("SUITE_PATIENCE");
	struct timespec left = { patience == NULL ? 60 : atoi(patience), 0 };
	sigset_t ends, before;
	int status = 0;
	pid_t child;

	sigemptyset(&ends);
	sigaddset(&ends, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ends, &before);
	child = fork();
	if (child == 0) {
		setpgid(0, 0);
		sigprocmask(SIG_SETMASK, &before, NULL);
		test->run();
		exit(EXIT_SUCCESS);
	}
	setpgid(child, child);
	while (waitpid(child, &status, WNOHANG) == 0) {
		if (sigtimedwait(&ends, NULL, &left) == -1 && errno == EAGAIN) {
			kill(-child, SIGKILL);
			waitpid(child, &status, 0);
			fact("it ends", 0, 1);
			return 0;
		}
	}
	/* Kills the processes that a supervisor leaves behind. */
	kill(-child, SIGKILL);
	fact("its status", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), test->status);
	return 0;
}

int main(int argc, char **argv)
{
	const struct test *test;

	if (argc == 1)
		return find(NULL) != NULL;
	test = find(argv[1]);
	if (test == NULL) {
		fprintf(stderr, "no case %s\n", argv[1]);
		return 2;
	}
	return observe(test);
}
