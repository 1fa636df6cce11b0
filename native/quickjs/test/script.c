#include "script.h"
#include "../../test/check.h"
#include "../host.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A binding belongs to the process (ffi_bind): what the leak check finds of it is no leak. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:ffi_bind\n";
}

const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}

static const char prelude[] =
    "const throws = (Type, work) => {"
    "  try { work(); } catch (error) { if (error instanceof Type) return true; throw error; }"
    "  return false;"
    "};"
    "const same = (one, other) => String([...one]) === String([...other]);"
    "const bind = (name, signature, library) => tsrunHost.bind(name, signature, library);";

JSContext *engine_begin(void)
{
    JSRuntime *runtime = JS_NewRuntime();
    JSContext *context = JS_NewContext(runtime);

    /* The sanitizers' frames are larger than the engine expects. */
    JS_SetMaxStackSize(runtime, 0);
    JSValue global = JS_GetGlobalObject(context);
    JS_SetPropertyStr(context, global, "tsrunHost", host_new(context));
    JS_FreeValue(context, global);
    JS_FreeValue(context, JS_Eval(context, prelude, sizeof prelude - 1, "prelude", JS_EVAL_TYPE_GLOBAL));
    return context;
}

void engine_end(JSContext *context)
{
    JSRuntime *runtime = JS_GetRuntime(context);

    host_forget_start_function(context);
    JS_FreeContext(context);
    JS_FreeRuntime(runtime);
}

void check_script(JSContext *context, const char *script, const char *file, int line)
{
    JSValue value = JS_Eval(context, script, strlen(script), "test", JS_EVAL_TYPE_GLOBAL);
    bool holds = JS_IsBool(value) && JS_ToBool(context, value) == 1;

    check_that(holds, script, file, line);
    if (!holds) {
        JSValue shown = JS_IsException(value) ? JS_GetException(context) : JS_DupValue(context, value);
        const char *text = JS_ToCString(context, shown);

        printf("        got %s\n", text == NULL ? "?" : text);
        JS_FreeCString(context, text);
        JS_FreeValue(context, shown);
    }
    JS_FreeValue(context, value);
}
