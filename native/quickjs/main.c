/* tsrun on QuickJS. The build starts this program once without a snapshot: it runs the top level of the
 * program's modules and writes the section tsrun_heap to the file it is given. With those contents put
 * into the section, a process begins where that one ended: it calls the function the program left behind. */
#include "ffi.h"
#include "heap.h"
#include "host.h"
#include "memory.h"
#ifdef TSRUN_SNAPSHOT
#include "rehearse.h"
#endif

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A bytecode module inside the program's file (made by build.mjs from compile.c's output). The table ends
 * with a name of NULL. */
struct module {
	const char *name;
	const unsigned char *code;
	const unsigned char *code_end;
};
extern const struct module modules[];

/* In the snapshot. */
static struct {
	JSRuntime *runtime;
	JSContext *context;
} engine __attribute__((section("tsrun_heap"), no_reorder));

static struct {
	JSValue reason;
	bool pending;
} rejection;

#ifndef TSRUN_SYSTEM_MALLOC
enum { GARBAGE_BYTES = 16 << 20 }; /* collected only by verbs that live long */
#endif

static void report(JSContext *context, JSValueConst exception)
{
	const char *text = JS_ToCString(context, exception);
	JSValue stack_value = JS_GetPropertyStr(context, exception, "stack");
	const char *stack = JS_IsString(stack_value) ? JS_ToCString(context, stack_value) : NULL;

	dprintf(STDERR_FILENO, "tsrun: internal error: %s\n%s", text ? text : "?", stack ? stack : "");
	if (stack != NULL)
		JS_FreeCString(context, stack);
	JS_FreeValue(context, stack_value);
	if (text != NULL)
		JS_FreeCString(context, text);
}

static int report_pending(JSContext *context)
{
	JSValue exception = JS_GetException(context);
	report(context, exception);
	JS_FreeValue(context, exception);
	return EXIT_FAILURE;
}

static void track_rejection(JSContext *context, JSValueConst promise, JSValueConst reason,
			    JS_BOOL is_handled, void *opaque)
{
	(void)promise, (void)opaque;
	if (rejection.pending)
		JS_FreeValue(context, rejection.reason);
	rejection.pending = !is_handled;
	if (rejection.pending)
		rejection.reason = JS_DupValue(context, reason);
}

#ifdef TSRUN_SNAPSHOT
extern const unsigned char __start_tsrun_heap[], __stop_tsrun_heap[];

static const char *module_directory;

/* While the snapshot is made: what will lie in it need not lie in the program's file as well. */
static JSValue read_module_file(JSContext *context, const char *name)
{
	char path[PATH_MAX];
	struct stat status;

	snprintf(path, sizeof path, "%s/%s.qbc", module_directory, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0)
		return JS_ThrowReferenceError(context, "%s: %m", path);
	void *code = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (code == MAP_FAILED)
		return JS_ThrowReferenceError(context, "%s: %m", path);
	return JS_ReadObject(context, code, (size_t)status.st_size, JS_READ_OBJ_BYTECODE);
}
#endif

static JSValue read_module(JSContext *context, const char *name)
{
	for (const struct module *module = modules; module->name != NULL; module++)
		if (strcmp(module->name, name) == 0)
			return JS_ReadObject(context, module->code,
					     (size_t)(module->code_end - module->code),
					     JS_READ_OBJ_BYTECODE);
#ifdef TSRUN_SNAPSHOT
	if (module_directory != NULL)
		return read_module_file(context, name);
#endif
	return JS_ThrowReferenceError(context, "no module is called %s", name);
}

static JSModuleDef *load_module(JSContext *context, const char *name, void *opaque)
{
	(void)opaque;
	JSValue module = read_module(context, name);
	return JS_IsException(module) ? NULL : (JSModuleDef *)JS_VALUE_GET_PTR(module);
}

/* What the language needs and src/ may use; not eval, whose parser would double the engine's size. */
static void add_intrinsics(JSContext *context)
{
	JS_AddIntrinsicBaseObjects(context);
	JS_AddIntrinsicDate(context);
	JS_AddIntrinsicStringNormalize(context);
	JS_AddIntrinsicRegExp(context);
	JS_AddIntrinsicJSON(context);
	JS_AddIntrinsicProxy(context);
	JS_AddIntrinsicMapSet(context);
	JS_AddIntrinsicTypedArrays(context);
	JS_AddIntrinsicPromise(context);
	JS_AddIntrinsicWeakRef(context);
}

