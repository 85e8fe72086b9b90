/* Both ways to give a sign of life, and the warning that comes when there is none. */
#include "suite.h"

static void beats_keep_a_program_alive(void)
{
	enter(300, SAM_RECOVERY_POLICY_RESTART);
	count_signal(SIGTERM);
	OK(sam_start());
	beat_for(1000);
	SAW(counted, 0);
	SAW(instance, 1);
	OK(sam_stop());
}

static void a_stopped_program_may_be_silent(void)
{
	const struct timespec four_intervals = { 0, 400000000L };

	enter(100, SAM_RECOVERY_POLICY_RESTART);
	count_signal(SIGTERM);
	nanosleep(&four_intervals, NULL);
	OK(sam_start());
	OK(sam_stop());
	nanosleep(&four_intervals, NULL);
	OK(sam_start());
	OK(sam_hc_send());
	OK(sam_stop());
	SAW(counted, 0);
}

static void a_program_with_interval_zero_may_be_silent(void)
{
	const struct timespec while_it_is = { 0, 200000000L };

	enter(0, SAM_RECOVERY_POLICY_RESTART);
	count_signal(SIGTERM);
	OK(sam_start());
	nanosleep(&while_it_is, NULL);
	SAW(counted, 0);
	if (instance == 1)
		abort();
	SAW(instance, 2);
	OK(sam_finalize());
}

static void a_hang_is_warned_by_sigterm(void)
{
	enter(100, SAM_RECOVERY_POLICY_QUIT);
	OK(sam_start());
	hang();
}

static void a_program_that_ignores_the_warning_is_killed(void)
{
	enter(100, SAM_RECOVERY_POLICY_QUIT);
	signal(SIGTERM, SIG_IGN);
	OK(sam_start());
	hang();
}

static void hang_until(int signal)
{
	count_signal(signal);
	OK(sam_start());
	while (counted == 0)
		pause();
	OK(sam_stop());
	OK(sam_finalize());
}

static void the_signal_set_before_register_warns(void)
{
	OK(sam_initialize(100, SAM_RECOVERY_POLICY_RESTART));
	OK(sam_warn_signal_set(SIGUSR1));
	OK(sam_register(&instance));
	if (instance == 1)
		/* A warning that is not caught ends the instance. */
		sam_start();
	while (instance == 1)
		pause();
	SAW(instance, 2);
	hang_until(SIGUSR1);
	SAW(counted, 1);
	exit(2);
}

static void the_signal_set_after_register_warns(void)
{
	enter(100, SAM_RECOVERY_POLICY_RESTART);
	OK(sam_warn_signal_set(SIGUSR2));
	hang_until(SIGUSR2);
	SAW(instance, 1);
	exit(2);
}

static void the_signal_set_while_started_warns(void)
{
	enter(200, SAM_RECOVERY_POLICY_RESTART);
	OK(sam_start());
	OK(sam_warn_signal_set(SIGUSR2));
	count_signal(SIGUSR2);
	while (counted == 0)
		pause();
	OK(sam_finalize());
	exit(2);
}

static void with_sigkill_there_is_no_warning(void)
{
	enter(100, SAM_RECOVERY_POLICY_QUIT);
	count_signal(SIGTERM);
	OK(sam_warn_signal_set(SIGKILL));
	OK(sam_start());
	hang();
}

static void the_choice_of_a_signal_dies_with_its_instance(void)
{
	enter(100, SAM_RECOVERY_POLICY_RESTART);
	if (instance == 1) {
		OK(sam_warn_signal_set(SIGUSR1));
		abort();
	}
	count_signal(SIGTERM);
	count_signal(SIGUSR1);
	OK(sam_start());
	while (counted == 0)
		pause();
	SAW(last_signal, SIGTERM);
	OK(sam_finalize());
}

static void a_program_that_recovers_is_warned_again(void)
{
	enter(200, SAM_RECOVERY_POLICY_RESTART);
	count_signal(SIGTERM);
	OK(sam_start());
	while (counted == 0)
		pause();
	beat_for(600);
	SAW(counted, 1);
	while (counted == 1)
		pause();
	SAW(counted, 2);
	SAW(instance, 1);
	OK(sam_finalize());
	exit(2);
}

static void save_and_leave(int signal)
{
	(void)signal;
	OK(sam_hc_send());
	OK(sam_data_store("in time", 8));
	OK(sam_stop());
	OK(sam_start());
	_exit(1);
}

static void the_warnings_handler_may_call_anything(void)
{
	char text[8] = "";

	enter(100, SAM_RECOVERY_POLICY_RESTART);
	if (instance == 1) {
		signal(SIGTERM, save_and_leave);
		OK(sam_start());
		hang();
	}
	OK(sam_data_restore(text, sizeof text));
	SAW(strcmp(text, "in time"), 0);
	OK(sam_finalize());
}

