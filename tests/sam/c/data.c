/* Stored data of every size, at every stage. */
#include "suite.h"

static unsigned char *pattern(size_t size, unsigned int seed)
{
	unsigned char *bytes = (unsigned char *)malloc(size + 1);
	size_t i;

	for (i = 0; i < size; i++)
		bytes[i] = (unsigned char)(seed + i * 31 + (i >> 8));
	return bytes;
}

/* Stores, asks for the size, and reads back into buffers that are too small, fit, and are larger. */
static void round_trip(const char *label, size_t size)
{
	unsigned char *stored = pattern(size, (unsigned int)size + instance);
	unsigned char *read = (unsigned char *)malloc(size + 2);
	size_t seen = 4711;
	int status[5];

	memset(read, 0xee, size + 2);
	status[0] = (int)sam_data_store(stored, size);
	status[1] = (int)sam_data_getsize(&seen);
	status[2] = size == 0 ? (int)CS_ERR_INVALID_PARAM : (int)sam_data_restore(read, size - 1);
	status[3] = size == 0 || read[0] == 0xee ? (int)CS_OK : 0;
	status[4] = (int)sam_data_restore(read, size + 2);
	fact(label, status[0], CS_OK);
	SAW(status[1], CS_OK);
	SAW(status[2], CS_ERR_INVALID_PARAM);
	SAW(status[3], CS_OK);
	SAW(status[4], CS_OK);
	SAW(seen == size, 1);
	SAW(memcmp(read, stored, size), 0);
	SAW(read[size] == 0xee && read[size + 1] == 0xee, 1);
	memset(read, 0, size + 1);
	SAW(sam_data_restore(read, size), CS_OK);
	SAW(memcmp(read, stored, size), 0);
	free(stored);
	free(read);
}

static void all_sizes(void)
{
	round_trip("0 bytes", 0);
	round_trip("1 byte", 1);
	round_trip("4095 bytes", 4095);
	round_trip("4096 bytes", 4096);
	round_trip("4097 bytes", 4097);
	round_trip("1 MiB", 1 << 20);
	round_trip("24 MiB", 24 << 20);
	round_trip("3 bytes again", 3);
}

static void data_of_every_size_comes_back_when_initialized(void)
{
	OK(sam_initialize(60000, SAM_RECOVERY_POLICY_RESTART));
	all_sizes();
}

static void data_of_every_size_comes_back_when_registered(void)
{
	enter(60000, SAM_RECOVERY_POLICY_RESTART);
	all_sizes();
}

static void data_of_every_size_comes_back_when_started(void)
{
	enter(60000, SAM_RECOVERY_POLICY_RESTART);
	OK(sam_start());
	all_sizes();
	OK(sam_stop());
	all_sizes();
}

static void data_of_every_size_comes_back_in_the_next_instance(void)
{
	static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 1 << 20, 24 << 20, 3 };
	unsigned char *wanted, *read;
	size_t size, seen = 4711;

	/* Nine instances run, one after the other. */
	setenv("SAM_BACKOFF", "1ms..1ms", 1);
	enter(60000, SAM_RECOVERY_POLICY_RESTART);
	OK(sam_start());
	if (instance > 1) {
		size = sizes[instance - 2];
		wanted = pattern(size, instance - 1);
		read = (unsigned char *)malloc(size + 1);
		OK(sam_data_getsize(&seen));
		SAW(seen == size, 1);
		OK(sam_data_restore(read, size));
		SAW(memcmp(read, wanted, size), 0);
		free(wanted);
		free(read);
	}
	if (instance > sizeof sizes / sizeof *sizes) {
		OK(sam_finalize());
		exit(0);
	}
	size = sizes[instance - 1];
	wanted = pattern(size, instance);
	OK(sam_data_store(wanted, size));
	kill(getpid(), SIGKILL);
}

static void storing_null_erases_the_data(void)
{
	size_t size = 4711;
	char byte = 1;

	enter(60000, SAM_RECOVERY_POLICY_RESTART);
	OK(sam_start());
	OK(sam_data_getsize(&size));
	SAW(size, 0);
	if (instance == 1) {
		OK(sam_data_store("text", 4));
		OK(sam_data_store(NULL, 4711));
		OK(sam_data_getsize(&size));
		SAW(size, 0);
		OK(sam_data_restore(&byte, 1));
		SAW(byte, 1);
		exit(1);
	}
	OK(sam_finalize());
}

static void data_that_was_stored_before_register_is_there(void)
{
	char text[7] = "";
	size_t size = 4711;

	OK(sam_initialize(60000, SAM_RECOVERY_POLICY_RESTART));
	OK(sam_data_store("before", 7));
	OK(sam_register(&instance));
	OK(sam_data_getsize(&size));
	SAW(size, 7);
	OK(sam_data_restore(text, sizeof text));
	SAW(strcmp(text, "before"), 0);
	OK(sam_start());
	if (instance < 3)
		exit(1);
	OK(sam_finalize());
}

static void data_that_cannot_be_stored_leaves_the_old_data(void)
{
	const size_t none_has_it = SIZE_MAX / 2;
	char text[4] = "";
	int when;

	OK(sam_initialize(60000, SAM_RECOVERY_POLICY_RESTART));
	OK(sam_data_store("old", 4));
	for (when = 0; when < 2; when++) {
		SAW(sam_data_store(text, none_has_it), CS_ERR_NO_MEMORY);
		SAW(sam_data_store(text, none_has_it + 1), CS_ERR_NO_MEMORY);
		SAW(sam_data_store(text, SIZE_MAX), CS_ERR_NO_MEMORY);
		OK(sam_data_restore(text, sizeof text));
		SAW(strcmp(text, "old"), 0);
		if (when == 0)
			OK(sam_register(&instance));
	}
}

static void a_restore_writes_no_more_than_the_stored_bytes(void)
{
	char text[4] = "";

	enter(60000, SAM_RECOVERY_POLICY_RESTART);
	OK(sam_data_store("text", 4));
	/* The size is larger than any object: only the stored bytes are written. */
	OK(sam_data_restore(text, SIZE_MAX));
	SAW(memcmp(text, "text", 4), 0);
}

const struct test data_cases[] = {
	{ "data of every size comes back when initialized",
	  data_of_every_size_comes_back_when_initialized, 0, NULL },
	{ "data of every size comes back when registered",
	  data_of_every_size_comes_back_when_registered, 0, NULL },
	{ "data of every size comes back when started", data_of_every_size_comes_back_when_started, 0, NULL },
	{ "data of every size comes back in the next instance",
	  data_of_every_size_comes_back_in_the_next_instance, 0, NULL },
	{ "storing NULL erases the data", storing_null_erases_the_data, 0, NULL },
	{ "data that was stored before register is there",
	  data_that_was_stored_before_register_is_there, 0, NULL },
	{ "data that cannot be stored leaves the old data",
	  data_that_cannot_be_stored_leaves_the_old_data, 0, NULL },
	{ "a restore writes no more than the stored bytes",
	  a_restore_writes_no_more_than_the_stored_bytes, 0, NULL },
	{ NULL, NULL, 0, NULL },
};
