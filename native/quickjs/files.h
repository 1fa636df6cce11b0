/* Whole files in one call: what tsrun asks of a machine stands in many small ones. */
#ifndef TSRUN_FILES_H
#define TSRUN_FILES_H

#include <quickjs.h>

/* Engine.readText (dirfd, path): the text of a file, or `{ call, errno }`. */
JSValue files_read_text(JSContext *context, JSValueConst this_value, int argc, JSValueConst *argv);

#endif
