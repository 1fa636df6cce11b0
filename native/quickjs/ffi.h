/* Calls of C functions from JavaScript. */
#ifndef TSRUN_FFI_H
#define TSRUN_FFI_H

#include <quickjs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A C function the program may bind. The table is made by the build from the names src/ binds
 * (symbols.mjs); library is NULL for the C library. Ends with a name of NULL. */
struct symbol {
	const char *name;
	const char *library;
	const void *address;
};
extern const struct symbol symbols[];

/* A function that calls a symbol; an exception when there is none or the signature (engine.ts) is none. */
JSValue ffi_bind(JSContext *context, const char *name, const char *signature, const char *library);
/* errno as the last call left it. */
int ffi_errno(void);
/* While the snapshot is made no call is allowed: its result would be of another machine. */
void ffi_allow_calls(bool allowed);
/* -1: they are not, an exception is pending. */
int ffi_check_allowed(JSContext *context);
/* What is called instead of every function from now on, with the function's name; errno is left as by it. */
typedef long ffi_stand_in(const char *name, const long *arguments);
void ffi_set_stand_in(ffi_stand_in *given);
/* For calls that the host makes itself: false when there is no stand-in, and the call is to be made. */
bool ffi_stands_in(const char *name, const long *arguments, long *ret_result);

/* A number without fraction up to 2^53 or a bigint, modulo 2^64. -1: an exception is pending. */
int ffi_integer(JSContext *context, JSValueConst value, long *ret_integer);
/* A text without NUL, to be given back with JS_FreeCString; NULL for null. -1: an exception is pending. */
int ffi_string(JSContext *context, JSValueConst value, const char **ret_string);
/* The memory of a Uint8Array; valid until it is resized or collected. -1: an exception is pending. */
int ffi_bytes(JSContext *context, JSValueConst value, uint8_t **ret_bytes, size_t *ret_length);

#endif
