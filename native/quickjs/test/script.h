/* JavaScript in tests: an engine with tsrunHost, thrown away with the test. */
#ifndef TSRUN_SCRIPT_H
#define TSRUN_SCRIPT_H

#include <quickjs.h>

/* A fresh engine; `throws(Type, function)` and `same(one, other)` are there. */
JSContext *engine_begin(void);
/* Aborts when the engine still holds an object that somebody forgot to let go of. */
void engine_end(JSContext *context);

/* The script's value must be true; whatever else it is gets printed. */
void check_script(JSContext *context, const char *script, const char *file, int line);
#define CHECK_SCRIPT(context, script) check_script((context), (script), __FILE__, __LINE__)

#endif
