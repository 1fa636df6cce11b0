/* The language's own import() asks the function that calls it for its file's name, which bytecode without debug
 * information does not have. The bundle calls this instead (bundle.mjs). */
#include "import.h"

/* All modules lie beside the program: their names are relative to it. */
static const char program[] = "program.js";

JSValue import_module(JSContext *context, JSValueConst this_value, int argc, JSValueConst *argv)
{
	(void)this_value, (void)argc;
	const char *name = JS_ToCString(context, argv[0]);
	if (name == NULL)
		return JS_EXCEPTION;
	JSValue promise = JS_LoadModule(context, program, name);
	JS_FreeCString(context, name);
	return promise;
}
