/* The heap as the engine asks for memory. */
#ifndef TSRUN_MEMORY_H
#define TSRUN_MEMORY_H

#include <quickjs.h>

extern const JSMallocFunctions engine_memory;

#endif
