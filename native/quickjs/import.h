/* import() of the program's own modules. */
#ifndef TSRUN_IMPORT_H
#define TSRUN_IMPORT_H

#include <quickjs.h>

/* tsrunHost.import(name): a promise of the module; it is rejected when there is none. */
JSValue import_module(JSContext *context, JSValueConst this_value, int argc, JSValueConst *argv);

#endif
