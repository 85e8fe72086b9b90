/*
 * The availability manager: supervises the program that it is linked into. It is compatible
 * with corosync's libsam; sam_overview(3) says how to use it.
 *
 * Every thread, and the handler of the warning signal, may call every function. Each function
 * returns CS_OK, or one of the errors that are listed with it.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef COROSYNC_SAM_H_DEFINED
#define COROSYNC_SAM_H_DEFINED

#include <stddef.h>

#include <corosync/corotypes.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- life ---- */

/* What follows when the program fails: it hangs, crashes, or exits with another status than 0. */
typedef enum {
	SAM_RECOVERY_POLICY_QUIT = 1,           /* the supervisor ends as the program did */
	SAM_RECOVERY_POLICY_RESTART = 2,        /* the supervisor starts the next instance */
	SAM_RECOVERY_POLICY_QUORUM = 0x08,      /* flag: only while the cluster is quorate */
	SAM_RECOVERY_POLICY_QUORUM_QUIT =
		SAM_RECOVERY_POLICY_QUORUM | SAM_RECOVERY_POLICY_QUIT,
	SAM_RECOVERY_POLICY_QUORUM_RESTART =
		SAM_RECOVERY_POLICY_QUORUM | SAM_RECOVERY_POLICY_RESTART,
	SAM_RECOVERY_POLICY_CMAP = 0x10,        /* flag: the cluster's map shows the state */
	SAM_RECOVERY_POLICY_CONFDB = 0x10       /* the older name of CMAP */
} sam_recovery_policy_t;

/*
 * Call this once, before all other functions. time_interval: how many milliseconds may pass
 * without a sign of life, and how many lie between the warning signal and SIGKILL. With 0
 * only the way in which the program ends counts.
 *
 * CS_ERR_BAD_HANDLE: the program has called it before.
 * CS_ERR_INVALID_PARAM: the interval is negative, or there is no such policy.
 * CS_ERR_NOT_SUPPORTED: the policy has QUORUM or CMAP in it.
 */
cs_error_t sam_initialize(int time_interval, sam_recovery_policy_t recovery_policy);

/*
 * Makes the calling process the supervisor, and returns in each of its instances, which are
 * children of it. If instance_id is not NULL, the number of the instance is written there,
 * from 1 on. The process must have no other threads.
 *
 * CS_ERR_BAD_HANDLE: not initialized, registered already, or finalized.
 * CS_ERR_BAD_OPERATION: there are other threads.
 * CS_ERR_INVALID_PARAM: a variable of the environment has a value that sam does not take.
 * CS_ERR_LIBRARY, CS_ERR_NO_MEMORY: the operating system refused; see errno.
 */
cs_error_t sam_register(unsigned int *instance_id);

/*
 * Ends supervision: nothing is checked any more, and however the program ends, no further
 * instance follows.
 *
 * CS_ERR_BAD_HANDLE: not initialized, or finalized already.
 */
cs_error_t sam_finalize(void);

/* ---- signs of life ---- */

/*
 * Begins the check: from now on the program gives a sign of life at least once an interval.
 *
 * CS_ERR_BAD_HANDLE: not registered, started already, or finalized.
 */
cs_error_t sam_start(void);

/*
 * Pauses the check: silence is no failure until the next sam_start.
 *
 * CS_ERR_BAD_HANDLE: not started.
 */
cs_error_t sam_stop(void);

/*
 * Gives a sign of life. It makes no system call and is async-signal-safe.
 *
 * CS_ERR_BAD_HANDLE: not started.
 */
cs_error_t sam_hc_send(void);

/* Returns 0 if the program is well. */
typedef int (*sam_hc_callback_t)(void);

/*
 * While the program is started, a thread of the library calls cb once an interval. If cb
 * returns 0, that is a sign of life. After a call with NULL, sam_hc_send gives signs of life
 * again.
 *
 * CS_ERR_BAD_HANDLE: not registered, started, or finalized.
 * CS_ERR_LIBRARY: the system makes no thread; see errno.
 */
cs_error_t sam_hc_callback_register(sam_hc_callback_t cb);

/* ---- failure ---- */

/*
 * Sets the signal that warns a program that gave no sign of life. With SIGKILL there is no
 * warning. A call before sam_register is for all instances, a later one for the instance that
 * calls. Default: SIGTERM.
 *
 * CS_ERR_BAD_HANDLE: not initialized, or finalized.
 * CS_ERR_INVALID_PARAM: there is no such signal, or it is SIGSTOP.
 */
cs_error_t sam_warn_signal_set(int warn_signal);

/*
 * Tells the cluster that the program has failed, under a policy with CMAP.
 *
 * CS_ERR_BAD_HANDLE: not initialized, or finalized.
 * CS_ERR_INVALID_PARAM: the policy has no CMAP in it.
 */
cs_error_t sam_mark_failed(void);

/* ---- stored data ---- */

/*
 * Writes how many bytes are stored; 0 if nothing is.
 *
 * CS_ERR_BAD_HANDLE: not initialized, or finalized. (All three functions.)
 * CS_ERR_TRY_AGAIN: a signal handler that has interrupted one of the three calls this.
 *                   (All three functions.)
 * CS_ERR_INVALID_PARAM: size is NULL.
 */
cs_error_t sam_data_getsize(size_t *size);

/*
 * Copies what is stored to data, which has room for size bytes.
 *
 * CS_ERR_INVALID_PARAM: data is NULL, or more than size bytes are stored.
 * CS_ERR_FAILED_OPERATION: the program has overwritten the memory of stored data.
 */
cs_error_t sam_data_restore(void *data, size_t size);

/*
 * Stores size bytes in place of what was stored. If data is NULL, erases what was stored.
 * Once the call has returned, the next instance finds the new data; until then it finds the
 * old data, whole.
 *
 * CS_ERR_NO_MEMORY: there is no room for that many bytes; what was stored stays.
 */
cs_error_t sam_data_store(const void *data, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* COROSYNC_SAM_H_DEFINED */
