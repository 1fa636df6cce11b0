/* Values of JavaScript as bytes, one behind the other. */
#include "output.h"
#include "ffi.h"
#include "utf8.h"

#include <stdbool.h>
#include <string.h>

enum { FIRST_BYTES = 8192 };

int output_refuse(const struct output *output, const char *what)
{
	JS_ThrowRangeError(output->context, "%s cannot be encoded", what);
	return -1;
}

/* Room for so many bytes at the end; NULL: an exception is pending. */
static uint8_t *room(struct output *output, size_t count)
{
	if (count > UINT32_MAX - output->length) {
		output_refuse(output, "4 GiB");
		return NULL;
	}
	if (output->length + count > output->size) {
		size_t size = output->size == 0 ? FIRST_BYTES : output->size * 2;
		if (size < output->length + count)
			size = output->length + count;
		uint8_t *larger = js_realloc(output->context, output->bytes, size);
		if (larger == NULL)
			return NULL;
		output->bytes = larger;
		output->size = size;
	}
	output->length += count;
	return output->bytes + output->length - count;
}

/* x86-64 and arm64 are little-endian both. */
static int put(struct output *output, const void *bytes, size_t length)
{
	uint8_t *at = room(output, length);
	if (at == NULL)
		return -1;
	memcpy(at, bytes, length);
	return 0;
}

int put_u32(struct output *output, uint32_t value)
{
	return put(output, &value, sizeof value);
}

/* An integer from least to most, which 32 bits hold. */
static int put_integer(struct output *output, JSValueConst value, int64_t least, int64_t most)
{
	int64_t integer;

	if (JS_VALUE_GET_NORM_TAG(value) == JS_TAG_INT) {
		integer = JS_VALUE_GET_INT(value);
	} else if (JS_TAG_IS_FLOAT64(JS_VALUE_GET_TAG(value))) {
		double real = JS_VALUE_GET_FLOAT64(value);
		if (!(real >= (double)least && real <= (double)most) || real != (double)(int64_t)real)
			return output_refuse(output, "a number that does not fit");
		integer = (int64_t)real;
	} else {
		return output_refuse(output, "what is no number");
	}
	if (integer < least || integer > most)
		return output_refuse(output, "a number that does not fit");
	return put_u32(output, (uint32_t)integer);
}

int put_unsigned(struct output *output, JSValueConst value)
{
	return put_integer(output, value, 0, UINT32_MAX);
}

int put_signed(struct output *output, JSValueConst value)
{
	return put_integer(output, value, INT32_MIN, INT32_MAX);
}

int put_u64(struct output *output, JSValueConst value)
{
	int64_t wrapped;

	if (!JS_IsBigInt(output->context, value))
		return output_refuse(output, "what is no bigint");
	if (JS_ToBigInt64(output->context, &wrapped, value) < 0)
		return -1;
	JSValue again = JS_NewBigUint64(output->context, (uint64_t)wrapped);
	bool fits = JS_StrictEq(output->context, value, again);
	JS_FreeValue(output->context, again);
	return fits ? put(output, &wrapped, sizeof wrapped) : output_refuse(output, "a bigint that is no u64");
}

int put_text(struct output *output, JSValueConst value)
{
	size_t length;
	int failed;

	if (!JS_IsString(value))
		return output_refuse(output, "what is no text");
	const char *text = JS_ToCStringLen(output->context, &length, value);
	if (text == NULL)
		return -1;
	if (utf8_speakable((const unsigned char *)text, length))
		failed = put_u32(output, (uint32_t)length + 1) < 0 || put(output, text, length + 1) < 0;
	else
		failed = output_refuse(output, "a text with NUL or half a pair");
	JS_FreeCString(output->context, text);
	return failed ? -1 : 0;
}

int put_block(struct output *output, JSValueConst value)
{
	uint8_t *bytes;
	size_t length;

	if (ffi_bytes(output->context, value, &bytes, &length) < 0)
		return -1;
	if (length > UINT32_MAX)
		return output_refuse(output, "4 GiB");
	return put_u32(output, (uint32_t)length) < 0 || put(output, bytes, length) < 0 ? -1 : 0;
}

/* A count and so many items. */
int put_list(struct output *output, JSValueConst list, put_value *put_item)
{
	uint32_t length;

	if (JS_IsArray(output->context, list) <= 0)
		return output_refuse(output, "what is no list");
	JSValue count = JS_GetPropertyStr(output->context, list, "length");
	int failed = JS_ToUint32(output->context, &length, count) < 0 || put_u32(output, length) < 0;
	JS_FreeValue(output->context, count);
	for (uint32_t i = 0; i < length && !failed; i++) {
		JSValue item = JS_GetPropertyUint32(output->context, list, i);
		failed = JS_IsException(item) || put_item(output, item) < 0;
		JS_FreeValue(output->context, item);
	}
	return failed ? -1 : 0;
}