/* ---- the callback ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int calls;
static int answer;
static pthread_t caller;

static int asked(void)
{
	int result;

	pthread_mutex_lock(&lock);
	calls++;
	caller = pthread_self();
	result = answer;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	return result;
}

static int calls_so_far(void)
{
	int result;

	pthread_mutex_lock(&lock);
	result = calls;
	pthread_mutex_unlock(&lock);
	return result;
}

static void await_calls(int number)
{
	pthread_mutex_lock(&lock);
	while (calls < number)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void a_callback_answers_for_its_program(void)
{
	const struct timespec three_intervals = { 0, 600000000L };
	int before;

	enter(200, SAM_RECOVERY_POLICY_RESTART);
	count_signal(SIGTERM);
	OK(sam_hc_callback_register(asked));
	nanosleep(&three_intervals, NULL);
	SAW(calls_so_far(), 0);
	OK(sam_start());
	await_calls(4);
	SAW(pthread_equal(caller, pthread_self()), 0);
	SAW(counted, 0);
	OK(sam_stop());
	before = calls_so_far();
	nanosleep(&three_intervals, NULL);
	SAW(calls_so_far() <= before + 1, 1);
	OK(sam_start());
	await_calls(before + 4);
	OK(sam_stop());
	SAW(instance, 1);
}

static void without_the_callback_beats_count_again(void)
{
	int before;

	enter(300, SAM_RECOVERY_POLICY_QUIT);
	OK(sam_hc_callback_register(asked));
	OK(sam_start());
	await_calls(2);
	OK(sam_stop());
	OK(sam_hc_callback_register(NULL));
	before = calls_so_far();
	OK(sam_start());
	beat_for(900);
	SAW(calls_so_far() <= before + 1, 1);
	hang();
}

static void a_callback_that_says_no_is_a_failure(void)
{
	enter(100, SAM_RECOVERY_POLICY_RESTART);
	if (instance == 1) {
		OK(sam_hc_callback_register(asked));
		OK(sam_start());
		await_calls(2);
		pthread_mutex_lock(&lock);
		answer = -1;
		pthread_mutex_unlock(&lock);
		hang();
	}
	SAW(instance, 2);
	OK(sam_finalize());
}

static int other_calls;

static int asked_instead(void)
{
	other_calls++;
	return asked();
}

static void a_second_callback_takes_the_firsts_place(void)
{
	int before;

	enter(200, SAM_RECOVERY_POLICY_RESTART);
	OK(sam_hc_callback_register(asked));
	OK(sam_start());
	await_calls(1);
	OK(sam_stop());
	OK(sam_hc_callback_register(asked_instead));
	OK(sam_start());
	before = calls_so_far();
	await_calls(before + 3);
	SAW(other_calls >= 2, 1);
	OK(sam_stop());
}

const struct test health_cases[] = {
	{ "beats keep a program alive", beats_keep_a_program_alive, 0, NULL },
	{ "a stopped program may be silent", a_stopped_program_may_be_silent, 0, NULL },
	{ "a program with interval zero may be silent", a_program_with_interval_zero_may_be_silent, 0, NULL },
	{ "a hang is warned by SIGTERM", a_hang_is_warned_by_sigterm, -SIGTERM, NULL },
	{ "a program that ignores the warning is killed",
	  a_program_that_ignores_the_warning_is_killed, -SIGKILL, NULL },
	{ "the signal set before register warns", the_signal_set_before_register_warns, 2, NULL },
	{ "the signal set after register warns", the_signal_set_after_register_warns, 2, NULL },
	{ "the signal set while started warns", the_signal_set_while_started_warns, 2, NULL },
	{ "with SIGKILL there is no warning", with_sigkill_there_is_no_warning, -SIGKILL, NULL },
	{ "the choice of a signal dies with its instance",
	  the_choice_of_a_signal_dies_with_its_instance, 0, NULL },
	{ "a program that recovers is warned again", a_program_that_recovers_is_warned_again, 2, NULL },
	{ "the warning's handler may call anything", the_warnings_handler_may_call_anything, 0, NULL },
	{ "a callback answers for its program", a_callback_answers_for_its_program, 0, NULL },
	{ "without the callback beats count again", without_the_callback_beats_count_again, -SIGTERM, NULL },
	{ "a callback that says no is a failure", a_callback_that_says_no_is_a_failure, 0, NULL },
	{ "a second callback takes the first's place", a_second_callback_takes_the_firsts_place, 0, NULL },
	{ NULL, NULL, 0, NULL },
};
