/* Bytes that grow, and how values of JavaScript are put behind them, as native/README.md draws them. */
#ifndef TSRUN_OUTPUT_H
#define TSRUN_OUTPUT_H

#include <quickjs.h>
#include <stddef.h>
#include <stdint.h>

struct output {
	JSContext *context;
	uint8_t *bytes;
	size_t length;
	size_t size;
};

/* All of these: -1, and an exception is pending. */
typedef int put_value(struct output *output, JSValueConst value);

int put_u32(struct output *output, uint32_t value);
put_value put_unsigned, put_signed, put_u64, put_text, put_block;
/* A count and so many items. */
int put_list(struct output *output, JSValueConst list, put_value *put_item);
/* A RangeError about what cannot be put. */
int output_refuse(const struct output *output, const char *what);

#endif
