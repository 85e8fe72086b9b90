/* Names and values that programs were written with. Compiled only, also with corosync's headers. */
#include <corosync/sam.h>

#define JOIN(a, b) a##b
#define NAMED(line) JOIN(right_in_line_, line)
#define IS(expression, value) extern char NAMED(__LINE__)[(expression) == (value) ? 1 : -1]

IS(SAM_RECOVERY_POLICY_QUIT, 1);
IS(SAM_RECOVERY_POLICY_RESTART, 2);
IS(SAM_RECOVERY_POLICY_QUORUM, 0x08);
IS(SAM_RECOVERY_POLICY_QUORUM_QUIT, 0x09);
IS(SAM_RECOVERY_POLICY_QUORUM_RESTART, 0x0a);
IS(SAM_RECOVERY_POLICY_CMAP, 0x10);
IS(SAM_RECOVERY_POLICY_CONFDB, 0x10);
IS(CS_OK, 1);
IS(CS_ERR_LIBRARY, 2);
IS(CS_ERR_VERSION, 3);
IS(CS_ERR_INIT, 4);
IS(CS_ERR_TIMEOUT, 5);
IS(CS_ERR_TRY_AGAIN, 6);
IS(CS_ERR_INVALID_PARAM, 7);
IS(CS_ERR_NO_MEMORY, 8);
IS(CS_ERR_BAD_HANDLE, 9);
IS(CS_ERR_BUSY, 10);
IS(CS_ERR_ACCESS, 11);
IS(CS_ERR_NOT_EXIST, 12);
IS(CS_ERR_NAME_TOO_LONG, 13);
IS(CS_ERR_EXIST, 14);
IS(CS_ERR_NO_SPACE, 15);
IS(CS_ERR_INTERRUPT, 16);
IS(CS_ERR_NAME_NOT_FOUND, 17);
IS(CS_ERR_NO_RESOURCES, 18);
IS(CS_ERR_NOT_SUPPORTED, 19);
IS(CS_ERR_BAD_OPERATION, 20);
IS(CS_ERR_FAILED_OPERATION, 21);
IS(CS_ERR_MESSAGE_ERROR, 22);
IS(CS_ERR_QUEUE_FULL, 23);
IS(CS_ERR_QUEUE_NOT_AVAILABLE, 24);
IS(CS_ERR_BAD_FLAGS, 25);
IS(CS_ERR_TOO_BIG, 26);
IS(CS_ERR_NO_SECTIONS, 27);
IS(CS_ERR_CONTEXT_NOT_FOUND, 28);
IS(CS_ERR_TOO_MANY_GROUPS, 30);
IS(CS_ERR_SECURITY, 100);
IS(CS_DISPATCH_ONE, 1);
IS(CS_DISPATCH_ALL, 2);
IS(CS_DISPATCH_BLOCKING, 3);
IS(CS_DISPATCH_ONE_NONBLOCKING, 4);
IS(CS_TRUE, 1);
IS(CS_FALSE, 0);
IS(CS_MAX_NAME_LENGTH, 256);
IS(CS_IPC_TIMEOUT_MS, -1);
IS(CS_TRACK_CURRENT, 1);
IS(CS_TRACK_CHANGES, 2);
IS(CS_TRACK_CHANGES_ONLY, 4);
IS(CS_TIME_MS_IN_SEC, 1000);
IS(CS_TIME_US_IN_SEC, 1000000);
IS(CS_TIME_NS_IN_SEC, 1000000000);
IS(CS_TIME_US_IN_MSEC, 1000);
IS(CS_TIME_NS_IN_MSEC, 1000000);
IS(CS_TIME_NS_IN_USEC, 1000);
IS(CS_MAX(3, 4), 4);
IS(CS_TIME_END == 0x7fffffffffffffffLL, 1);
IS(sizeof(cs_time_t), 8);
IS(sizeof(cs_name_t), 258);
IS(sizeof(cs_version_t), 3);

/* A declaration of another type than the header's is an error. */
#ifdef __cplusplus
extern "C" {
#endif
cs_error_t sam_initialize(int, sam_recovery_policy_t);
cs_error_t sam_finalize(void);
cs_error_t sam_start(void);
cs_error_t sam_stop(void);
cs_error_t sam_warn_signal_set(int);
cs_error_t sam_register(unsigned int *);
cs_error_t sam_hc_send(void);
cs_error_t sam_hc_callback_register(int (*)(void));
cs_error_t sam_data_getsize(size_t *);
cs_error_t sam_data_restore(void *, size_t);
cs_error_t sam_data_store(const void *, size_t);
cs_error_t sam_mark_failed(void);
#ifdef __cplusplus
}
#endif

const char *words(void);

const char *words(void)
{
	return cs_timestamp_get() == 0 ? cs_strerror(CS_OK) : cs_strerror(CS_ERR_SECURITY);
}
