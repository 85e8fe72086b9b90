/*
 * The types of corosync's libraries that programs name, with the same values.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef COROTYPES_H_DEFINED
#define COROTYPES_H_DEFINED

#include <errno.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What functions return. No status has the number 29. */
typedef enum {
	CS_OK = 1,
	CS_ERR_LIBRARY = 2,             /* the operating system refused; see errno */
	CS_ERR_VERSION = 3,
	CS_ERR_INIT = 4,
	CS_ERR_TIMEOUT = 5,
	CS_ERR_TRY_AGAIN = 6,
	CS_ERR_INVALID_PARAM = 7,
	CS_ERR_NO_MEMORY = 8,
	CS_ERR_BAD_HANDLE = 9,          /* the call makes no sense at this stage */
	CS_ERR_BUSY = 10,
	CS_ERR_ACCESS = 11,
	CS_ERR_NOT_EXIST = 12,
	CS_ERR_NAME_TOO_LONG = 13,
	CS_ERR_EXIST = 14,
	CS_ERR_NO_SPACE = 15,
	CS_ERR_INTERRUPT = 16,
	CS_ERR_NAME_NOT_FOUND = 17,
	CS_ERR_NO_RESOURCES = 18,
	CS_ERR_NOT_SUPPORTED = 19,
	CS_ERR_BAD_OPERATION = 20,
	CS_ERR_FAILED_OPERATION = 21,
	CS_ERR_MESSAGE_ERROR = 22,
	CS_ERR_QUEUE_FULL = 23,
	CS_ERR_QUEUE_NOT_AVAILABLE = 24,
	CS_ERR_BAD_FLAGS = 25,
	CS_ERR_TOO_BIG = 26,
	CS_ERR_NO_SECTIONS = 27,
	CS_ERR_CONTEXT_NOT_FOUND = 28,
	CS_ERR_TOO_MANY_GROUPS = 30,
	CS_ERR_SECURITY = 100
} cs_error_t;

/* Nanoseconds. */
typedef int64_t cs_time_t;

#define CS_TIME_END ((cs_time_t)INT64_MAX)
#define CS_TIME_MS_IN_SEC 1000ULL
#define CS_TIME_US_IN_SEC 1000000ULL
#define CS_TIME_NS_IN_SEC 1000000000ULL
#define CS_TIME_US_IN_MSEC 1000ULL
#define CS_TIME_NS_IN_MSEC 1000000ULL
#define CS_TIME_NS_IN_USEC 1000ULL

#define CS_FALSE 0
#define CS_TRUE !CS_FALSE
#define CS_MAX(x, y) (((x) > (y)) ? (x) : (y))
#define CS_MAX_NAME_LENGTH 256
#define CS_IPC_TIMEOUT_MS -1

#define CS_TRACK_CURRENT 0x01
#define CS_TRACK_CHANGES 0x02
#define CS_TRACK_CHANGES_ONLY 0x04

typedef struct {
	uint16_t length;
	uint8_t value[CS_MAX_NAME_LENGTH];
} cs_name_t;

typedef struct {
	char releaseCode;
	unsigned char majorVersion;
	unsigned char minorVersion;
} cs_version_t;

typedef enum {
	CS_DISPATCH_ONE = 1,
	CS_DISPATCH_ALL = 2,
	CS_DISPATCH_BLOCKING = 3,
	CS_DISPATCH_ONE_NONBLOCKING = 4
} cs_dispatch_flags_t;

/*
 * A status in words. The function is in this header, and not in a library, so that programs
 * that are linked with libsam alone have it.
 */
static inline const char *cs_strerror(cs_error_t err)
{
	switch (err) {
	case CS_OK: return "success";
	case CS_ERR_LIBRARY: return "refused by the operating system";
	case CS_ERR_VERSION: return "wrong version";
	case CS_ERR_INIT: return "initialization failed";
	case CS_ERR_TIMEOUT: return "no answer in time";
	case CS_ERR_TRY_AGAIN: return "not now; try again";
	case CS_ERR_INVALID_PARAM: return "invalid argument";
	case CS_ERR_NO_MEMORY: return "out of memory";
	case CS_ERR_BAD_HANDLE: return "not possible at this stage";
	case CS_ERR_BUSY: return "busy";
	case CS_ERR_ACCESS: return "not permitted";
	case CS_ERR_NOT_EXIST: return "not there";
	case CS_ERR_NAME_TOO_LONG: return "name too long";
	case CS_ERR_EXIST: return "there already";
	case CS_ERR_NO_SPACE: return "out of space";
	case CS_ERR_INTERRUPT: return "interrupted by a signal";
	case CS_ERR_NAME_NOT_FOUND: return "no such name";
	case CS_ERR_NO_RESOURCES: return "out of resources";
	case CS_ERR_NOT_SUPPORTED: return "not supported";
	case CS_ERR_BAD_OPERATION: return "operation not possible";
	case CS_ERR_FAILED_OPERATION: return "operation failed";
	case CS_ERR_MESSAGE_ERROR: return "damaged message";
	case CS_ERR_QUEUE_FULL: return "queue full";
	case CS_ERR_QUEUE_NOT_AVAILABLE: return "no queue";
	case CS_ERR_BAD_FLAGS: return "invalid flags";
	case CS_ERR_TOO_BIG: return "too big";
	case CS_ERR_NO_SECTIONS: return "no sections";
	case CS_ERR_CONTEXT_NOT_FOUND: return "no such context";
	case CS_ERR_TOO_MANY_GROUPS: return "too many groups";
	case CS_ERR_SECURITY: return "refused for security";
	}
	return "unknown status";
}

/* Nanoseconds since some moment in the past. The number never decreases. */
static inline uint64_t cs_timestamp_get(void)
{
#if defined CLOCK_MONOTONIC
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * CS_TIME_NS_IN_SEC + (uint64_t)now.tv_nsec;
#else
	struct timeval now;

	gettimeofday(&now, NULL);
	return (uint64_t)now.tv_sec * CS_TIME_NS_IN_SEC +
		(uint64_t)now.tv_usec * CS_TIME_NS_IN_USEC;
#endif
}

#ifdef __cplusplus
}
#endif

#endif /* COROTYPES_H_DEFINED */
