/* compile DIRECTORY OUTPUT MODULE…: compiles each module and what it imports to OUTPUT/MODULE.qbc. Part of
 * the build, not of tsrun. Source text is left out; names and lines stay, for stack traces and import(). */
#include <quickjs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *directory;
static const char *output;

static char *read_file(const char *path, size_t *ret_length)
{
	FILE *file = fopen(path, "rb");
	if (file == NULL || fseek(file, 0, SEEK_END) < 0) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	size_t length = (size_t)ftell(file);
	char *text = malloc(length + 1);
	rewind(file);
	if (text == NULL || fread(text, 1, length, file) != length) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	fclose(file);
	text[length] = '\0';
	*ret_length = length;
	return text;
}

static void write_bytecode(JSContext *context, const char *name, JSValueConst module)
{
	char path[4096];
	size_t length;
	uint8_t *bytecode = JS_WriteObject(context, &length, module, JS_WRITE_OBJ_BYTECODE);

	snprintf(path, sizeof path, "%s/%s.qbc", output, name);
	FILE *file = fopen(path, "wb");
	if (bytecode == NULL || file == NULL || fwrite(bytecode, 1, length, file) != length ||
	    fclose(file) != 0) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	js_free(context, bytecode);
}

static JSModuleDef *compile(JSContext *context, const char *name, void *opaque)
{
	char path[4096];
	size_t length;
	(void)opaque;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	char *text = read_file(path, &length);
	JSValue module = JS_Eval(context, text, length, name,
				 JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
	free(text);
	if (JS_IsException(module))
		return NULL;
	write_bytecode(context, name, module);
	return JS_VALUE_GET_PTR(module);
}

int main(int argc, char **argv)
{
	JSRuntime *runtime = JS_NewRuntime();
	JSContext *context = JS_NewContext(runtime);

	if (argc < 4)
		return EXIT_FAILURE;
	directory = argv[1];
	output = argv[2];
	/* Lines of the bundle are a ninth of the program's file; an internal error still names its functions. */
	JS_SetStripInfo(runtime, JS_STRIP_DEBUG);
	JS_SetModuleLoaderFunc(runtime, NULL, compile, NULL);
	for (int i = 3; i < argc; i++) {
		if (compile(context, argv[i], NULL) != NULL)
			continue;
		JSValue exception = JS_GetException(context);
		const char *text = JS_ToCString(context, exception);
		JSValue stack = JS_GetPropertyStr(context, exception, "stack");
		fprintf(stderr, "%s: %s\n%s", argv[i], text, JS_ToCString(context, stack));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
