#ifndef TSRUN_ENCODE_H
#define TSRUN_ENCODE_H

#include <quickjs.h>

/* Engine.encodeSteps (steps, wire). */
JSValue encode_steps(JSContext *context, JSValueConst this_value, int argc, JSValueConst *argv);

#endif
