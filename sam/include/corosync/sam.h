/*
 * The availability manager: supervises the program that it is linked into. Compatible
 * with corosync's libsam; sam_overview(3) tells how to use it.
 *
 * Every function may be called from every thread and from the handler of the warn signal.
 * Each returns CS_OK, or one of the errors that are listed with it.
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

/* What follows when the program fails: it hangs, crashes, or exits with another code than 0. */
typedef enum {
	SAM_RECOVERY_POLICY_QUIT = 1,           /* the supervisor ends as the program did */
	SAM_RECOVERY_POLICY_RESTART = 2,        /* the next instance */
	SAM_RECOVERY_POLICY_QUORUM = 0x08,      /* flag: only while the cluster is quorate */
	SAM_RECOVERY_POLICY_QUORUM_QUIT =
		SAM_RECOVERY_POLICY_QUORUM | SAM_RECOVERY_POLICY_QUIT,
	SAM_RECOVERY_POLICY_QUORUM_RESTART =
		SAM_RECOVERY_POLICY_QUORUM | SAM_RECOVERY_POLICY_RESTART,
	SAM_RECOVERY_POLICY_CMAP = 0x10,        /* flag: the cluster's map shows the state */
	SAM_RECOVERY_POLICY_CONFDB = 0x10       /* its older name */
} sam_recovery_policy_t;

/*
 * Once, before all others. time_interval: milliseconds that may pass without a sign of
 * life, and from the warn signal to SIGKILL; 0: only how the program ends counts.
 *
 * CS_ERR_BAD_HANDLE: it was called before.
 * CS_ERR_INVALID_PARAM: the interval is negative, or the policy is none.
 * CS_ERR_NOT_SUPPORTED: a policy with QUORUM or CMAP.
 */
cs_error_t sam_initialize(int time_interval, sam_recovery_policy_t recovery_policy);

/*
 * Makes the calling process the supervisor, and returns in a child of it, the first
 * instance, and in every further one. instance_id: NULL, or where the number of the
 * instance goes, from 1. The process must have no other threads yet.
 *
 * CS_ERR_BAD_HANDLE: not initialized, registered already, or finalized.
 * CS_ERR_BAD_OPERATION: there are other threads.
 * CS_ERR_INVALID_PARAM: a value from the environment makes no sense.
 * CS_ERR_LIBRARY, CS_ERR_NO_MEMORY: the operating system refused; see errno.
 */
cs_error_t sam_register(unsigned int *instance_id);

/*
 * Nothing is checked any more, and however the program ends, no further instance follows.
 *
 * CS_ERR_BAD_HANDLE: not initialized, or finalized already.
 */
cs_error_t sam_finalize(void);

/* ---- signs of life ---- */

/*
 * From here on the program gives a sign of life at least once in an interval.
 *
 * CS_ERR_BAD_HANDLE: not registered, started already, or finalized.
 */
cs_error_t sam_start(void);

/*
 * From here on silence is no failure, until the next sam_start.
 *
 * CS_ERR_BAD_HANDLE: not started.
 */
cs_error_t sam_stop(void);

/*
 * A sign of life. No system call; async-signal-safe.
 *
 * CS_ERR_BAD_HANDLE: not started.
 */
cs_error_t sam_hc_send(void);

/* 0: the program is well. */
typedef int (*sam_hc_callback_t)(void);

/*
 * While the program is started, a thread of the library calls cb once in an interval, and
 * that it returns 0 is the sign of life. NULL: sam_hc_send is it again.
 *
 * CS_ERR_BAD_HANDLE: not registered, started, or finalized.
 * CS_ERR_LIBRARY: the thread could not be made; see errno.
 */
cs_error_t sam_hc_callback_register(sam_hc_callback_t cb);

/* ---- failure ---- */

/*
 * The signal that warns a program that gave no sign of life; SIGTERM unless it is set.
 * With SIGKILL there is no warning. Before sam_register for all instances, afterwards for
 * the one that calls it.
 *
 * CS_ERR_BAD_HANDLE: not initialized, or finalized.
 * CS_ERR_INVALID_PARAM: no signal, or SIGSTOP.
 */
cs_error_t sam_warn_signal_set(int warn_signal);

/*
 * The program has failed, and the cluster is to know. For policies with CMAP.
 *
 * CS_ERR_BAD_HANDLE: not initialized, or finalized.
 * CS_ERR_INVALID_PARAM: the policy has no CMAP in it.
 */
cs_error_t sam_mark_failed(void);

/* ---- stored data ---- */

/*
 * How many bytes are stored; 0 if none.
 *
 * All three: CS_ERR_BAD_HANDLE: not initialized, or finalized.
 *            CS_ERR_TRY_AGAIN: in a signal's handler that interrupted one of them.
 * CS_ERR_INVALID_PARAM: size is NULL.
 */
cs_error_t sam_data_getsize(size_t *size);

/*
 * Copies what is stored to data, which has room for size bytes.
 *
 * CS_ERR_INVALID_PARAM: data is NULL, or more than size bytes are stored.
 * CS_ERR_FAILED_OPERATION: the memory of stored data was overwritten.
 */
cs_error_t sam_data_restore(void *data, size_t size);

/*
 * Stores size bytes in place of what was stored; with NULL, nothing. Once it has returned,
 * the next instance finds the new data, and until then the old, whole.
 *
 * CS_ERR_NO_MEMORY: no room for as much; what was stored stays.
 */
cs_error_t sam_data_store(const void *data, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* COROSYNC_SAM_H_DEFINED */
