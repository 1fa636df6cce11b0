/* What the members of operations become on the wire: the rows of Engine.encodeSteps's wire.layouts. */
#ifndef TSRUN_LAYOUT_H
#define TSRUN_LAYOUT_H

#include <quickjs.h>
#include <stdint.h>

enum {
	LAYOUTS = 128, /* a power of two, and more than there are operations */
	FIELDS = 12,
};

struct layout {
	JSAtom call;
	uint16_t opcode;
	uint16_t actors;
	unsigned count;
	struct {
		JSAtom name;
		char kind;
	} fields[FIELDS];
};

/* Those of the operations a plan has, read when one is met first. */
struct layouts {
	JSContext *context;
	JSValue rows;
	struct layout *known[LAYOUTS]; /* by a hash of their names; NULL: the place is free */
};

/* Of a wire. -1: an exception is pending. */
int layouts_begin(JSContext *context, JSValueConst wire, struct layouts *ret_layouts);
/* NULL: an exception is pending, a RangeError for what is no operation. */
const struct layout *layouts_find(struct layouts *layouts, JSAtom call);
void layouts_end(struct layouts *layouts);

#endif
