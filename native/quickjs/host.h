/* The native half of src/engine/quickjs.ts. */
#ifndef TSRUN_HOST_H
#define TSRUN_HOST_H

#include <quickjs.h>
#include <stddef.h>

/* The executor's ELF image (made by build.mjs). */
extern const unsigned char executor_image[];
extern const unsigned char executor_image_end[];

/* What main was given; kept, not copied. */
void host_set_arguments(int argc, char **argv);
/* The text of bytes; what is no UTF-8 becomes U+FFFD. */
JSValue host_text(JSContext *context, const unsigned char *text, size_t length);
/* The object `tsrunHost`; an exception when memory is short. */
JSValue host_new(JSContext *context);
/* What the program gave to tsrunHost.onStart (the caller frees it), or undefined. */
JSValue host_start_function(JSContext *context);
void host_forget_start_function(JSContext *context);

#endif
