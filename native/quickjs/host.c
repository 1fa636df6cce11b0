/* The object `tsrunHost`: the Engine interface of src/engine/engine.ts, function by function. */
#include "host.h"
#include "encode.h"
#include "ffi.h"
#include "files.h"
#include "import.h"
#include "utf8.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* In the snapshot: the program's top level gives it. */
static struct {
	JSValue function;
	bool given;
} start __attribute__((section("tsrun_heap"), no_reorder));

static int argument_count;
static char **arguments;

void host_set_arguments(int argc, char **argv)
{
	argument_count = argc;
	arguments = argv;
}

JSValue host_start_function(JSContext *context)
{
	return start.given ? JS_DupValue(context, start.function) : JS_UNDEFINED;
}

void host_forget_start_function(JSContext *context)
{
	if (start.given)
		JS_FreeValue(context, start.function);
	start.given = false;
}

static JSValue host_bind(JSContext *context, JSValueConst this_value, int argc, JSValueConst *argv)
{
	JSValue function = JS_EXCEPTION;
	const char *library = NULL;
	bool has_library = argc > 2 && !JS_IsUndefined(argv[2]) && !JS_IsNull(argv[2]);
	(void)this_value;

	const char *name = JS_ToCString(context, argv[0]);
	const char *signature = JS_ToCString(context, argv[1]);
	if (has_library)
		library = JS_ToCString(context, argv[2]);
	if (name != NULL && signature != NULL && (!has_library || library != NULL))
		function = ffi_bind(context, name, signature, library);
	if (library != NULL)
		JS_FreeCString(context, library);
	if (signature != NULL)
		JS_FreeCString(context, signature);
	if (name != NULL)
		JS_FreeCString(context, name);
	return function;
}

static JSValue host_errno(JSContext *context, JSValueConst this_value, int argc, JSValueConst *argv)
{
	(void)this_value, (void)argc, (void)argv;
	return JS_NewInt32(context, ffi_errno());
}

static JSValue host_address(JSContext *context, JSValueConst this_value, int argc, JSValueConst *argv)
{
	uint8_t *bytes;
	size_t length;
	(void)this_value, (void)argc;

	if (ffi_bytes(context, argv[0], &bytes, &length) < 0)
		return JS_EXCEPTION;
	return JS_NewBigInt64(context, (int64_t)(intptr_t)bytes);
}

static JSValue new_bytes(JSContext *context, JSValue buffer)
{
	if (JS_IsException(buffer))
		return buffer;
	JSValueConst whole[] = { buffer, JS_UNDEFINED, JS_UNDEFINED };
	JSValue bytes = JS_NewTypedArray(context, 3, whole, JS_TYPED_ARRAY_UINT8);
	JS_FreeValue(context, buffer);
	return bytes;
}

static JSValue host_peek(JSContext *context, JSValueConst this_value, int argc, JSValueConst *argv)
{
	long address, length;
	(void)this_value, (void)argc;

	if (ffi_integer(context, argv[0], &address) < 0 || ffi_integer(context, argv[1], &length) < 0)
		return JS_EXCEPTION;
	if (length < 0 || (address == 0 && length != 0))
		return JS_ThrowRangeError(context, "no memory lies there");
	return new_bytes(context, JS_NewArrayBufferCopy(context, (const uint8_t *)(intptr_t)address,
							(size_t)length));
}

JSValue host_text(JSContext *context, const unsigned char *text, size_t length)
{
	if (utf8_valid_prefix(text, length) == length)
		return JS_NewStringLen(context, (const char *)text, length);
	unsigned char *repaired = js_malloc(context, length * 3);
	if (repaired == NULL)
		return JS_EXCEPTION;
	length = utf8_repair(text, length, repaired);
	JSValue string = JS_NewStringLen(context, (const char *)repaired, length);
	js_free(context, repaired);
	return string;
}

/* A bound of a range of bytes: what is absent is `otherwise`, what lies outside is an exception. */
static int to_bound(JSContext *context, JSValueConst value, size_t otherwise, size_t least, size_t most,
		    size_t *ret_bound)
{
	long bound;

	*ret_bound = otherwise;
	if (JS_IsUndefined(value))
		return 0;
	if (ffi_integer(context, value, &bound) < 0)
		return -1;
	*ret_bound = (size_t)bound;
	if (bound >= 0 && *ret_bound >= least && *ret_bound <= most)
		return 0;
	JS_ThrowRangeError(context, "no byte %ld", bound);
	return -1;
}

static JSValue host_decode(JSContext *context, JSValueConst this_value, int argc, JSValueConst *argv)
{
	uint8_t *bytes;
	size_t length, from, to;
	(void)this_value, (void)argc;

	if (ffi_bytes(context, argv[0], &bytes, &length) < 0 ||
	    to_bound(context, argv[1], 0, 0, length, &from) < 0 ||
	    to_bound(context, argv[2], length, from, length, &to) < 0)
		return JS_EXCEPTION;
	return host_text(context, bytes + from, to - from);
}

static JSValue host_encode_into(JSContext *context, JSValueConst this_value, int argc,
				JSValueConst *argv)
{
	uint8_t *bytes;
	size_t size, offset, length;
	(void)this_value, (void)argc;

	if (ffi_bytes(context, argv[1], &bytes, &size) < 0 ||
	    to_bound(context, argv[2], 0, 0, size, &offset) < 0)
		return JS_EXCEPTION;
	const char *text = JS_ToCStringLen(context, &length, argv[0]);
	if (text == NULL)
		return JS_EXCEPTION;
	JSValue written = JS_NewInt32(context, -1);
	if (!utf8_speakable((const unsigned char *)text, length))
		written = JS_ThrowRangeError(context, "a text for C holds NUL or half a pair");
	else if (length <= size - offset) {
		memcpy(bytes + offset, text, length);
		written = JS_NewInt64(context, (int64_t)length);
	}
	JS_FreeCString(context, text);
	return written;
}

