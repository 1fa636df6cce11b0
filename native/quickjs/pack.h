/* Engine.pack (src/engine/engine.ts). */
#ifndef TSRUN_PACK_H
#define TSRUN_PACK_H

#include <quickjs.h>

/* A function of JavaScript: the list of values to an ArrayBuffer; an exception when one does not fit. */
JSValue pack_values(JSContext *context, JSValueConst values);

#endif
