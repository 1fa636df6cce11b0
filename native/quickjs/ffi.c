/* Calls of C functions with integers, strings and buffers. Every parameter and result of the calls tsrun
 * makes is an integer or a pointer, which the calling conventions of x86-64 and arm64 pass alike in up to
 * eight registers and stack words; so one prototype of eight longs fits them all. */
#include "ffi.h"

#include <errno.h>
#include <string.h>

enum { PARAMETERS = 8 };
/* 2^53: up to here every integer is a double. */
static const double EXACT = 9007199254740992.0;

/* Variadic, because open, fcntl, ioctl, prctl and syscall are: x86-64 wants the number of vector
 * registers in al then, and other functions do not look at it. */
typedef long function(long, ...);

struct binding {
	function *call;
	char result;
	unsigned char count;
	char parameters[PARAMETERS];
};

static int saved_errno;
static bool calls_allowed = true;
static ffi_stand_in *stand_in;

void ffi_allow_calls(bool allowed)
{
	calls_allowed = allowed;
}

void ffi_set_stand_in(ffi_stand_in *given)
{
	stand_in = given;
	calls_allowed = true;
}

int ffi_check_allowed(JSContext *context)
{
	if (calls_allowed)
		return 0;
	JS_ThrowInternalError(context, "a C function was called by a module's top level");
	return -1;
}

bool ffi_stands_in(const char *name, const long *arguments, long *ret_result)
{
	if (__builtin_expect(stand_in == NULL, 1))
		return false;
	*ret_result = stand_in(name, arguments);
	return true;
}

int ffi_errno(void)
{
	return saved_errno;
}

int ffi_integer(JSContext *context, JSValueConst value, long *ret_integer)
{
	int64_t integer;
	double real;

	switch (JS_VALUE_GET_NORM_TAG(value)) {
	case JS_TAG_INT:
		*ret_integer = JS_VALUE_GET_INT(value);
		return 0;
	case JS_TAG_FLOAT64:
		real = JS_VALUE_GET_FLOAT64(value);
		if (!(real >= -EXACT && real <= EXACT) || real != (double)(int64_t)real) {
			JS_ThrowRangeError(context, "%f is no integer a C function could take", real);
			return -1;
		}
		*ret_integer = (int64_t)real;
		return 0;
	case JS_TAG_SHORT_BIG_INT:
	case JS_TAG_BIG_INT:
		if (JS_ToBigInt64(context, &integer, value) < 0)
			return -1;
		*ret_integer = integer;
		return 0;
	default:
		JS_ThrowTypeError(context, "an integer was expected");
		return -1;
	}
}

int ffi_bytes(JSContext *context, JSValueConst value, uint8_t **ret_bytes, size_t *ret_length)
{
	size_t offset, length, size;
	JSValue buffer = JS_GetTypedArrayBuffer(context, value, &offset, &length, NULL);
	if (JS_IsException(buffer))
		return -1;
	uint8_t *bytes = JS_GetArrayBuffer(context, &size, buffer);
	JS_FreeValue(context, buffer);
	if (bytes == NULL)
		return -1;
	*ret_bytes = bytes + offset;
	*ret_length = length;
	return 0;
}

static int to_pointer(JSContext *context, JSValueConst value, long *ret_pointer)
{
	uint8_t *bytes;
	size_t length;

	if (JS_IsNull(value)) {
		*ret_pointer = 0;
		return 0;
	}
	if (!JS_IsObject(value))
		return ffi_integer(context, value, ret_pointer);
	if (ffi_bytes(context, value, &bytes, &length) < 0)
		return -1;
	*ret_pointer = (long)(intptr_t)bytes;
	return 0;
}

int ffi_string(JSContext *context, JSValueConst value, const char **ret_string)
{
	size_t length;

	*ret_string = NULL;
	if (JS_IsNull(value))
		return 0;
	if (!JS_IsString(value)) {
		JS_ThrowTypeError(context, "a string was expected");
		return -1;
	}
	*ret_string = JS_ToCStringLen(context, &length, value);
	if (*ret_string == NULL)
		return -1;
	if (memchr(*ret_string, '\0', length) == NULL)
		return 0;
	/* Cut there, a path would name something else than what was checked. */
	JS_ThrowTypeError(context, "a string for a C function holds a NUL");
	return -1;
}

