/* What each call answers at each stage of a program's life. */
#include "suite.h"

static int well(void)
{
	return 0;
}

static void all_are_refused(void)
{
	char byte = 0;
	size_t size;

	BAD_HANDLE(sam_register(NULL));
	BAD_HANDLE(sam_start());
	BAD_HANDLE(sam_stop());
	BAD_HANDLE(sam_hc_send());
	BAD_HANDLE(sam_hc_callback_register(well));
	BAD_HANDLE(sam_hc_callback_register(NULL));
	BAD_HANDLE(sam_warn_signal_set(SIGUSR1));
	BAD_HANDLE(sam_mark_failed());
	BAD_HANDLE(sam_data_getsize(&size));
	INVALID(sam_data_getsize(NULL));
	BAD_HANDLE(sam_data_store(&byte, 1));
	BAD_HANDLE(sam_data_store(NULL, 0));
	BAD_HANDLE(sam_data_restore(&byte, 1));
	INVALID(sam_data_restore(NULL, 0));
	BAD_HANDLE(sam_finalize());
}

/* Calls about the warn signal and data, whose answers are the same between initialize and finalize. */
static void open_calls_work(void)
{
	char byte = 7;
	size_t size = 4711;

	BAD_HANDLE(sam_initialize(1000, SAM_RECOVERY_POLICY_RESTART));
	OK(sam_warn_signal_set(SIGUSR1));
	OK(sam_warn_signal_set(SIGKILL));
	OK(sam_warn_signal_set(SIGTERM));
	INVALID(sam_mark_failed());
	OK(sam_data_store(NULL, 5));
	OK(sam_data_getsize(&size));
	SAW(size, 0);
	INVALID(sam_data_getsize(NULL));
	INVALID(sam_data_restore(NULL, 0));
	INVALID(sam_data_restore(NULL, 1));
	OK(sam_data_restore(&byte, 1));
	SAW(byte, 7);
	OK(sam_data_restore(&byte, 0));
}

static void every_call_before_initialize_is_refused(void)
{
	all_are_refused();
}

static int interval_to_try;
static sam_recovery_policy_t policy_to_try;

static int try_initialize(void)
{
	return (int)sam_initialize(interval_to_try, policy_to_try);
}

static int tried(int interval, int policy)
{
	interval_to_try = interval;
	policy_to_try = (sam_recovery_policy_t)policy;
	return in_child(try_initialize);
}

static void initialize_refuses_values_that_it_does_not_support(void)
{
	OK(tried(1, SAM_RECOVERY_POLICY_QUIT));
	OK(tried(0, SAM_RECOVERY_POLICY_RESTART));
	OK(tried(2147483647, SAM_RECOVERY_POLICY_RESTART));
	INVALID(tried(-1, SAM_RECOVERY_POLICY_RESTART));
	INVALID(tried(1000, 0));
	INVALID(tried(1000, 3));
	INVALID(tried(1000, 4));
	INVALID(tried(1000, 0x20));
	INVALID(tried(1000, 0x21));
	SAW(tried(1000, SAM_RECOVERY_POLICY_QUORUM), CS_ERR_NOT_SUPPORTED);
	SAW(tried(1000, SAM_RECOVERY_POLICY_QUORUM_QUIT), CS_ERR_NOT_SUPPORTED);
	SAW(tried(1000, SAM_RECOVERY_POLICY_QUORUM_RESTART), CS_ERR_NOT_SUPPORTED);
	SAW(tried(1000, SAM_RECOVERY_POLICY_CMAP), CS_ERR_NOT_SUPPORTED);
	/* Each policy with CMAP. */
	SAW(tried(1000, 0x11), CS_ERR_NOT_SUPPORTED);
	SAW(tried(1000, 0x12), CS_ERR_NOT_SUPPORTED);
}

static void a_refused_initialize_changes_nothing(void)
{
	INVALID(sam_initialize(1000, (sam_recovery_policy_t)0));
	all_are_refused();
	OK(sam_initialize(1000, SAM_RECOVERY_POLICY_QUIT));
}

static void calls_of_an_initialized_program_answer_by_its_stage(void)
{
	OK(sam_initialize(1000, SAM_RECOVERY_POLICY_RESTART));
	open_calls_work();
	BAD_HANDLE(sam_start());
	BAD_HANDLE(sam_stop());
	BAD_HANDLE(sam_hc_send());
	BAD_HANDLE(sam_hc_callback_register(well));
	OK(sam_finalize());
	all_are_refused();
	BAD_HANDLE(sam_initialize(1000, SAM_RECOVERY_POLICY_RESTART));
	exit(7);
}

static void calls_of_a_registered_program_answer_by_its_stage(void)
{
	enter(60000, SAM_RECOVERY_POLICY_RESTART);
	SAW(instance, 1);
	open_calls_work();
	BAD_HANDLE(sam_register(&instance));
	SAW(instance, 1);
	BAD_HANDLE(sam_stop());
	BAD_HANDLE(sam_hc_send());
	OK(sam_hc_callback_register(well));
	OK(sam_hc_callback_register(NULL));
	OK(sam_hc_callback_register(NULL));
	OK(sam_finalize());
	all_are_refused();
	BAD_HANDLE(sam_initialize(1000, SAM_RECOVERY_POLICY_RESTART));
	exit(3);
}

