/* The steps of a plan as bytes (native/README.md): hundreds of objects read in one call, where JavaScript that
 * took them apart would be most of a container's start. The twin of src/engine/encode.ts. */
#include "encode.h"
#include "layout.h"
#include "output.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	FLAG_YIELD = 1,
	FLAG_WARN = 2,
};
static const uint32_t NO_SLOT = UINT32_MAX;

struct encoder {
	JSContext *context;
	JSValueConst wire;
	/* Slot → its number, and the slots in the order of their numbers. */
	JSValue slots;
	JSValue names;
	uint32_t slot_count;
	struct output output;
	struct layouts layouts;
};

static int put_slot(struct encoder *encoder, JSValueConst value)
{
	JSContext *context = encoder->context;
	uint32_t number = encoder->slot_count;

	if (!JS_IsString(value))
		return output_refuse(&encoder->output, "what is no slot");
	JSAtom name = JS_ValueToAtom(context, value);
	JSValue known = JS_GetProperty(context, encoder->slots, name);
	int failed = JS_IsException(known);
	if (JS_VALUE_GET_TAG(known) == JS_TAG_INT) {
		number = (uint32_t)JS_VALUE_GET_INT(known);
	} else if (!failed) {
		encoder->slot_count++;
		failed = JS_SetProperty(context, encoder->slots, name, JS_NewUint32(context, number)) < 0 ||
			 JS_SetPropertyUint32(context, encoder->names, number,
					      JS_DupValue(context, value)) < 0;
	}
	JS_FreeAtom(context, name);
	return failed ? -1 : put_u32(&encoder->output, number);
}

/* What wire's function of this name makes of a value. */
static int put_converted(struct encoder *encoder, const char *function, JSValueConst value,
			 put_value *put_result)
{
	JSContext *context = encoder->context;
	JSValue convert = JS_GetPropertyStr(context, encoder->wire, function);
	JSValue result = JS_Call(context, convert, encoder->wire, 1, &value);
	int failed = JS_IsException(result) ? -1 : put_result(&encoder->output, result);

	JS_FreeValue(context, result);
	JS_FreeValue(context, convert);
	return failed;
}

/* Names of wire.errnos, as their numbers. */
static int put_errnos(struct encoder *encoder, JSValueConst names)
{
	JSContext *context = encoder->context;
	JSValue errnos = JS_GetPropertyStr(context, encoder->wire, "errnos");
	JSValue length = JS_GetPropertyStr(context, names, "length");
	uint32_t count = 0;
	int failed = JS_IsException(errnos) || JS_ToUint32(context, &count, length) < 0 ||
		     put_u32(&encoder->output, count) < 0;

	for (uint32_t i = 0; !failed && i < count; i++) {
		JSValue name = JS_GetPropertyUint32(context, names, i);
		JSAtom atom = JS_ValueToAtom(context, name);
		JSValue number = JS_GetProperty(context, errnos, atom);
		failed = JS_IsException(number) || put_signed(&encoder->output, number) < 0;
		JS_FreeValue(context, number);
		JS_FreeAtom(context, atom);
		JS_FreeValue(context, name);
	}
	JS_FreeValue(context, length);
	JS_FreeValue(context, errnos);
	return failed ? -1 : 0;
}

/* The kinds of src/generated/layouts.ts. */
static int put_field(struct encoder *encoder, char kind, JSValueConst value)
{
	switch (kind) {
	case 'u':
		return put_unsigned(&encoder->output, value);
	case 'i':
		return put_signed(&encoder->output, value);
	case 'U':
		return put_u64(&encoder->output, value);
	case 'S':
		return JS_IsUndefined(value) ? put_u32(&encoder->output, 0) : put_text(&encoder->output, value);
	case 's':
		return put_text(&encoder->output, value);
	case 'L':
		return JS_IsUndefined(value) ? put_u32(&encoder->output, NO_SLOT) : put_slot(encoder, value);
	case 'l':
		return put_slot(encoder, value);
	case 'v':
		return put_list(&encoder->output, value, put_text);
	case 'w':
		return put_list(&encoder->output, value, put_unsigned);
	case 'b':
		return put_block(&encoder->output, value);
	case 'f':
		return put_converted(encoder, "filter", value, put_block);
	case 'o':
		return put_converted(encoder, "openFlags", value, put_unsigned);
	default:
		return output_refuse(&encoder->output, "a field of no known kind");
	}
}

static int put_fields(struct encoder *encoder, const struct layout *layout, JSValueConst operation)
{
	int failed = 0;

	for (unsigned i = 0; i < layout->count && !failed; i++) {
		JSValue value = JS_GetProperty(encoder->context, operation, layout->fields[i].name);
		failed = JS_IsException(value) || put_field(encoder, layout->fields[i].kind, value) < 0;
		JS_FreeValue(encoder->context, value);
	}
	return failed ? -1 : 0;
}

/* The members of a step, and of its operation the one that names it. */
struct members {
	JSAtom actor, op, call, ignore, warn;
};