static JSValue host_encode(JSContext *context, JSValueConst this_value, int argc, JSValueConst *argv)
{
	uint8_t *bytes;
	size_t length;
	(void)this_value, (void)argc;

	const char *text = JS_ToCStringLen(context, &length, argv[0]);
	if (text == NULL)
		return JS_EXCEPTION;
	JSValue encoded =
		new_bytes(context, JS_NewArrayBufferCopy(context, (const uint8_t *)text, length));
	JS_FreeCString(context, text);
	if (!JS_IsException(encoded) && ffi_bytes(context, encoded, &bytes, &length) == 0)
		utf8_replace_surrogates(bytes, length);
	return encoded;
}

static JSValue new_strings(JSContext *context, char **strings)
{
	JSValue array = JS_NewArray(context);
	for (uint32_t i = 0; !JS_IsException(array) && strings[i] != NULL; i++) {
		JSValue string =
			host_text(context, (const unsigned char *)strings[i], strlen(strings[i]));
		if (JS_IsException(string) || JS_SetPropertyUint32(context, array, i, string) < 0) {
			JS_FreeValue(context, array);
			array = JS_EXCEPTION;
		}
	}
	return array;
}

static JSValue host_args(JSContext *context, JSValueConst this_value, int argc, JSValueConst *argv)
{
	static char *none[] = { NULL };
	(void)this_value, (void)argc, (void)argv;
	return new_strings(context, argument_count > 0 ? arguments + 1 : none);
}

static JSValue host_environ(JSContext *context, JSValueConst this_value, int argc, JSValueConst *argv)
{
	(void)this_value, (void)argc, (void)argv;
	return new_strings(context, environ);
}

/* The program's own file: what was called by a relative name is still found after a chdir. */
static JSValue host_self(JSContext *context, JSValueConst this_value, int argc, JSValueConst *argv)
{
	char path[PATH_MAX];
	char *self[] = { path, NULL };
	(void)this_value, (void)argc, (void)argv;

	ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
	if (length > 0)
		path[length] = '\0';
	else if (argument_count > 0)
		self[0] = arguments[0];
	else
		self[0] = NULL;
	return new_strings(context, self);
}

static JSValue host_image(JSContext *context, JSValueConst this_value, int argc, JSValueConst *argv)
{
	(void)this_value, (void)argc, (void)argv;
	/* cppcheck-suppress comparePointers ; the two ends of one object (modules.mjs) */
	size_t length = (size_t)(executor_image_end - executor_image);

	/* Read-only data, not copied: whoever writes to it is killed by SIGSEGV. */
	uint8_t *image = (uint8_t *)(uintptr_t)executor_image;
	return new_bytes(context, JS_NewArrayBuffer(context, image, length, NULL, NULL, 0));
}

static JSValue host_exit(JSContext *context, JSValueConst this_value, int argc, JSValueConst *argv)
{
	long status;
	(void)this_value, (void)argc;

	if (ffi_integer(context, argv[0], &status) < 0)
		return JS_EXCEPTION;
	_exit((int)status); /* nothing is buffered, and memory need not be given back */
}

static JSValue host_on_start(JSContext *context, JSValueConst this_value, int argc, JSValueConst *argv)
{
	(void)this_value, (void)argc;
	if (!JS_IsFunction(context, argv[0]) || start.given)
		return JS_ThrowTypeError(context, "onStart takes one function, once");
	start.function = JS_DupValue(context, argv[0]);
	start.given = true;
	return JS_UNDEFINED;
}

static const JSCFunctionListEntry host_functions[] = {
	JS_CFUNC_DEF("bind", 3, host_bind),
	JS_CFUNC_DEF("errno", 0, host_errno),
	JS_CFUNC_DEF("address", 1, host_address),
	JS_CFUNC_DEF("peek", 2, host_peek),
	JS_CFUNC_DEF("decodeUtf8", 3, host_decode),
	JS_CFUNC_DEF("encodeUtf8", 1, host_encode),
	JS_CFUNC_DEF("encodeInto", 3, host_encode_into),
	JS_CFUNC_DEF("readText", 2, files_read_text),
	JS_CFUNC_DEF("encodeSteps", 2, encode_steps),
	JS_CFUNC_DEF("args", 0, host_args),
	JS_CFUNC_DEF("environ", 0, host_environ),
	JS_CFUNC_DEF("self", 0, host_self),
	JS_CFUNC_DEF("executorImage", 0, host_image),
	JS_CFUNC_DEF("exit", 1, host_exit),
	JS_CFUNC_DEF("import", 1, import_module),
	JS_CFUNC_DEF("onStart", 1, host_on_start),
#if defined(__x86_64__)
	JS_PROP_STRING_DEF("machine", "x86_64", JS_PROP_ENUMERABLE),
#elif defined(__aarch64__)
	JS_PROP_STRING_DEF("machine", "aarch64", JS_PROP_ENUMERABLE),
#endif
};

JSValue host_new(JSContext *context)
{
	JSValue host = JS_NewObject(context);
	if (!JS_IsException(host))
		JS_SetPropertyFunctionList(context, host, host_functions,
					   sizeof host_functions / sizeof host_functions[0]);
	return host;
}
