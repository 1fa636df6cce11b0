/* The twin of src/engine/readText.ts: no JavaScript runs between the calls. */
#include "files.h"
#include "ffi.h"
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { FLAGS = O_RDONLY | O_CLOEXEC, FIRST_BYTES = 16 << 10 };

/* Nearly all files are shorter; of its pages only those are touched that a file needs. */
static unsigned char first[FIRST_BYTES];

struct contents {
	unsigned char *bytes; /* `first`, or js_malloc's */
	size_t size;
	size_t length;
};

static int open_file(int dirfd, const char *path)
{
	const long arguments[] = { dirfd, (long)(intptr_t)path, FLAGS, 0 };
	long result;

	do
		result = ffi_stands_in("openat", arguments, &result) ? result : openat(dirfd, path, FLAGS);
	while (result < 0 && errno == EINTR);
	return (int)result;
}

static ssize_t read_some(int fd, unsigned char *bytes, size_t size)
{
	const long arguments[] = { fd, (long)(intptr_t)bytes, (long)size };
	long result;

	do
		result = ffi_stands_in("read", arguments, &result) ? result : read(fd, bytes, size);
	while (result < 0 && errno == EINTR);
	return result;
}

static int close_file(int fd)
{
	const long arguments[] = { fd };
	long result;

	return ffi_stands_in("close", arguments, &result) ? (int)result : close(fd);
}

/* -1: an exception is pending. */
static int enlarge(JSContext *context, struct contents *contents)
{
	bool is_first = contents->bytes == first;
	unsigned char *larger = js_realloc(context, is_first ? NULL : contents->bytes, contents->size * 2);

	if (larger == NULL)
		return -1;
	if (is_first)
		memcpy(larger, first, contents->length);
	contents->bytes = larger;
	contents->size *= 2;
	return 0;
}

/* A file of /proc may come in pieces: only a read of nothing is the end. *ret_error: what read(2) failed with, or 0. */
static int read_all(JSContext *context, int fd, struct contents *contents, int *ret_error)
{
	*ret_error = 0;
	for (;;) {
		if (contents->length == contents->size && enlarge(context, contents) < 0)
			return -1;
		ssize_t count = read_some(fd, contents->bytes + contents->length, contents->size - contents->length);
		if (count < 0)
			*ret_error = errno;
		if (count <= 0)
			return 0;
		contents->length += (size_t)count;
	}
}

static JSValue failure_of(JSContext *context, const char *call, int error)
{
	JSValue failure = JS_NewObject(context);

	if (JS_IsException(failure))
		return failure;
	if (JS_SetPropertyStr(context, failure, "call", JS_NewString(context, call)) < 0 ||
	    JS_SetPropertyStr(context, failure, "errno", JS_NewInt32(context, error)) < 0) {
		JS_FreeValue(context, failure);
		return JS_EXCEPTION;
	}
	return failure;
}

static JSValue read_text(JSContext *context, int dirfd, const char *path)
{
	struct contents contents = { .bytes = first, .size = sizeof first };
	JSValue text = JS_EXCEPTION;
	int error;

	int fd = open_file(dirfd, path);
	if (fd < 0)
		return failure_of(context, "openat", errno);
	int failed = read_all(context, fd, &contents, &error);
	int close_error = close_file(fd) < 0 ? errno : 0;
	if (failed == 0 && error != 0)
		text = failure_of(context, "read", error);
	else if (failed == 0 && close_error != 0)
		text = failure_of(context, "close", close_error);
	else if (failed == 0)
		text = host_text(context, contents.bytes, contents.length);
	if (contents.bytes != first)
		js_free(context, contents.bytes);
	return text;
}

JSValue files_read_text(JSContext *context, JSValueConst this_value, int argc, JSValueConst *argv)
{
	const char *path;
	long dirfd;
	(void)this_value, (void)argc;

	if (ffi_check_allowed(context) < 0 || ffi_integer(context, argv[0], &dirfd) < 0 ||
	    ffi_string(context, argv[1], &path) < 0)
		return JS_EXCEPTION;
	if (path == NULL)
		return JS_ThrowTypeError(context, "a file has a path");
	JSValue text = read_text(context, (int)dirfd, path);
	JS_FreeCString(context, path);
	return text;
}