static const char *name_of(const struct binding *binding)
{
	for (const struct symbol *symbol = symbols; symbol->name != NULL; symbol++)
		if (memcmp(&binding->call, &symbol->address, sizeof binding->call) == 0)
			return symbol->name;
	return "";
}

static JSValue call(JSContext *context, JSValueConst this_value, int argc, JSValueConst *argv, int magic,
		    JSValue *data)
{
	long values[PARAMETERS] = { 0 };
	const char *strings[PARAMETERS] = { NULL };
	int64_t address;
	long result = 0;
	int failed = 0;
	(void)this_value;
	(void)magic;

	if (JS_ToInt64(context, &address, data[0]) < 0)
		return JS_EXCEPTION;
	const struct binding *binding = (const struct binding *)(intptr_t)address;
	if (argc != binding->count)
		return JS_ThrowTypeError(context, "%d arguments instead of %d", argc, binding->count);
	if (ffi_check_allowed(context) < 0)
		return JS_EXCEPTION;
	for (int i = 0; i < argc && failed == 0; i++) {
		switch (binding->parameters[i]) {
		case 's':
			failed = ffi_string(context, argv[i], &strings[i]);
			values[i] = (long)(intptr_t)strings[i];
			break;
		case 'p':
			failed = to_pointer(context, argv[i], &values[i]);
			break;
		default:
			failed = ffi_integer(context, argv[i], &values[i]);
		}
	}
	if (failed == 0 && __builtin_expect(stand_in != NULL, 0)) {
		result = stand_in(name_of(binding), values);
		saved_errno = errno;
	} else if (failed == 0) {
		result = binding->call(values[0], values[1], values[2], values[3], values[4], values[5],
				       values[6], values[7]);
		saved_errno = errno;
	}
	for (int i = 0; i < argc; i++)
		if (strings[i] != NULL)
			JS_FreeCString(context, strings[i]);
	if (failed != 0)
		return JS_EXCEPTION;
	if (binding->result == 'i')
		return JS_NewInt32(context, (int32_t)result);
	return binding->result == 'l' ? JS_NewInt64(context, result) : JS_NewInt32(context, 0);
}

static const struct symbol *find_symbol(const char *name, const char *library)
{
	for (const struct symbol *symbol = symbols; symbol->name != NULL; symbol++)
		if (strcmp(symbol->name, name) == 0 &&
		    (library == NULL ? symbol->library == NULL
				     : symbol->library != NULL && strcmp(symbol->library, library) == 0))
			return symbol;
	return NULL;
}

/* `i:isp`: the result, a colon, the parameters. */
static bool parse_signature(const char *signature, struct binding *binding)
{
	if (signature[0] == '\0' || strchr("ilv", signature[0]) == NULL || signature[1] != ':')
		return false;
	size_t count = strlen(signature + 2);
	if (count > PARAMETERS || strspn(signature + 2, "isp") != count)
		return false;
	binding->result = signature[0];
	binding->count = (unsigned char)count;
	memcpy(binding->parameters, signature + 2, count);
	return true;
}

JSValue ffi_bind(JSContext *context, const char *name, const char *signature, const char *library)
{
	const struct symbol *symbol = find_symbol(name, library);
	if (symbol == NULL)
		return JS_ThrowReferenceError(context, "%s%s%s: no such function", library ? library : "",
					      library ? ": " : "", name);
	struct binding *binding = js_mallocz(context, sizeof *binding);
	if (binding == NULL)
		return JS_EXCEPTION;
	if (!parse_signature(signature, binding)) {
		js_free(context, binding);
		return JS_ThrowTypeError(context, "%s: no signature is \"%s\"", name, signature);
	}
	memcpy(&binding->call, &symbol->address, sizeof binding->call);
	JSValue address = JS_NewInt64(context, (int64_t)(intptr_t)binding);
	/* The binding is never given back: functions are bound once a process. */
	return JS_NewCFunctionData(context, call, binding->count, 0, 1, &address);
}