static int run_jobs(JSContext *context)
{
	JSContext *of_job;
	int ran;

	while ((ran = JS_ExecutePendingJob(JS_GetRuntime(context), &of_job)) > 0)
		;
	if (ran < 0)
		return report_pending(of_job);
	if (!rejection.pending)
		return EXIT_SUCCESS;
	report(context, rejection.reason);
	JS_FreeValue(context, rejection.reason);
	rejection.pending = false;
	return EXIT_FAILURE;
}

/* Runs the top level of the program's modules, up to the function given to onStart. */
static int load_program(const char *name)
{
#ifdef TSRUN_SYSTEM_MALLOC
	engine.runtime = JS_NewRuntime();
#else
	engine.runtime = JS_NewRuntime2(&engine_memory, NULL);
	if (engine.runtime != NULL)
		JS_SetGCThreshold(engine.runtime, GARBAGE_BYTES);
#endif
	engine.context = engine.runtime == NULL ? NULL : JS_NewContextRaw(engine.runtime);
	if (engine.context == NULL)
		return EXIT_FAILURE;
	add_intrinsics(engine.context);
	JS_SetModuleLoaderFunc(engine.runtime, NULL, load_module, NULL);
	JS_SetHostPromiseRejectionTracker(engine.runtime, track_rejection, NULL);

	JSValue global = JS_GetGlobalObject(engine.context);
	int defined = JS_SetPropertyStr(engine.context, global, "tsrunHost", host_new(engine.context));
	JS_FreeValue(engine.context, global);
	if (defined < 0)
		return report_pending(engine.context);

	JSValue program = read_module(engine.context, name);
	if (JS_IsException(program) || JS_ResolveModule(engine.context, program) < 0)
		return report_pending(engine.context);
	JSValue promise = JS_EvalFunction(engine.context, program);
	if (JS_IsException(promise))
		return report_pending(engine.context);
	JS_FreeValue(engine.context, promise);
	return run_jobs(engine.context);
}

static int call_start(JSContext *context)
{
	JSValue start = host_start_function(context);
	JSValue result = JS_Call(context, start, JS_UNDEFINED, 0, NULL);
	JS_FreeValue(context, start);
	if (JS_IsException(result))
		return report_pending(context);
	JS_FreeValue(context, result);
	return run_jobs(context);
}

#ifdef TSRUN_SNAPSHOT
static int load_rehearsed(const char *program)
{
	int status = load_program(program);
	if (status == EXIT_SUCCESS)
		JS_RunGC(engine.runtime);
	return status;
}

static int start_rehearsed(void)
{
	JS_UpdateStackTop(engine.runtime);
	return call_start(engine.context);
}

/* SNAPSHOT DIRECTORY PROGRAM CONFIG */
static int write_snapshot(char **arguments)
{
	const char *path = arguments[0];

	module_directory = arguments[1];
	ffi_allow_calls(false);
	const struct rehearsed rehearsed = { load_rehearsed, start_rehearsed, arguments[2], arguments[3] };
	if (!rehearse(&rehearsed))
		fputs("The snapshot is made without a rehearsal: more of its pages will be copied.\n", stderr);
	if (load_program(arguments[2]) != EXIT_SUCCESS)
		return EXIT_FAILURE;
	JS_RunGC(engine.runtime);
	heap_seal();

	size_t size = (size_t)(__stop_tsrun_heap - __start_tsrun_heap);
	FILE *file = fopen(path, "wb");
	if (file == NULL || fwrite(__start_tsrun_heap, 1, size, file) != size || fclose(file) != 0) {
		perror(path);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
#endif

/*
 * A standard stream that is closed would become the number of the first thing tsrun opens, which the
 * container would then be given as its own: a file or a socket of the host's.
 */
static bool fill_standard_streams(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	if (!fill_standard_streams())
		return EXIT_FAILURE;
	host_set_arguments(argc, argv);
#ifdef TSRUN_SNAPSHOT
	if (engine.context == NULL) {
		if (argc != 5)
			return EXIT_FAILURE;
		return write_snapshot(argv + 1);
	}
	JS_UpdateStackTop(engine.runtime);
#else
	if (load_program(modules[0].name) != EXIT_SUCCESS)
		return EXIT_FAILURE;
#endif
	int status = call_start(engine.context);
#ifndef TSRUN_SNAPSHOT
	host_forget_start_function(engine.context);
	JS_FreeContext(engine.context);
	JS_FreeRuntime(engine.runtime);
#endif
	return status;
}
