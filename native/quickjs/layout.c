#include "layout.h"

#include <string.h>

int layouts_begin(JSContext *context, JSValueConst wire, struct layouts *ret_layouts)
{
	*ret_layouts = (struct layouts){
		.context = context,
		.rows = JS_GetPropertyStr(context, wire, "layouts"),
	};
	return JS_IsException(ret_layouts->rows) ? -1 : 0;
}

void layouts_end(struct layouts *layouts)
{
	for (unsigned i = 0; i < LAYOUTS; i++) {
		struct layout *layout = layouts->known[i];
		if (layout == NULL)
			continue;
		for (unsigned field = 0; field < layout->count; field++)
			JS_FreeAtom(layouts->context, layout->fields[field].name);
		JS_FreeAtom(layouts->context, layout->call);
		js_free(layouts->context, layout);
	}
	JS_FreeValue(layouts->context, layouts->rows);
}

/* `lroot spath uflags`: a letter and a name each. */
static int read_fields(JSContext *context, struct layout *layout, const char *text)
{
	while (*text != '\0') {
		size_t length = strcspn(text, " ");
		if (layout->count == FIELDS) {
			JS_ThrowRangeError(context, "an operation has more than %d fields", FIELDS);
			return -1;
		}
		layout->fields[layout->count].kind = *text;
		layout->fields[layout->count].name = JS_NewAtomLen(context, text + 1, length - 1);
		layout->count++;
		text += length + (text[length] != '\0');
	}
	return 0;
}

/* `[opcode, actors, fields]`. */
static int read_row(JSContext *context, JSValueConst row, struct layout *layout)
{
	uint32_t opcode = 0, actors = 0;
	JSValue first = JS_GetPropertyUint32(context, row, 0);
	JSValue second = JS_GetPropertyUint32(context, row, 1);
	JSValue third = JS_GetPropertyUint32(context, row, 2);
	const char *text = JS_ToCString(context, third);
	int failed = text == NULL || JS_ToUint32(context, &opcode, first) < 0 ||
		     JS_ToUint32(context, &actors, second) < 0 || read_fields(context, layout, text) < 0;

	layout->opcode = (uint16_t)opcode;
	layout->actors = (uint16_t)actors;
	if (text != NULL)
		JS_FreeCString(context, text);
	JS_FreeValue(context, third);
	JS_FreeValue(context, second);
	JS_FreeValue(context, first);
	return failed ? -1 : 0;
}

const struct layout *layouts_find(struct layouts *layouts, JSAtom call)
{
	JSContext *context = layouts->context;
	unsigned place = call % LAYOUTS;
	int failed = -1;

	while (layouts->known[place] != NULL && layouts->known[place]->call != call)
		place = (place + 1) % LAYOUTS;
	if (layouts->known[place] != NULL)
		return layouts->known[place];
	struct layout *layout = js_mallocz(context, sizeof *layout);
	if (layout == NULL)
		return NULL;
	layouts->known[place] = layout;
	layout->call = JS_DupAtom(context, call);
	JSValue row = JS_GetProperty(context, layouts->rows, call);
	if (JS_IsArray(context, row) > 0)
		failed = read_row(context, row, layout);
	else if (!JS_IsException(row))
		JS_ThrowRangeError(context, "what is no operation of the executor cannot be encoded");
	JS_FreeValue(context, row);
	return failed ? NULL : layout;
}
