#ifndef TSRUN_ENCODE_H
#define TSRUN_ENCODE_H

#include <quickjs.h>

/* Engine.encodeSteps (engine.ts). */
JSValue encode_steps(JSContext *context, JSValueConst steps, JSValueConst wire);

#endif