/* `| u32 bytes | u16 opcode | u8 actor | u8 flags | u32 index | u32 ignored | i32 errno … | fields … |` */
static int put_record(struct encoder *encoder, const struct members *members, JSValueConst step,
		      JSValueConst operation, uint32_t actor, uint32_t index, bool yields)
{
	JSContext *context = encoder->context;
	size_t start = encoder->output.length;
	JSValue name = JS_GetProperty(context, operation, members->call);
	JSAtom call = JS_ValueToAtom(context, name);
	JSValue ignore = JS_GetProperty(context, step, members->ignore);
	JSValue warn = JS_GetProperty(context, step, members->warn);
	uint32_t flags = (yields ? FLAG_YIELD : 0) | (JS_IsUndefined(warn) ? 0 : FLAG_WARN);
	const struct layout *layout = call == JS_ATOM_NULL ? NULL : layouts_find(&encoder->layouts, call);
	int failed = layout == NULL;

	if (!failed && (layout->actors & 1u << actor) == 0)
		failed = output_refuse(&encoder->output, "an operation that is not its actor's");
	if (!failed)
		failed = put_u32(&encoder->output, 0) < 0 ||
			 put_u32(&encoder->output, layout->opcode | actor << 16 | flags << 24) < 0 ||
			 put_u32(&encoder->output, index) < 0 ||
			 (JS_IsUndefined(ignore) ? put_u32(&encoder->output, 0) : put_errnos(encoder, ignore)) < 0 ||
			 put_fields(encoder, layout, operation) < 0;
	JS_FreeValue(context, warn);
	JS_FreeValue(context, ignore);
	JS_FreeAtom(context, call);
	JS_FreeValue(context, name);
	if (failed)
		return -1;
	uint32_t bytes = (uint32_t)(encoder->output.length - start);
	memcpy(encoder->output.bytes + start, &bytes, sizeof bytes);
	return 0;
}

/* The number of an actor whose steps travel; 0: another's. */
static uint32_t actor_of(struct encoder *encoder, JSValueConst actors, JSValueConst name)
{
	JSAtom atom = JS_ValueToAtom(encoder->context, name);
	JSValue number = JS_GetProperty(encoder->context, actors, atom);
	uint32_t actor = JS_VALUE_GET_TAG(number) == JS_TAG_INT ? (uint32_t)JS_VALUE_GET_INT(number) : 0;

	JS_FreeValue(encoder->context, number);
	JS_FreeAtom(encoder->context, atom);
	return actor;
}

/* -1: an exception is pending. */
static int put_steps(struct encoder *encoder, const struct members *members, JSValueConst steps,
		     uint32_t *ret_count)
{
	JSContext *context = encoder->context;
	JSValue actors = JS_GetPropertyStr(context, encoder->wire, "actors");
	JSValue length = JS_GetPropertyStr(context, steps, "length");
	uint32_t count = 0, made = 0;
	int failed = JS_ToUint32(context, &count, length);
	bool others_before = false;

	for (uint32_t i = 0; i < count && !failed; i++) {
		JSValue step = JS_GetPropertyUint32(context, steps, i);
		JSValue name = JS_GetProperty(context, step, members->actor);
		uint32_t actor = JS_IsException(name) ? 0 : actor_of(encoder, actors, name);
		failed = JS_IsException(name);
		if (actor != 0) {
			JSValue operation = JS_GetProperty(context, step, members->op);
			/* What the runtime does before the first step is done before the executor is started. */
			failed = put_record(encoder, members, step, operation, actor, i,
					    others_before && made > 0);
			JS_FreeValue(context, operation);
			made++;
		}
		others_before = actor == 0;
		JS_FreeValue(context, name);
		JS_FreeValue(context, step);
	}
	JS_FreeValue(context, length);
	JS_FreeValue(context, actors);
	*ret_count = made;
	return failed ? -1 : 0;
}

static void free_bytes(JSRuntime *runtime, void *opaque, void *bytes)
{
	(void)opaque;
	js_free_rt(runtime, bytes);
}

/* `{ bytes, count, slots }`; takes the bytes and the names. */
static JSValue result_of(struct encoder *encoder, uint32_t count)
{
	JSContext *context = encoder->context;
	JSValue result = JS_NewObject(context);
	JSValueConst whole[] = {
		JS_NewArrayBuffer(context, encoder->output.bytes, encoder->output.length, free_bytes, NULL, 0),
		JS_UNDEFINED,
		JS_UNDEFINED,
	};
	JSValue bytes = JS_NewTypedArray(context, 3, whole, JS_TYPED_ARRAY_UINT8);

	JS_FreeValue(context, whole[0]);
	JS_SetPropertyStr(context, result, "bytes", bytes);
	JS_SetPropertyStr(context, result, "count", JS_NewUint32(context, count));
	JS_SetPropertyStr(context, result, "slots", encoder->names);
	return result;
}

JSValue encode_steps(JSContext *context, JSValueConst this_value, int argc, JSValueConst *argv)
{
	struct encoder encoder = { .context = context, .wire = argv[1], .output.context = context };
	struct members members = {
		JS_NewAtom(context, "actor"), JS_NewAtom(context, "op"), JS_NewAtom(context, "call"),
		JS_NewAtom(context, "ignore"), JS_NewAtom(context, "warn"),
	};
	uint32_t count = 0;
	(void)this_value, (void)argc;

	encoder.slots = JS_NewObjectProto(context, JS_NULL);
	encoder.names = JS_NewArray(context);
	int failed = layouts_begin(context, encoder.wire, &encoder.layouts) < 0 ||
		     put_steps(&encoder, &members, argv[0], &count) < 0;
	layouts_end(&encoder.layouts);
	JS_FreeValue(context, encoder.slots);
	JS_FreeAtom(context, members.warn);
	JS_FreeAtom(context, members.ignore);
	JS_FreeAtom(context, members.call);
	JS_FreeAtom(context, members.op);
	JS_FreeAtom(context, members.actor);
	if (!failed)
		return result_of(&encoder, count);
	JS_FreeValue(context, encoder.names);
	js_free(context, encoder.output.bytes);
	return JS_EXCEPTION;
}
