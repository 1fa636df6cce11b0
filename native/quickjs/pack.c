/* Values as the bytes of the wire format (native/README.md): thousands of them in one call, where a call of
 * JavaScript for each would take most of a container's start. */
#include "pack.h"
#include "ffi.h"
#include "utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	FIRST_BYTES = 8192,
	DEPTH = 8, /* lists within lists: plans have two */
};

struct buffer {
	JSContext *context;
	uint8_t *bytes;
	size_t length;
	size_t size;
};

static int refuse(JSContext *context, const char *what)
{
	JS_ThrowRangeError(context, "%s cannot be packed", what);
	return -1;
}

/* Room for so many bytes at the end; NULL: an exception is pending. */
static uint8_t *room(struct buffer *buffer, size_t count)
{
	if (count > UINT32_MAX - buffer->length) {
		refuse(buffer->context, "4 GiB");
		return NULL;
	}
	if (buffer->length + count > buffer->size) {
		size_t size = buffer->size == 0 ? FIRST_BYTES : buffer->size * 2;
		if (size < buffer->length + count)
			size = buffer->length + count;
		uint8_t *larger = js_realloc(buffer->context, buffer->bytes, size);
		if (larger == NULL)
			return NULL;
		buffer->bytes = larger;
		buffer->size = size;
	}
	buffer->length += count;
	return buffer->bytes + buffer->length - count;
}

/* x86-64 and arm64 are little-endian both. */
static int put(struct buffer *buffer, const void *bytes, size_t length)
{
	uint8_t *at = room(buffer, length);
	if (at == NULL)
		return -1;
	memcpy(at, bytes, length);
	return 0;
}

static int put_u32(struct buffer *buffer, uint32_t value)
{
	return put(buffer, &value, sizeof value);
}

static int pack_real(struct buffer *buffer, double real)
{
	if (!(real >= 0 && real <= UINT32_MAX) || real != (double)(uint32_t)real)
		return refuse(buffer->context, "a number that is no u32");
	return put_u32(buffer, (uint32_t)real);
}

static int pack_bigint(struct buffer *buffer, JSValueConst value)
{
	int64_t wrapped;

	if (JS_ToBigInt64(buffer->context, &wrapped, value) < 0)
		return -1;
	JSValue again = JS_NewBigUint64(buffer->context, (uint64_t)wrapped);
	bool fits = JS_StrictEq(buffer->context, value, again);
	JS_FreeValue(buffer->context, again);
	if (!fits)
		return refuse(buffer->context, "a bigint that is no u64");
	return put(buffer, &wrapped, sizeof wrapped);
}

static int pack_text(struct buffer *buffer, JSValueConst value)
{
	size_t length;
	int failed;

	const char *text = JS_ToCStringLen(buffer->context, &length, value);
	if (text == NULL)
		return -1;
	if (utf8_speakable((const unsigned char *)text, length))
		failed = put_u32(buffer, (uint32_t)length + 1) < 0 || put(buffer, text, length + 1) < 0;
	else
		failed = refuse(buffer->context, "a text with NUL or half a pair");
	JS_FreeCString(buffer->context, text);
	return failed ? -1 : 0;
}

static int pack_block(struct buffer *buffer, JSValueConst value)
{
	uint8_t *bytes;
	size_t length;

	if (ffi_bytes(buffer->context, value, &bytes, &length) < 0)
		return -1;
	if (length > UINT32_MAX)
		return refuse(buffer->context, "4 GiB");
	return put_u32(buffer, (uint32_t)length) < 0 || put(buffer, bytes, length) < 0 ? -1 : 0;
}

static int pack_list(struct buffer *buffer, JSValueConst list, unsigned depth);

static int pack_record(struct buffer *buffer, JSValueConst list, unsigned depth)
{
	size_t start = buffer->length;

	if (depth == 0)
		return refuse(buffer->context, "a list so deep");
	if (put_u32(buffer, 0) < 0 || pack_list(buffer, list, depth - 1) < 0)
		return -1;
	uint32_t bytes = (uint32_t)(buffer->length - start);
	memcpy(buffer->bytes + start, &bytes, sizeof bytes);
	return 0;
}

static int pack_value(struct buffer *buffer, JSValueConst value, unsigned depth)
{
	if (JS_VALUE_GET_NORM_TAG(value) == JS_TAG_INT)
		return JS_VALUE_GET_INT(value) >= 0
			       ? put_u32(buffer, (uint32_t)JS_VALUE_GET_INT(value))
			       : refuse(buffer->context, "a negative number");
	if (JS_TAG_IS_FLOAT64(JS_VALUE_GET_TAG(value)))
		return pack_real(buffer, JS_VALUE_GET_FLOAT64(value));
	if (JS_IsBigInt(buffer->context, value))
		return pack_bigint(buffer, value);
	if (JS_IsString(value))
		return pack_text(buffer, value);
	return JS_IsArray(buffer->context, value) > 0 ? pack_record(buffer, value, depth)
						       : pack_block(buffer, value);
}

static int pack_list(struct buffer *buffer, JSValueConst list, unsigned depth)
{
	uint32_t length;

	JSValue count = JS_GetPropertyStr(buffer->context, list, "length");
	int failed = JS_ToUint32(buffer->context, &length, count);
	JS_FreeValue(buffer->context, count);
	for (uint32_t i = 0; i < length && !failed; i++) {
		JSValue value = JS_GetPropertyUint32(buffer->context, list, i);
		failed = JS_IsException(value) || pack_value(buffer, value, depth) < 0;
		JS_FreeValue(buffer->context, value);
	}
	return failed ? -1 : 0;
}

static void free_bytes(JSRuntime *runtime, void *opaque, void *bytes)
{
	(void)opaque;
	js_free_rt(runtime, bytes);
}

JSValue pack_values(JSContext *context, JSValueConst values)
{
	struct buffer buffer = { .context = context };

	if (pack_list(&buffer, values, DEPTH) < 0) {
		js_free(context, buffer.bytes);
		return JS_EXCEPTION;
	}
	return JS_NewArrayBuffer(context, buffer.bytes, buffer.length, free_bytes, NULL, 0);
}