static void calls_of_a_started_program_answer_by_its_stage(void)
{
	enter(60000, SAM_RECOVERY_POLICY_RESTART);
	OK(sam_start());
	open_calls_work();
	OK(sam_hc_send());
	BAD_HANDLE(sam_start());
	BAD_HANDLE(sam_register(NULL));
	BAD_HANDLE(sam_hc_callback_register(well));
	BAD_HANDLE(sam_hc_callback_register(NULL));
	OK(sam_stop());
	BAD_HANDLE(sam_stop());
	BAD_HANDLE(sam_hc_send());
	open_calls_work();
	OK(sam_start());
	OK(sam_hc_send());
	OK(sam_finalize());
	all_are_refused();
	exit(4);
}

static void no_warnings(void)
{
	INVALID(sam_warn_signal_set(0));
	INVALID(sam_warn_signal_set(-1));
	INVALID(sam_warn_signal_set(65));
	INVALID(sam_warn_signal_set(SIGSTOP));
}

static void signals_that_cannot_warn_are_refused(void)
{
	OK(sam_initialize(60000, SAM_RECOVERY_POLICY_RESTART));
	no_warnings();
	OK(sam_register(&instance));
	no_warnings();
	OK(sam_start());
	no_warnings();
	OK(sam_stop());
}

static void register_needs_no_place_for_the_number(void)
{
	OK(sam_initialize(60000, SAM_RECOVERY_POLICY_RESTART));
	OK(sam_register(NULL));
	OK(sam_start());
	OK(sam_stop());
}

static void an_exit_after_stop_and_finalize_is_the_end(void)
{
	enter(50, SAM_RECOVERY_POLICY_RESTART);
	OK(sam_start());
	OK(sam_stop());
	OK(sam_finalize());
	exit(5);
}

static void a_finalized_program_may_be_silent(void)
{
	const struct timespec four_intervals = { 0, 200000000L };

	enter(50, SAM_RECOVERY_POLICY_RESTART);
	count_signal(SIGTERM);
	OK(sam_start());
	OK(sam_finalize());
	nanosleep(&four_intervals, NULL);
	SAW(counted, 0);
	exit(6);
}

static void a_crash_of_a_finalized_program_is_the_end(void)
{
	enter(60000, SAM_RECOVERY_POLICY_RESTART);
	SAW(instance, 1);
	OK(sam_start());
	OK(sam_finalize());
	abort();
}

static void *sleeper(void *argument)
{
	hang();
	return argument;
}

static void register_beside_a_thread_is_refused(void)
{
	pthread_t thread;

	OK(sam_initialize(60000, SAM_RECOVERY_POLICY_RESTART));
	pthread_create(&thread, NULL, sleeper, NULL);
	SAW(sam_register(NULL), CS_ERR_BAD_OPERATION);
	BAD_HANDLE(sam_start());
	OK(sam_finalize());
}

static int calls_of_a_child(void)
{
	size_t size;

	BAD_HANDLE(sam_hc_send());
	BAD_HANDLE(sam_stop());
	BAD_HANDLE(sam_data_getsize(&size));
	BAD_HANDLE(sam_data_store("x", 1));
	BAD_HANDLE(sam_finalize());
	return 0;
}

static void children_of_an_instance_are_not_supervised(void)
{
	size_t size = 4711;

	enter(60000, SAM_RECOVERY_POLICY_RESTART);
	OK(sam_start());
	SAW(in_child(calls_of_a_child), 0);
	OK(sam_hc_send());
	OK(sam_data_getsize(&size));
	SAW(size, 0);
	OK(sam_stop());
}

const struct test life_cases[] = {
	{ "every call before initialize is refused", every_call_before_initialize_is_refused, 0, NULL },
	{ "initialize refuses values that it does not support",
	  initialize_refuses_values_that_it_does_not_support, 0, NULL },
	{ "a refused initialize changes nothing", a_refused_initialize_changes_nothing, 0, NULL },
	{ "calls of an initialized program answer by its stage",
	  calls_of_an_initialized_program_answer_by_its_stage, 7, NULL },
	{ "calls of a registered program answer by its stage",
	  calls_of_a_registered_program_answer_by_its_stage, 3, NULL },
	{ "calls of a started program answer by its stage",
	  calls_of_a_started_program_answer_by_its_stage, 4, NULL },
	{ "signals that cannot warn are refused", signals_that_cannot_warn_are_refused, 0, NULL },
	{ "register needs no place for the number", register_needs_no_place_for_the_number, 0, NULL },
	{ "an exit after stop and finalize is the end", an_exit_after_stop_and_finalize_is_the_end, 5, NULL },
	{ "a finalized program may be silent", a_finalized_program_may_be_silent, 6, NULL },
	{ "a crash of a finalized program is the end",
	  a_crash_of_a_finalized_program_is_the_end, -SIGABRT, NULL },
	{ "register beside a thread is refused", register_beside_a_thread_is_refused, 0, NULL },
	{ "children of an instance are not supervised", children_of_an_instance_are_not_supervised, 0, NULL },
	{ NULL, NULL, 0, NULL },
};
